// VB-9 (spec I.4): a channel's flag in the event page is set only while the channel is open.
#include <map>
#include <string>
#include <tuple>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::ChannelState;

class Doorbells final : public Property {
 public:
  Doorbells()
      : Property("VB-9", "a channel's doorbell rings only while the channel is open",
                 {ev::VmbusChannel::kType, ev::EventFlag::kType, ev::PartitionState::kType,
                  ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    const std::uint32_t node = event.node.value;
    if (const auto* channel = event.as<ev::VmbusChannel>()) {
      states_[{node, channel->partition, channel->relid}] = channel->to;
    } else if (const auto* flag = event.as<ev::EventFlag>()) {
      rung(event, *flag);
    } else if (const auto* partition = event.as<ev::PartitionState>()) {
      if (partition->to != traces::PartitionState::Deleted) return;
      std::erase_if(states_, [&](const auto& entry) {
        return std::get<0>(entry.first) == node && std::get<1>(entry.first) == partition->partition;
      });
    } else {
      std::erase_if(states_, [&](const auto& entry) { return std::get<0>(entry.first) == node; });
    }
  }

 private:
  void rung(const traces::Event& event, const ev::EventFlag& flag) {
    constexpr std::uint8_t kVmbus = 2;  // SINT
    if (flag.sint != kVmbus || flag.status != 0) return;
    ++rings_;
    const auto state = states_.find({event.node.value, flag.partition, flag.flag});
    if (state != states_.end() && state->second == ChannelState::Open) return;
    violate(event, "the doorbell of channel " + std::to_string(flag.flag) + " in partition " +
                       std::to_string(flag.partition) + " rings while the channel is not open");
  }

  std::string measured() const override { return std::to_string(rings_) + " doorbells"; }

  std::map<std::tuple<std::uint32_t, std::uint64_t, std::uint32_t>, ChannelState> states_;
  std::uint64_t rings_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_vb9() { return std::make_unique<Doorbells>(); }

}  // namespace checkers
