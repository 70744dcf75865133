// VB-6 (spec I.4, C.4, C.6): the host touches guest pages only while they are lent to it. Those of
// a GPADL from its acceptance until TORNDOWN is sent; those that a packet names from reading the
// packet until its completion is in the ring.
//
// The server tells what it is about to touch; that is held against the loans. What it really writes
// the witness in guest memory tells: outside the rings each byte must be one that a packet under
// way names, as the packet lies in its ring, or a hypercall's output. Frames that are not the
// guest's hold the overlay pages, which are the hypervisor's own. What lies in a buffer that a
// device's own protocol names (a network adapter's, spec D.2) no packet in the ring says, so there
// the server's word for which pages it is about to write is taken, at once and for accepted GPADLs
// only.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "checkers/gpa_frames.hpp"
#include "checkers/guest_packets.hpp"
#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/watched_rings.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::ChannelState;
using traces::GpadlState;
using traces::VmbusMessage;

/// A packet that was read and not yet completed.
struct Request {
  unsigned count = 0;  ///< packets of this transaction
  std::vector<PagePart> lends;
};

struct PageRange {
  std::uint64_t first = 0;
  std::uint64_t pages = 0;
};

struct Loans {
  /// GPADLs are told anew by the server that restores them; the rest is not.
  void take_over(const Loans& source) {
    requests = source.requests;
    interrupt_page = source.interrupt_page;
  }

  std::map<std::uint32_t, GpadlState> gpadls;
  std::set<std::uint32_t> torndown;
  std::map<std::pair<std::uint32_t, std::uint64_t>, Request> requests;  // relid, transaction
  GpaFrames frames;
  std::uint64_t interrupt_page = 0;  // lent by a contact below 2.4; 0: none
  std::optional<PagePart> output;    // of a hypercall, until it has been written
  std::vector<PageRange> buffers;    // of GPADLs that the server is about to write
  std::uint64_t told = 0;            // event that told so: several runs of pages come in a row
};

class LentPages final : public RingProperty {
 public:
  LentPages()
      : RingProperty("VB-6", "the host touches guest pages only while they are lent to it",
                     {ev::VmbusAccess::kType, ev::VmbusGpadl::kType, ev::VmbusMessage::kType,
                      ev::VmbusChannel::kType, ev::RingConsumed::kType, ev::RingProduced::kType,
                      ev::PartitionState::kType, ev::PartitionCall::kType, ev::VpState::kType,
                      ev::NodeKilled::kType, ev::MemoryHostWrite::kType, ev::HypercallOutput::kType,
                      ev::GpaMapped::kType}) {}

 private:
  bool hears_hostile() const override { return true; }

  void other(const traces::Event& event) override {
    if (const auto* access = event.as<ev::VmbusAccess>()) {
      touched(event, *access);
    } else if (const auto* consumed = event.as<ev::RingConsumed>()) {
      taken(event, *consumed);
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
      } else if (message->type == VmbusMessage::InitiateContact && !message->to_guest) {
        loans_.at(event, message->partition).interrupt_page = message->value;
      }
    } else if (const auto* channel = event.as<ev::VmbusChannel>()) {
      if (channel->to == ChannelState::Closed) closed(event, *channel);
    } else if (const auto* write = event.as<ev::MemoryHostWrite>()) {
      wrote(event, *write);
    } else if (const auto* output = event.as<ev::HypercallOutput>()) {
      const auto from = static_cast<std::uint32_t>(output->gpa % kPage);
      loans_.at(event, output->partition).output = {output->gpa / kPage, from,
                                                    from + output->bytes};
    } else if (const auto* mapped = event.as<ev::GpaMapped>()) {
      loans_.at(event, mapped->partition).frames.map(*mapped);
    } else {
      loans_.follow(event);
    }
  }

  void taken(const traces::Event& event, const ev::RingConsumed& consumed) {
    if (consumed.type != packet_type::kGpaDirect) return;
    Request& request =
        loans_.at(event, consumed.partition).requests[{consumed.relid, consumed.transaction}];
    ++request.count;
    const WatchedRing* ring = this->ring({channel_of(event, consumed), false});
    if (ring == nullptr) return;
    for (const PagePart& part : lent_by(*ring, consumed.start)) request.lends.push_back(part);
  }

  void wrote(const traces::Event& event, const ev::MemoryHostWrite& write) {
    // What the packets of a guest that breaks its rings say nobody can know.
    if (hostile({event.node.value, write.partition, 0})) return;
    Loans& loans = loans_.at(event, write.partition);
    const auto gpfn = loans.frames.gpfn_of(write.frame);
    if (!gpfn) return;
    ++writes_;
    const auto output = std::exchange(loans.output, std::nullopt);
    if (loans.interrupt_page != 0 && *gpfn == loans.interrupt_page) return;
    for (const PageRange& range : loans.buffers) {
      if (*gpfn >= range.first && *gpfn - range.first < range.pages) return;
    }
    std::uint32_t at = write.offset;  // bytes below it are lent
    const std::uint32_t end = write.offset + write.bytes;
    if (output) at = covered(*output, *gpfn, at);
    // Neighbouring ranges of one packet may lend one page piece by piece, in any order.
    for (bool grows = true; grows && at < end;) {
      const std::uint32_t before = at;
      for (const auto& [key, request] : loans.requests) {
        for (const PagePart& part : request.lends) at = covered(part, *gpfn, at);
      }
      grows = at != before;
    }
    if (at >= end) return;
    violate(event, "the host writes bytes " + std::to_string(write.offset) + " to " +
                       std::to_string(end) + " of page " + std::to_string(*gpfn) +
                       ", which no packet under way lends from byte " + std::to_string(at) + " on");
  }

  static std::uint32_t covered(const PagePart& part, std::uint64_t gpfn, std::uint32_t at) {
    return part.gpfn == gpfn && part.from <= at && at < part.to ? part.to : at;
  }

  void completed(const traces::Event& event, const ev::RingProduced& produced) {
    if (produced.type != packet_type::kCompletion) return;
    auto& requests = loans_.at(event, produced.partition).requests;
    const auto found = requests.find({produced.relid, produced.transaction});
    if (found != requests.end() && --found->second.count == 0) requests.erase(found);
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
    Loans& loans = loans_.at(event, access.partition);
    if (std::exchange(loans.told, event.index) + 1 != event.index) loans.buffers.clear();
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
    } else if (access.write) {
      // A ring's pages are watched, so nothing is told of them here.
      loans.buffers.push_back({access.first_gpfn, access.pages});
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
           " of them by packets, " + std::to_string(writes_) + " writes";
  }

  static constexpr std::uint64_t kPage = 4096;

  PerPartition<Loans> loans_;
  std::uint64_t accesses_ = 0;
  std::uint64_t direct_ = 0;
  std::uint64_t writes_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_vb6() { return std::make_unique<LentPages>(); }

}  // namespace checkers
