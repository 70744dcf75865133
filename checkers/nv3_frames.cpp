// NV-3 (spec I.7): a frame that a guest gets is one that some guest or the network sent, with its
// VLAN; a guest gets it at most as often as it was sent or doubled on a wire; it is addressed to
// that guest's adapter or to a group, unless the adapter asked for everything.
//
// Sent and delivered frames are compared by what lies in the guests' own memory. Announcements of
// switches are frames too.
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/nic_adapters.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

constexpr std::uint64_t kGroup = std::uint64_t{1} << 40;
constexpr std::uint32_t kPromiscuous = 0x20;
constexpr std::uint32_t kRarpBytes = 60;

class Frames final : public Property {
 public:
  Frames()
      : Property("NV-3", "guests get only frames that were sent, as they were sent, for them",
                 {ev::NicSent::kType, ev::NicDelivered::kType, ev::NicRndis::kType,
                  ev::SwitchPort::kType, ev::SwitchAnnounced::kType, ev::FaultFired::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* sent = event.as<ev::NicSent>()) {
      ++sent_[{sent->source, sent->destination, sent->bytes, sent->hash}];
    } else if (const auto* delivered = event.as<ev::NicDelivered>()) {
      deliver(event, *delivered);
    } else if (const auto* port = event.as<ev::SwitchPort>()) {
      if (port->connected) macs_[port->vm].insert(port->mac);
    } else if (const auto* announced = event.as<ev::SwitchAnnounced>()) {
      announced_.insert(announced->mac);
    } else if (const auto* rndis = event.as<ev::NicRndis>()) {
      if (rndis->message == nic::kRndisSet && rndis->oid == nic::kPacketFilter) {
        hears_all_[rndis->vm] = (rndis->value & kPromiscuous) != 0;
      }
    } else if (const auto* fault = event.as<ev::FaultFired>()) {
      // One for each time that a wire doubled a frame; whose it was is not needed.
      if (fault->fault == "net.duplication") ++doubled_;
    }
  }

 private:
  /// Source, destination, length, hash: of the frame as it is on a wire, its tag inside.
  using Frame = std::tuple<std::uint64_t, std::uint64_t, std::uint32_t, std::uint64_t>;

  void deliver(const traces::Event& event, const ev::NicDelivered& got) {
    ++delivered_count_;
    const std::string who = "VM " + std::to_string(got.vm);
    const bool group = (got.destination & kGroup) != 0;
    if (!group && !hears_all_[got.vm] && !macs_[got.vm].contains(got.destination)) {
      violate(event, who + " gets a frame for another address");
    }
    const Frame frame{got.source, got.destination, got.bytes, got.hash};
    const auto sent = sent_.find(frame);
    const bool announcement = announced_.contains(got.source) && got.bytes == kRarpBytes && group;
    if (announcement && sent == sent_.end()) return;
    if (sent == sent_.end()) {
      violate(event, who + " gets a frame of " + std::to_string(got.bytes) +
                         " bytes that nobody sent like that");
      return;
    }
    const std::uint64_t times = ++got_[{got.vm, frame}];
    if (times > sent->second + doubled_) {
      violate(event, who + " gets a frame " + std::to_string(times) + " times that was sent " +
                         std::to_string(sent->second) + " times");
    }
  }

  bool needs_detail() const override { return true; }
  std::string measured() const override { return std::to_string(delivered_count_) + " frames"; }

  std::map<Frame, std::uint64_t> sent_;
  std::map<std::pair<std::uint32_t, Frame>, std::uint64_t> got_;  // by VM
  std::map<std::uint32_t, std::set<std::uint64_t>> macs_;         // by VM
  std::map<std::uint32_t, bool> hears_all_;                       // by VM
  std::set<std::uint64_t> announced_;
  std::uint64_t doubled_ = 0;
  std::uint64_t delivered_count_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_nv3() { return std::make_unique<Frames>(); }

}  // namespace checkers
