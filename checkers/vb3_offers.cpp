// VB-3 (spec I.4, C.4): every REQUESTOFFERS yields each offered channel once and then one
// ALLOFFERS_DELIVERED. A channel that appears later is offered once as well.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"
#include "checkers/vmbus_answers.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::ChannelState;
using traces::Time;
using traces::VmbusMessage;

struct OfferRound {
  void take_over(const OfferRound& source) {
    const auto own = std::move(visible);
    *this = source;
    visible = own;
  }
  void begin_amid() { unseen = true; }

  std::optional<Time> asked;              // REQUESTOFFERS is not answered in full
  std::set<std::uint32_t> offered;        // in this connection
  std::map<std::uint32_t, Time> visible;  // offered channels, and since when they are
  bool deaf = false;                      // the guest's SynIC took no message
  bool unseen = false;                    // it may have been asked for before the trace
};

class Offers final : public Property {
 public:
  Offers()
      : Property("VB-3", "a request for offers yields each channel once, then the end of offers",
                 {ev::VmbusMessage::kType, ev::VmbusChannel::kType, ev::MessagePosted::kType,
                  ev::PartitionState::kType, ev::PartitionCall::kType, ev::VpState::kType,
                  ev::NodeKilled::kType, ev::NodePaused::kType, ev::NodeResumed::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* message = event.as<ev::VmbusMessage>()) {
      take(event, *message, buses_.at(event, message->partition));
    } else if (const auto* channel = event.as<ev::VmbusChannel>()) {
      OfferRound& bus = buses_.at(event, channel->partition);
      if (channel->to == ChannelState::Released) {
        bus.visible.erase(channel->relid);
        bus.offered.erase(channel->relid);
      } else if (channel->from == ChannelState::Released) {
        bus.visible[channel->relid] = event.time;
      }
    } else if (const auto* posted = event.as<ev::MessagePosted>()) {
      if (refused_for_good(*posted)) buses_.at(event, posted->partition).deaf = true;
    } else {
      buses_.follow(event);
    }
  }

 private:
  void take(const traces::Event& event, const ev::VmbusMessage& message, OfferRound& bus) {
    switch (message.type) {
      case VmbusMessage::InitiateContact:
      case VmbusMessage::Unload:
        bus.asked.reset();  // whatever was under way is void
        bus.unseen = false;
        bus.offered.clear();
        bus.deaf = false;
        break;
      case VmbusMessage::RequestOffers:
        if (bus.asked) violate(event, "offers are served again before they were complete");
        bus.asked = event.time;
        bus.offered.clear();
        ++requests_;
        break;
      case VmbusMessage::Offer:
        ++offers_;
        if (!bus.offered.insert(message.relid).second) {
          violate(event, "channel " + std::to_string(message.relid) + " is offered twice");
        }
        break;
      case VmbusMessage::Rescind:
        bus.visible.erase(message.relid);
        break;
      case VmbusMessage::AllOffers:
        complete(event, bus);
        break;
      default:
        break;
    }
  }

  void complete(const traces::Event& event, OfferRound& bus) {
    if (std::exchange(bus.unseen, false) && !bus.asked) return;
    if (!bus.asked) {
      violate(event, "the end of offers is announced and nobody asked for offers");
      return;
    }
    for (const auto& [relid, since] : bus.visible) {
      if (since <= *bus.asked && !bus.offered.contains(relid) && !bus.deaf) {
        violate(event, "channel " + std::to_string(relid) +
                           " is not among the offers that are announced complete");
      }
    }
    bus.asked.reset();
  }

  void at_end(Time end) override {
    buses_.for_each_running([&](const OfferRound& bus, Time since) {
      if (!bus.asked || bus.deaf) return;
      if (const auto waited = overdue(*bus.asked, since, end)) {
        violate_at_end(end,
                       "a request for offers has no end of offers after " + milliseconds(*waited));
      }
    });
  }

  std::string measured() const override {
    return std::to_string(requests_) + " requests, " + std::to_string(offers_) + " offers";
  }

  PerPartition<OfferRound> buses_;
  std::uint64_t requests_ = 0;
  std::uint64_t offers_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_vb3() { return std::make_unique<Offers>(); }

}  // namespace checkers
