// VB-8 (spec I.4, C.4): a guest that unloads is answered, within a bound, and after the host has
// closed every channel; from the answer to the next contact the host neither signals nor touches
// guest memory. A channel that the host takes back is released by a guest that runs.
#include <map>
#include <optional>
#include <set>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::ChannelState;
using traces::Duration;
using traces::Time;
using traces::VmbusMessage;

constexpr Duration kAnswerBound{1'000'000'000};
/// A guest may have a driver to take down first.
constexpr Duration kReleaseBound{60'000'000'000};

struct Bus {
  void take_over(const Bus& source) { *this = source; }
  std::set<std::uint32_t> open;
  std::optional<Time> unloading;  ///< asked and not answered
  bool quiet = false;             ///< answered; nothing since
  std::map<std::uint32_t, Time> rescinded;
};

class Unload final : public Property {
 public:
  Unload()
      : Property("VB-8", "an unload is answered when the host has let go of the guest",
                 {ev::VmbusMessage::kType, ev::VmbusChannel::kType, ev::VmbusSignal::kType,
                  ev::VmbusAccess::kType, ev::PartitionState::kType, ev::PartitionCall::kType,
                  ev::VpState::kType, ev::NodeKilled::kType, ev::NodePaused::kType,
                  ev::NodeResumed::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* message = event.as<ev::VmbusMessage>()) {
      overdue(event.time);
      told(event, *message);
    } else if (const auto* channel = event.as<ev::VmbusChannel>()) {
      auto& open = buses_.at(event, channel->partition).open;
      if (channel->to == ChannelState::Open) {
        open.insert(channel->relid);
      } else {
        open.erase(channel->relid);
      }
    } else if (const auto* signal = event.as<ev::VmbusSignal>()) {
      if (buses_.at(event, signal->partition).quiet) after(event, "raises a doorbell");
    } else if (const auto* access = event.as<ev::VmbusAccess>()) {
      if (buses_.at(event, access->partition).quiet) after(event, "touches guest memory");
    } else {
      buses_.follow(event);
    }
  }

 private:
  void told(const traces::Event& event, const ev::VmbusMessage& message) {
    Bus& bus = buses_.at(event, message.partition);
    switch (message.type) {
      case VmbusMessage::Unload:
        bus.unloading = event.time;
        break;
      case VmbusMessage::UnloadResponse:
        ++unloads_;
        if (!bus.unloading) violate(event, "an unload that nobody asked for is answered");
        if (!bus.open.empty()) {
          violate(event, "an unload is answered while channel " +
                             std::to_string(*bus.open.begin()) + " is open");
        }
        bus.unloading.reset();
        bus.quiet = true;
        break;
      case VmbusMessage::InitiateContact:
        bus.unloading.reset();
        bus.quiet = false;
        bus.rescinded.clear();
        break;
      case VmbusMessage::Rescind:
        bus.rescinded.emplace(message.relid, event.time);
        break;
      case VmbusMessage::RelidReleased:
        bus.rescinded.erase(message.relid);
        break;
      default:
        break;
    }
  }

  void after(const traces::Event& event, const char* what) {
    violate(event, std::string("the host ") + what + " after it has answered an unload");
  }

  void overdue(Time now) {
    buses_.for_each_running([&](Bus& bus, Time since) {
      const auto late = [&](Time from, Duration bound) {
        return now - std::max(from, since) > bound;
      };
      if (bus.unloading && late(*bus.unloading, kAnswerBound)) {
        violate_at_end(now, "an unload was not answered for " + milliseconds(now - *bus.unloading));
      }
      for (const auto& [relid, from] : bus.rescinded) {
        if (!late(from, kReleaseBound)) continue;
        violate_at_end(now, "channel " + std::to_string(relid) + " was taken back " +
                                milliseconds(now - from) + " ago and not released");
      }
    });
  }

  void at_end(Time end) override { overdue(end); }
  bool needs_detail() const override { return true; }
  std::string measured() const override { return std::to_string(unloads_) + " unloads"; }
  std::string bound() const override { return "answered within " + milliseconds(kAnswerBound); }

  PerPartition<Bus> buses_;
  std::uint64_t unloads_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_vb8() { return std::make_unique<Unload>(); }

}  // namespace checkers
