// Where an adapter meets its switch. The port belongs to the switch; an adapter is its client.
#pragma once

#include <span>

#include "sim/net/ethernet.hpp"

namespace vsp {

/// Called in events of the host's node, never inside a call of the client.
class PortClient {
 public:
  /// Frames for this port, in order; the client filters and may drop.
  virtual void received(std::span<const sim::EthernetFrame> frames) = 0;
  virtual void link_changed(bool up) = 0;

 protected:
  ~PortClient() = default;
};

class SwitchPort {
 public:
  virtual ~SwitchPort() = default;
  /// The adapter comes and goes; null: gone. A port without a client drops what it gets.
  virtual void attach(PortClient* client) = 0;
  virtual bool link_up() const = 0;
  /// A frame of at least an Ethernet header. What the switch cannot take is dropped and counted
  /// there.
  virtual void send(sim::EthernetFrame frame) = 0;
  /// The sender stands still: what it sent so far leaves the switch now, and nothing is announced
  /// until go_on().
  virtual void stand_still() = 0;
  virtual void go_on() = 0;
  /// The adapter's VM has come to this host: every switch of the network shall learn of it.
  virtual void announce() = 0;
};

}  // namespace vsp
