// VB-9 (spec I.4): a channel's flag in the event page is set only while the channel is open. Below
// version 2.4 one flag, 0, says that the interrupt page has news of some channel (spec C.1); there
// the server's word counts for which.
#include <map>
#include <string>
#include <tuple>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::ChannelState;

/// Of a guest's connection; it goes where the VM goes.
struct DoorbellContact {
  void take_over(const DoorbellContact& source) { by_page = source.by_page; }
  bool by_page = false;  ///< below 2.4
};

class Doorbells final : public Property {
 public:
  Doorbells()
      : Property("VB-9", "a channel's doorbell rings only while the channel is open",
                 {ev::VmbusChannel::kType, ev::EventFlag::kType, ev::PartitionState::kType,
                  ev::NodeKilled::kType, ev::VmbusMessage::kType, ev::VmbusSignal::kType,
                  ev::PartitionCall::kType, ev::VpState::kType}) {}

  void on_event(const traces::Event& event) override {
    const std::uint32_t node = event.node.value;
    if (const auto* channel = event.as<ev::VmbusChannel>()) {
      states_[{node, channel->partition, channel->relid}] = channel->to;
    } else if (const auto* flag = event.as<ev::EventFlag>()) {
      rung(event, *flag);
    } else if (const auto* signal = event.as<ev::VmbusSignal>()) {
      // Without the page the flag itself is the doorbell.
      if (contacts_.at(event, signal->partition).by_page) {
        ring(event, signal->partition, signal->relid);
      }
    } else if (const auto* message = event.as<ev::VmbusMessage>()) {
      constexpr std::uint32_t kFirstWithout = 0x20004;
      if (message->type == traces::VmbusMessage::InitiateContact && !message->to_guest) {
        contacts_.at(event, message->partition).by_page = message->id < kFirstWithout;
      }
    } else if (const auto* partition = event.as<ev::PartitionState>()) {
      const auto is_of_it = [&](const auto& entry) {
        return std::get<0>(entry.first) == node && std::get<1>(entry.first) == partition->partition;
      };
      if (partition->to == traces::PartitionState::Deleted) std::erase_if(states_, is_of_it);
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      std::erase_if(states_, [&](const auto& entry) { return std::get<0>(entry.first) == node; });
    }
    contacts_.follow(event);
  }

 private:
  void rung(const traces::Event& event, const ev::EventFlag& flag) {
    constexpr std::uint8_t kVmbus = 2;  // SINT
    if (flag.sint != kVmbus || flag.status != 0) return;
    if (flag.flag == 0 && contacts_.at(event, flag.partition).by_page) return;
    ring(event, flag.partition, flag.flag);
  }

  void ring(const traces::Event& event, std::uint64_t partition, std::uint32_t relid) {
    ++rings_;
    const auto state = states_.find({event.node.value, partition, relid});
    if (state != states_.end() && state->second == ChannelState::Open) return;
    violate(event, "the doorbell of channel " + std::to_string(relid) + " in partition " +
                       std::to_string(partition) + " rings while the channel is not open");
  }

  std::string measured() const override { return std::to_string(rings_) + " doorbells"; }

  std::map<std::tuple<std::uint32_t, std::uint64_t, std::uint32_t>, ChannelState> states_;
  PerPartition<DoorbellContact> contacts_;
  std::uint64_t rings_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_vb9() { return std::make_unique<Doorbells>(); }

}  // namespace checkers
