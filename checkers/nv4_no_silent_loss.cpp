// NV-4 (spec I.7): a frame is not lost in silence inside a host. What a guest gives to its adapter
// leaves the host, arrives at another guest of it, or is counted as dropped; what comes from the
// wire for a guest that runs and hears arrives at it, or is counted as dropped.
//
// Who stands still gets nothing, as if its cable were out; so does who has no filter set. What is
// lost on a wire is the wire's.
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "checkers/makers.hpp"
#include "checkers/nic_adapters.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::Duration;
using traces::Time;

constexpr Duration kBound{1'000'000'000};
constexpr std::uint64_t kGroupBit = std::uint64_t{1} << 40;
constexpr std::uint64_t kDirected = 1;

class NoSilentLoss final : public Property {
 public:
  NoSilentLoss()
      : Property("NV-4", "no frame is lost in a host without being counted",
                 {ev::NicSent::kType, ev::NicDelivered::kType, ev::NicDropped::kType,
                  ev::NicRndis::kType, ev::SwitchPort::kType, ev::SwitchDropped::kType,
                  ev::SegmentSent::kType, ev::SegmentArrived::kType, ev::VpState::kType,
                  ev::VmbusChannel::kType, ev::NodeKilled::kType, ev::NodePaused::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* sent = event.as<ev::NicSent>()) {
      leaves(event, *sent);
    } else if (const auto* wire = event.as<ev::SegmentSent>()) {
      on_wire_[{event.node.value, wire->number}] = wire->destination;
      settle(event.node.value, 0, wire->hash);
    } else if (const auto* arrived = event.as<ev::SegmentArrived>()) {
      arrives(event, *arrived);
    } else if (const auto* delivered = event.as<ev::NicDelivered>()) {
      settle(event.node.value, delivered->vm, delivered->hash);
      // A switch floods: somebody of this host has it.
      settle(event.node.value, 0, delivered->hash);
    } else if (const auto* dropped = event.as<ev::NicDropped>()) {
      ++dropped_;
      // Without a hash: any of them.
      if (dropped->hash == 0) forget(event.node.value, dropped->vm);
      settle(event.node.value, dropped->vm, dropped->hash);
    } else if (const auto* switched = event.as<ev::SwitchDropped>()) {
      ++dropped_;
      for (const auto& [vm, unused] : vms_) settle(event.node.value, vm, switched->hash);
      settle(event.node.value, 0, switched->hash);
    } else {
      change(event);
    }
  }

 private:
  struct Vm {
    std::uint64_t filter = 0;
    std::map<std::uint32_t, bool> running;  ///< by node
  };
  /// Node, VM that shall get it (0: nobody in particular), hash; since when.
  using Place = std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>;

  void leaves(const traces::Event& event, const ev::NicSent& sent) {
    ++frames_;
    if ((sent.destination & kGroupBit) != 0) {
      return owe(event, 0, sent.hash);
    }
    const std::uint32_t here = local(event.node.value, sent.destination);
    if (here == 0) return owe(event, 0, sent.hash);
    if (here != sent.vm && hears(event.node.value, here)) owe(event, here, sent.hash);
  }

  void arrives(const traces::Event& event, const ev::SegmentArrived& arrived) {
    const auto wire = on_wire_.find({arrived.sender, arrived.number});
    if (wire == on_wire_.end() || (wire->second & kGroupBit) != 0) return;
    const std::uint32_t vm = local(event.node.value, wire->second);
    if (vm != 0 && hears(event.node.value, vm)) owe(event, vm, arrived.hash);
  }

  /// The VM whose port with this address is connected on a node.
  std::uint32_t local(std::uint32_t node, std::uint64_t mac) const {
    const auto port = ports_.find({node, mac});
    return port == ports_.end() ? 0 : port->second;
  }
  bool hears(std::uint32_t node, std::uint32_t vm) {
    Vm& about = vms_[vm];
    return about.running[node] && (about.filter & kDirected) != 0;
  }

  void owe(const traces::Event& event, std::uint32_t vm, std::uint64_t hash) {
    overdue(event.time);
    owed_[{event.node.value, vm, hash}] = {event.index, event.time};
  }
  void settle(std::uint32_t node, std::uint32_t vm, std::uint64_t hash) {
    owed_.erase({node, vm, hash});
  }
  /// What happens to a VM ends what is owed to it there; vm 0: to everybody.
  void forget(std::uint32_t node, std::uint32_t vm) {
    std::erase_if(owed_, [&](const auto& entry) {
      return std::get<0>(entry.first) == node && (vm == 0 || std::get<1>(entry.first) == vm);
    });
  }

  void change(const traces::Event& event) {
    const std::uint32_t node = event.node.value;
    if (const auto* vp = event.as<ev::VpState>()) {
      const bool runs = vp->state == traces::VpState::Running;
      vms_[vp->vm].running[node] = runs;
      if (!runs) forget(node, vp->vm);
    } else if (const auto* rndis = event.as<ev::NicRndis>()) {
      if (rndis->message == nic::kRndisSet && rndis->oid == nic::kPacketFilter) {
        if (rndis->status == 0) vms_[rndis->vm].filter = rndis->value;
      } else if (rndis->message != nic::kRndisHalt && rndis->message != nic::kRndisReset &&
                 rndis->message != nic::kRndisInitialize) {
        return;
      } else {
        vms_[rndis->vm].filter = 0;
      }
      forget(node, rndis->vm);
    } else if (const auto* port = event.as<ev::SwitchPort>()) {
      if (port->connected) {
        ports_[{node, port->mac}] = port->vm;
      } else {
        ports_.erase({node, port->mac});
        forget(node, port->vm);
      }
    } else if (const auto* channel = event.as<ev::VmbusChannel>()) {
      // Which VM's is not said; what closes is rare.
      if (channel->to == traces::ChannelState::Closing) forget(node, 0);
    } else {
      forget(node, 0);
      if (event.as<ev::NodeKilled>() == nullptr) return;
      for (auto& [vm, about] : vms_) about.running.erase(node);
      std::erase_if(ports_, [&](const auto& entry) { return entry.first.first == node; });
    }
  }

  void overdue(Time now) {
    for (const auto& [place, since] : owed_) {
      if (now - since.second <= kBound) continue;
      const std::uint32_t vm = std::get<1>(place);
      violate_at(since.first, since.second,
                 (vm == 0 ? std::string("a frame that a guest sent did not leave its host")
                          : "a frame for VM " + std::to_string(vm) + " did not reach it") +
                     " and nobody counted it as dropped");
    }
    std::erase_if(owed_, [now](const auto& entry) { return now - entry.second.second > kBound; });
  }

  void at_end(Time end) override { overdue(end); }
  bool needs_detail() const override { return true; }
  std::string measured() const override {
    return std::to_string(frames_) + " frames, " + std::to_string(dropped_) + " counted as dropped";
  }
  std::string bound() const override { return "within " + milliseconds(kBound); }

  std::map<std::uint32_t, Vm> vms_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint32_t> ports_;    // VM, by node and MAC
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> on_wire_;  // destination
  std::map<Place, std::pair<std::uint64_t, Time>> owed_;  // event and time, by place
  std::uint64_t frames_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_nv4() { return std::make_unique<NoSilentLoss>(); }

}  // namespace checkers
