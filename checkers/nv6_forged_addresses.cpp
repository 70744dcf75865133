// NV-6 (spec I.7): a frame whose sender's address is not that of the adapter it came from crosses
// no switch: it neither leaves the host nor reaches another guest.
#include <map>
#include <set>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

class ForgedAddresses final : public Property {
 public:
  ForgedAddresses()
      : Property("NV-6", "frames with a forged sender's address cross no switch",
                 {ev::NicSent::kType, ev::NicDelivered::kType, ev::SegmentSent::kType,
                  ev::SwitchPort::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* port = event.as<ev::SwitchPort>()) {
      if (port->connected) macs_[port->vm].insert(port->mac);
    } else if (const auto* sent = event.as<ev::NicSent>()) {
      if (macs_[sent->vm].contains(sent->source)) return;
      ++forged_count_;
      forged_[sent->hash] = sent->vm;
    } else if (const auto* wire = event.as<ev::SegmentSent>()) {
      look(event, wire->hash, "leaves its host");
    } else if (const auto* delivered = event.as<ev::NicDelivered>()) {
      look(event, delivered->hash, "reaches a guest");
    }
  }

 private:
  void look(const traces::Event& event, std::uint64_t hash, const char* what) {
    const auto found = forged_.find(hash);
    if (found == forged_.end()) return;
    violate(event, "a frame of VM " + std::to_string(found->second) +
                       " with an address that is not its own " + what);
  }

  bool needs_detail() const override { return true; }
  std::string measured() const override { return std::to_string(forged_count_) + " forged frames"; }

  std::map<std::uint32_t, std::set<std::uint64_t>> macs_;  // by VM
  std::map<std::uint64_t, std::uint32_t> forged_;          // VM, by hash
  std::uint64_t forged_count_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_nv6() { return std::make_unique<ForgedAddresses>(); }

}  // namespace checkers
