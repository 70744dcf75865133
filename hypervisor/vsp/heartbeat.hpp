// The heartbeat integration component, host side (spec D.3): negotiates, sends a sequence number
// every interval of guest time, expects it back plus one.
#pragma once

#include <cstdint>
#include <memory>

#include "hypervisor/vmbus/server.hpp"

namespace vsp {

enum class HeartbeatStatus : std::uint8_t { NoContact, Ok, LostCommunication };

struct HeartbeatConfig {
  std::uint32_t vm = 0;
  sim::Duration interval{2'000'000'000};
  std::uint32_t lost_after = 3;  ///< intervals without an answer (spec D.3)
};

class Heartbeat final : public vmbus::Device {
 public:
  Heartbeat(hv::Partition& partition, const HeartbeatConfig& config);
  ~Heartbeat() override;

  HeartbeatStatus status() const;

  vmbus::Offer offer() const override;
  void opened(vmbus::Channel& channel) override;
  void closed() override;
  void readable() override;
  void writable() override;
  void quiesce() override;
  bool idle() const override;
  sim::Signal& idle_signal() override;
  void resume() override;
  void save(traces::ByteWriter& out) const override;
  bool restore(traces::ByteReader& in, vmbus::Channel* channel) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vsp
