// A guest without instructions that dirties memory: what lets a scenario migrate thousands of large
// VMs. It is a model (law 7): it has a dirtying pattern, and no code, disk or devices.
//
// The pattern: guest time is cut into ticks. At the end of each tick the pages that the rate
// gives for it are touched, in runs of neighbouring pages whose starts are chosen anew for each
// tick by (seed, VM, tick). Which pages are touched by a guest time is thus a function of that time
// alone: a guest that was suspended, moved or never stopped has touched the same ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hypervisor/core/partition.hpp"
#include "sim/kernel/node.hpp"
#include "sim/memory/address.hpp"

namespace guests {

struct DirtyingConfig {
  sim::Gpfn first_page{};              ///< working set; its pages lie on consecutive frames
  std::uint64_t pages = 0;             ///< size of the working set, at least 1
  std::uint64_t pages_per_second = 0;  ///< of guest time, counting repeated touches
  std::uint32_t run_pages = 64;        ///< neighbouring pages touched together, at least 1
  sim::Duration tick{5'000'000};       ///< guest time, greater than 0
};

/// Plays VP 0 of a partition with version-backed memory. One per partition.
class DirtyingGuest final : public hv::ModelGuest {
 public:
  DirtyingGuest(hv::Partition& partition, const DirtyingConfig& config);

  /// Ticks that are over.
  std::uint64_t ticks() const { return tick_; }
  /// Pages touched so far, counting repeated touches.
  std::uint64_t touched() const { return due(tick_); }

  void interrupt(std::uint8_t vector) override;
  void run() override;
  void suspend() override;
  std::vector<std::byte> save() const override;
  bool restore(std::span<const std::byte> state) override;

 private:
  void fire();
  void touch_for(std::uint64_t tick);
  void arm();
  std::uint64_t due(std::uint64_t ticks) const;
  std::int64_t end_of(std::uint64_t tick) const;
  sim::Frame first_frame();

  hv::Partition& partition_;
  DirtyingConfig config_;
  sim::Timer timer_;
  std::uint64_t tick_ = 0;  ///< the only state: the next tick to end
  bool running_ = false;

  sim::Frame frame_{};
  std::uint64_t map_generation_ = 0;  ///< of the GPA map for which frame_ holds
};

}  // namespace guests
