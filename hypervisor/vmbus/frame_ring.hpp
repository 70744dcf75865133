// A ring's pages as frames of a guest's memory, for either side.
#pragma once

#include <vector>

#include "hypervisor/vmbus/ring.hpp"
#include "sim/memory/guest_memory.hpp"

namespace vmbus {

class FrameRing final : public RingMemory {
 public:
  /// The first frame holds the ring's header; at least one more must follow.
  FrameRing(sim::GuestMemory& memory, std::vector<sim::Frame> frames, traces::Writer writer);

  const std::vector<sim::Frame>& frames() const { return frames_; }

  std::uint32_t data_bytes() const override;
  void read(std::uint32_t offset, std::span<std::byte> out) const override;
  void write(std::uint32_t offset, std::span<const std::byte> data) override;

 private:
  sim::GuestMemory& memory_;
  std::vector<sim::Frame> frames_;
  traces::Writer writer_;
};

}  // namespace vmbus
