// The network VSP: NVSP and RNDIS over a VMBus channel to a port of a virtual switch (spec D.2).
// Every packet of the guest that asks for it is completed exactly once, also through a migration;
// frames in flight may be lost, as on a wire.
#pragma once

#include <cstdint>
#include <memory>

#include "hypervisor/vmbus/server.hpp"
#include "hypervisor/vsp/netvsp_protocol.hpp"
#include "hypervisor/vsp/switch_port.hpp"
#include "sim/net/ethernet.hpp"
#include "traces/digest.hpp"

namespace vsp {

struct NetVspConfig {
  std::uint32_t vm = 0;
  sim::MacAddress mac;
  nvsp::Version highest = nvsp::Version::V6_1;
  std::uint32_t mtu = 1500;                        ///< without the Ethernet header
  std::uint64_t bits_per_second = 10'000'000'000;  ///< what the guest is told
  /// Work of the host for each frame that the guest sends; packets wait in the ring meanwhile.
  sim::Duration frame_cost{500};
  /// After a restore the guest is told that its network may be another one. A guest then renews its
  /// addresses; Linux takes its link down for two seconds to do so, so that a live migration within
  /// one network, whose switches learn by RARP, is better without.
  bool indicate_network_change = false;
  vmbus::Guid instance;
};

/// Frames as the guest's statistics have them.
struct NetCounters {
  std::uint64_t transmitted = 0;
  std::uint64_t received = 0;
  std::uint64_t transmit_errors = 0;
  std::uint64_t receive_errors = 0;
  std::uint64_t no_buffer = 0;
};

class NetVsp final : public vmbus::Device {
 public:
  /// The port outlives the device.
  NetVsp(sim::Node& host, const NetVspConfig& config, SwitchPort& port);
  ~NetVsp() override;

  NetCounters counters() const;
  /// The guest has set a packet filter: frames pass.
  bool passes_frames() const;

  vmbus::Offer offer() const override;
  void opened(vmbus::Channel& channel) override;
  void closed() override;
  void readable() override;
  void writable() override;
  void quiesce() override;
  bool idle() const override { return true; }  ///< nothing is between acceptance and completion
  sim::Signal& idle_signal() override;
  void resume() override;
  void save(traces::ByteWriter& out) const override;
  bool restore(traces::ByteReader& in, vmbus::Channel* channel) override;
  void witness(traces::DigestStream& out) const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vsp
