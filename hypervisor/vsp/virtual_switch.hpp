// The virtual switch of one host: ports for the adapters of VMs, a table of MAC addresses that it
// learns and forgets, and an uplink to an Ethernet of the simulated network. Without an uplink it
// is a private switch.
//
//   port.send(frame) -> queue -> (one turn of the switch) -> port's client | uplink
//
// Frames of one turn go to a client together, so that it signals its guest once.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hypervisor/vsp/switch_port.hpp"
#include "sim/kernel/node.hpp"
#include "sim/net/frames.hpp"
#include "sim/net/network.hpp"
#include "traces/events.hpp"

namespace vsp {

struct VirtualSwitchConfig {
  std::string name;  ///< unique on its host
  /// From a frame's arrival to the turn that forwards it, and what each frame keeps the switch
  /// busy. Choices of ours, about those of a software switch.
  sim::Duration latency{5'000};
  sim::Duration frame_cost{300};
  std::size_t queue_frames = 4096;  ///< further ones are dropped
  sim::Duration address_age{300'000'000'000};
};

struct SwitchPortConfig {
  std::uint32_t vm = 0;
  sim::MacAddress mac;
  bool allow_spoofing = false;  ///< frames from other addresses than its own pass
};

class VirtualSwitch final : sim::FrameReceiver {
 public:
  VirtualSwitch(sim::Node& host, VirtualSwitchConfig config);
  ~VirtualSwitch();
  VirtualSwitch(const VirtualSwitch&) = delete;

  const std::string& name() const { return config_.name; }
  /// Makes it an external switch. Once.
  void connect_uplink(sim::Network& network, const std::string& ethernet);

  /// Ports count from 1 and live until they are disconnected or the switch ends; their clients
  /// must be gone by then.
  SwitchPort& connect(const SwitchPortConfig& config);
  void disconnect(SwitchPort& port);
  /// Takes the cable out of the port, or puts it in again.
  void set_link(SwitchPort& port, bool up);

  /// 0: the uplink. Nothing when the address is not known.
  std::optional<std::uint32_t> port_of(const sim::MacAddress& mac) const;

 private:
  class Port;
  struct Waiting {
    sim::EthernetFrame frame;
    std::uint32_t port = 0;
  };
  struct Address {
    std::uint32_t port = 0;
    sim::Time seen{};
  };
  /// A VM's address that is being announced.
  struct Announcement {
    std::uint32_t port = 0;
    unsigned left = 0;
    sim::Time next{};
  };

  void arrived(std::span<const sim::EthernetFrame> frames) override;
  void accept(sim::EthernetFrame frame, std::uint32_t port);
  void turn();
  void forward(const Waiting& waiting);
  void hand_to(std::uint32_t port, const sim::EthernetFrame& frame);
  void learn(const sim::MacAddress& mac, std::uint32_t port);
  void forget(std::uint32_t port);
  void announce(std::uint32_t port);
  void send_announcements();
  void dropped(traces::SwitchDrop reason, std::uint32_t port, const sim::EthernetFrame& frame);
  template <class E>
  void emit(const E& event) {
    host_.world().emit(host_.id(), event);
  }

  sim::Node& host_;
  VirtualSwitchConfig config_;
  sim::Timer turn_;
  sim::Timer announce_;
  std::unique_ptr<sim::FrameStation> uplink_;
  std::map<std::uint32_t, std::unique_ptr<Port>> ports_;
  std::uint32_t next_port_ = 1;
  std::map<std::uint64_t, Address> addresses_;  ///< by MAC
  std::deque<Waiting> queue_;
  sim::Time busy_until_{};
  std::vector<Announcement> announcements_;
};

}  // namespace vsp
