// RB-6 (spec I.5, C.6): a packet that asks for a completion gets exactly one, with its transaction
// id; no completion comes for an id that is not outstanding; no id is used again before that.
//
// What is outstanding when a VM is suspended for a migration goes with it: the answers may come
// from the other host.
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::Duration;
using traces::Time;

constexpr std::uint16_t kCompletion = 0xB;
constexpr Duration kPatience{180'000'000'000};  // Linux's timer for a SCSI request, spec D.1

class Completions final : public Property {
 public:
  Completions()
      : Property("RB-6", "every request in a ring gets exactly one completion, of its own id",
                 {ev::RingProduced::kType, ev::RingConsumed::kType, ev::VmbusChannel::kType,
                  ev::MemoryDigest::kType, ev::PartitionState::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* consumed = event.as<ev::RingConsumed>()) {
      packet(event, *consumed, true);
    } else if (const auto* produced = event.as<ev::RingProduced>()) {
      packet(event, *produced, false);
    } else if (const auto* channel = event.as<ev::VmbusChannel>()) {
      // Opening anew or closing: the guest has forgotten what it asked for. A restored channel
      // goes through its steps before the digest brings in what is outstanding.
      if (channel->to == traces::ChannelState::Open) return;
      std::erase_if(open_[{event.node.value, channel->partition}],
                    [&](const auto& entry) { return entry.first.relid == channel->relid; });
    } else if (const auto* digest = event.as<ev::MemoryDigest>()) {
      moved(event, *digest);
    } else if (const auto* state = event.as<ev::PartitionState>()) {
      if (state->to == traces::PartitionState::Deleted) {
        open_.erase({event.node.value, state->partition});
      }
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      std::erase_if(open_, [&](const auto& e) { return e.first.first == event.node.value; });
    }
  }

 private:
  struct Id {
    std::uint32_t relid = 0;
    bool by_guest = false;  ///< who asked
    std::uint64_t transaction = 0;
    friend auto operator<=>(const Id&, const Id&) = default;
  };
  using Open = std::map<Id, Time>;
  using Place = std::pair<std::uint32_t, std::uint64_t>;  // node, partition

  template <class E>
  void packet(const traces::Event& event, const E& packet, bool from_guest) {
    Open& open = open_[{event.node.value, packet.partition}];
    if (packet.type == kCompletion) {
      ++completions_;
      if (open.erase({packet.relid, !from_guest, packet.transaction}) == 0) {
        violate(event, "a completion on channel " + std::to_string(packet.relid) +
                           " has transaction " + std::to_string(packet.transaction) +
                           ", which is not outstanding");
      }
    } else if (packet.completion_requested) {
      ++requests_;
      if (!open.emplace(Id{packet.relid, from_guest, packet.transaction}, event.time).second) {
        violate(event, "transaction " + std::to_string(packet.transaction) + " on channel " +
                           std::to_string(packet.relid) + " is used again while outstanding");
      }
    }
  }

  void moved(const traces::Event& event, const ev::MemoryDigest& digest) {
    const Place here{event.node.value, digest.partition};
    if (digest.point == traces::DigestPoint::Suspended) {
      carried_[digest.vm] = open_[here];
      origin_[digest.vm] = here;
    } else if (digest.point == traces::DigestPoint::Resumed) {
      const auto carried = carried_.find(digest.vm);
      if (carried == carried_.end()) return;
      if (origin_[digest.vm] != here) {
        open_[here] = carried->second;
        open_.erase(origin_[digest.vm]);
      }
      carried_.erase(carried);
    }
  }

  void at_end(Time end) override {
    for (const auto& [place, open] : open_) {
      for (const auto& [id, since] : open) {
        if (end - since <= kPatience) continue;
        violate_at_end(end, "transaction " + std::to_string(id.transaction) + " on channel " +
                                std::to_string(id.relid) + " is outstanding for " +
                                milliseconds(end - since));
      }
    }
  }

  bool needs_detail() const override { return true; }
  std::string measured() const override {
    return std::to_string(requests_) + " requests, " + std::to_string(completions_) +
           " completions";
  }
  std::string bound() const override { return "answered within " + milliseconds(kPatience); }

  std::map<Place, Open> open_;
  std::map<std::uint32_t, Open> carried_;  // by VM
  std::map<std::uint32_t, Place> origin_;
  std::uint64_t requests_ = 0;
  std::uint64_t completions_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_rb6() { return std::make_unique<Completions>(); }

}  // namespace checkers
