// VB-10 (spec I.4, C.4): a contact on a bus that is connected begins everything anew: every channel
// is closed before it is answered, and no packet passes on one before the guest opens it again.
#include <map>
#include <set>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::ChannelState;
using traces::VmbusMessage;

struct Epoch {
  void take_over(const Epoch& source) { *this = source; }
  bool asked = false;               ///< a contact is not answered yet
  bool connected = false;           ///< the last answer was yes
  std::set<std::uint32_t> open;     ///< channels that the server has open
  std::set<std::uint32_t> current;  ///< opened by the guest since the last contact
};

class NewContact final : public Property {
 public:
  NewContact()
      : Property("VB-10", "a new contact closes all channels, nothing of before passes after it",
                 {ev::VmbusMessage::kType, ev::VmbusChannel::kType, ev::RingProduced::kType,
                  ev::RingConsumed::kType, ev::PartitionState::kType, ev::PartitionCall::kType,
                  ev::VpState::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* message = event.as<ev::VmbusMessage>()) {
      told(event, *message);
    } else if (const auto* channel = event.as<ev::VmbusChannel>()) {
      auto& open = epochs_.at(event, channel->partition).open;
      if (channel->to == ChannelState::Open) {
        open.insert(channel->relid);
      } else {
        open.erase(channel->relid);
      }
    } else if (const auto* produced = event.as<ev::RingProduced>()) {
      packet(event, produced->partition, produced->relid);
    } else if (const auto* consumed = event.as<ev::RingConsumed>()) {
      packet(event, consumed->partition, consumed->relid);
    } else {
      epochs_.follow(event);
    }
  }

 private:
  void told(const traces::Event& event, const ev::VmbusMessage& message) {
    Epoch& epoch = epochs_.at(event, message.partition);
    if (message.type == VmbusMessage::InitiateContact) {
      again_ += epoch.connected;
      epoch.asked = true;
      epoch.current.clear();
    } else if (message.type == VmbusMessage::VersionResponse) {
      if (epoch.asked && !epoch.open.empty()) {
        violate(event, "a contact is answered while channel " +
                           std::to_string(*epoch.open.begin()) + " of before is open");
      }
      epoch.asked = false;
      epoch.connected = message.value != 0;
    } else if (message.type == VmbusMessage::Open) {
      epoch.current.insert(message.relid);
    }
  }

  void packet(const traces::Event& event, std::uint64_t partition, std::uint32_t relid) {
    const Epoch& epoch = epochs_.at(event, partition);
    if (!epoch.connected || epoch.current.contains(relid)) return;
    violate(event, "a packet passes on channel " + std::to_string(relid) +
                       ", which the guest has not opened since its last contact");
  }

  bool needs_detail() const override { return true; }
  std::string measured() const override { return std::to_string(again_) + " new contacts"; }

  PerPartition<Epoch> epochs_;
  std::uint64_t again_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_vb10() { return std::make_unique<NewContact>(); }

}  // namespace checkers
