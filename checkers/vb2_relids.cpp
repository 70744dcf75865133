// VB-2 (spec I.4, C.4): a relid names one offer at a time. It is free again when the guest has
// released it, or with the end of the connection; and it has a flag in the event page.
#include <set>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::VmbusMessage;

struct Relids {
  void take_over(const Relids& source) { *this = source; }
  std::set<std::uint32_t> taken;
};

class RelidsOnce final : public Property {
 public:
  RelidsOnce()
      : Property("VB-2", "a relid names one offer until the guest releases it",
                 {ev::VmbusMessage::kType, ev::PartitionState::kType, ev::PartitionCall::kType,
                  ev::VpState::kType, ev::NodeKilled::kType, ev::NodePaused::kType,
                  ev::NodeResumed::kType}) {}

  void on_event(const traces::Event& event) override {
    const auto* message = event.as<ev::VmbusMessage>();
    if (message == nullptr) return buses_.follow(event);
    Relids& bus = buses_.at(event, message->partition);
    switch (message->type) {
      case VmbusMessage::InitiateContact:
      case VmbusMessage::Unload:
        bus.taken.clear();
        break;
      case VmbusMessage::RelidReleased:
        bus.taken.erase(message->relid);
        break;
      case VmbusMessage::Offer:
        offered(event, message->relid, bus);
        break;
      default:
        break;
    }
  }

 private:
  void offered(const traces::Event& event, std::uint32_t relid, Relids& bus) {
    constexpr std::uint32_t kFlags = 2048;
    ++offers_;
    if (relid == 0 || relid >= kFlags) {
      violate(event, "relid " + std::to_string(relid) + " has no flag in the event page");
    } else if (!bus.taken.insert(relid).second) {
      violate(event, "relid " + std::to_string(relid) + " is offered while it names another offer");
    }
  }

  std::string measured() const override { return std::to_string(offers_) + " offers"; }

  PerPartition<Relids> buses_;
  std::uint64_t offers_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_vb2() { return std::make_unique<RelidsOnce>(); }

}  // namespace checkers
