// VB-7 (spec I.4, C.5): the GPADL of an open channel's rings is not taken down; a GPADL's handle is
// its own while it lives; it is whole, with as many pages as were announced, before it is used.
#include <map>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::GpadlState;

struct Lent {
  /// A restored partition tells of its GPADLs and channels anew.
  void take_over(const Lent& /*source*/) {}
  std::map<std::uint32_t, GpadlState> gpadls;    // by handle
  std::map<std::uint32_t, std::uint32_t> rings;  // GPADL of open channels, by relid
};

class RingMemory final : public Property {
 public:
  RingMemory()
      : Property("VB-7", "rings lie in GPADLs that are whole and stay while the channel is open",
                 {ev::VmbusGpadl::kType, ev::VmbusOpened::kType, ev::VmbusChannel::kType,
                  ev::PartitionState::kType, ev::PartitionCall::kType, ev::VpState::kType,
                  ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* gpadl = event.as<ev::VmbusGpadl>()) {
      changed(event, *gpadl);
    } else if (const auto* opened = event.as<ev::VmbusOpened>()) {
      lent_.at(event, opened->partition).rings[opened->relid] = opened->ring_gpadl;
    } else if (const auto* channel = event.as<ev::VmbusChannel>()) {
      const bool open =
          channel->to == traces::ChannelState::Open || channel->to == traces::ChannelState::Opening;
      if (!open) lent_.at(event, channel->partition).rings.erase(channel->relid);
    } else {
      lent_.follow(event);
    }
  }

 private:
  void changed(const traces::Event& event, const ev::VmbusGpadl& gpadl) {
    Lent& lent = lent_.at(event, gpadl.partition);
    const std::string who =
        "GPADL " + std::to_string(gpadl.gpadl) + " of partition " + std::to_string(gpadl.partition);
    const auto known = lent.gpadls.find(gpadl.gpadl);
    if (gpadl.from == GpadlState::None) {
      ++made_;
      if (known != lent.gpadls.end()) violate(event, who + " is made while there is one");
    }
    if ((gpadl.to == GpadlState::Offered || gpadl.to == GpadlState::Accepted) &&
        gpadl.received != gpadl.announced) {
      violate(event, who + " is taken with " + std::to_string(gpadl.received) + " of " +
                         std::to_string(gpadl.announced) + " pages");
    }
    if (gpadl.to != GpadlState::None) {
      lent.gpadls[gpadl.gpadl] = gpadl.to;
      return;
    }
    for (const auto& [relid, ring] : lent.rings) {
      if (ring != gpadl.gpadl) continue;
      violate(event, who + " is taken down while channel " + std::to_string(relid) +
                         " has its rings in it");
    }
    lent.gpadls.erase(gpadl.gpadl);
  }

  bool needs_detail() const override { return true; }
  std::string measured() const override { return std::to_string(made_) + " GPADLs"; }

  PerPartition<Lent> lent_;
  std::uint64_t made_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_vb7() { return std::make_unique<RingMemory>(); }

}  // namespace checkers
