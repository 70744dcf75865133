// VB-6 (spec I.4, C.4, C.6): the host touches guest pages only while they are lent to it. Those of
// a GPADL from its acceptance until TORNDOWN is sent; those that a packet names from reading the
// packet until its completion is in the ring.
#include <map>
#include <set>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::ChannelState;
using traces::GpadlState;
using traces::VmbusMessage;

constexpr std::uint16_t kGpaDirect = 9;  // packet types, spec C.6
constexpr std::uint16_t kCompletion = 11;

struct Loans {
  /// GPADLs are told anew by the server that restores them; requests under way are not.
  void take_over(const Loans& source) { requests = source.requests; }

  std::map<std::uint32_t, GpadlState> gpadls;
  std::set<std::uint32_t> torndown;
  std::map<std::pair<std::uint32_t, std::uint64_t>, unsigned> requests;  // relid, transaction
};

class LentPages final : public Property {
 public:
  LentPages()
      : Property("VB-6", "the host touches guest pages only while they are lent to it",
                 {ev::VmbusAccess::kType, ev::VmbusGpadl::kType, ev::VmbusMessage::kType,
                  ev::VmbusChannel::kType, ev::RingConsumed::kType, ev::RingProduced::kType,
                  ev::PartitionState::kType, ev::PartitionCall::kType, ev::VpState::kType,
                  ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* access = event.as<ev::VmbusAccess>()) {
      touched(event, *access);
    } else if (const auto* consumed = event.as<ev::RingConsumed>()) {
      if (consumed->type != kGpaDirect) return;
      ++loans_.at(event, consumed->partition).requests[{consumed->relid, consumed->transaction}];
    } else if (const auto* produced = event.as<ev::RingProduced>()) {
      completed(event, *produced);
    } else if (const auto* gpadl = event.as<ev::VmbusGpadl>()) {
      Loans& loans = loans_.at(event, gpadl->partition);
      loans.gpadls[gpadl->gpadl] = gpadl->to;
      if (gpadl->to == GpadlState::None) loans.gpadls.erase(gpadl->gpadl);
      if (gpadl->to == GpadlState::Accepted) loans.torndown.erase(gpadl->gpadl);
    } else if (const auto* message = event.as<ev::VmbusMessage>()) {
      if (message->type == VmbusMessage::GpadlTorndown) {
        loans_.at(event, message->partition).torndown.insert(message->id);
      }
    } else if (const auto* channel = event.as<ev::VmbusChannel>()) {
      if (channel->to == ChannelState::Closed) closed(event, *channel);
    } else {
      loans_.follow(event);
    }
  }

 private:
  void completed(const traces::Event& event, const ev::RingProduced& produced) {
    if (produced.type != kCompletion) return;
    auto& requests = loans_.at(event, produced.partition).requests;
    const auto found = requests.find({produced.relid, produced.transaction});
    if (found != requests.end() && --found->second == 0) requests.erase(found);
  }

  void closed(const traces::Event& event, const ev::VmbusChannel& channel) {
    // A restored channel passes through closed before anything of it can be under way here.
    if (channel.from == ChannelState::Released) return;
    auto& requests = loans_.at(event, channel.partition).requests;
    requests.erase(requests.lower_bound({channel.relid, 0}),
                   requests.lower_bound({channel.relid + 1, 0}));
  }

  void touched(const traces::Event& event, const ev::VmbusAccess& access) {
    ++accesses_;
    const Loans& loans = loans_.at(event, access.partition);
    if (access.gpadl == 0) {
      ++direct_;
      if (!loans.requests.contains({access.relid, access.transaction})) {
        violate(event, described(access) + ": transaction " + std::to_string(access.transaction) +
                           " is not under way");
      }
      return;
    }
    const auto gpadl = loans.gpadls.find(access.gpadl);
    const bool lent = gpadl != loans.gpadls.end() && (gpadl->second == GpadlState::Accepted ||
                                                      gpadl->second == GpadlState::TearingDown);
    if (loans.torndown.contains(access.gpadl)) {
      violate(event, described(access) + " was torn down");
    } else if (!lent) {
      violate(event, described(access) + " is not accepted");
    }
  }

  static std::string described(const ev::VmbusAccess& access) {
    return "the host " + std::string(access.write ? "writes" : "reads") + " " +
           std::to_string(access.pages) + " pages from " + std::to_string(access.first_gpfn) +
           " for channel " + std::to_string(access.relid) +
           (access.gpadl == 0 ? "" : ": GPADL " + std::to_string(access.gpadl));
  }

  std::string measured() const override {
    return std::to_string(accesses_) + " accesses, " + std::to_string(direct_) +
           " of them by packets";
  }
  bool needs_detail() const override { return true; }

  PerPartition<Loans> loans_;
  std::uint64_t accesses_ = 0;
  std::uint64_t direct_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_vb6() { return std::make_unique<LentPages>(); }

}  // namespace checkers
