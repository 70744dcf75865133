// What a partition holds behind its interface.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>

#include "hypervisor/core/guest_clock.hpp"
#include "hypervisor/core/overlay_page.hpp"
#include "hypervisor/core/parent_queue.hpp"
#include "hypervisor/core/partition.hpp"
#include "hypervisor/core/virtual_processor.hpp"
#include "sim/kernel/node.hpp"

namespace hv {

/// Pages that the parent deposited for the hypervisor's own structures (spec B.6). Only counts:
/// the pages themselves are out of everybody's reach.
struct MemoryPool {
  std::uint64_t available = 0;
  std::uint64_t in_use = 0;
};

/// An inter-processor interrupt on its way: it arrives as an event at its sender's time, since
/// other processors may be behind.
struct Ipi {
  std::uint32_t target = 0;
  std::uint8_t mode = 0;  ///< delivery mode of the ICR
  std::uint8_t vector = 0;
  std::int64_t due = 0;  ///< guest time
};

struct Partition::Impl final : sim::NodeFate {
  explicit Impl(Partition& owner);
  ~Impl();

  /// Fill the page, then let it cover its place.
  void show_hypercall_page(std::optional<sim::Gpfn> place);
  void show_reference_page(std::optional<sim::Gpfn> place);
  void send_ipi(const Ipi& ipi);
  void deliver_ipi();
  void start_ipi_clock();
  /// FinalizePartition: everything that the partition holds goes back to its pool.
  void tear_down();

  void node_killed() override;
  void node_resumed() override;
  /// What is not any VP's.
  void witness(traces::DigestStream& out) const;

  Partition& partition;
  GuestClock clock;
  MemoryPool pool;
  std::map<VpIndex, std::unique_ptr<VirtualProcessor>> vps;
  ParentQueue parent;
  OverlayPage hypercall_page;
  OverlayPage reference_page;
  std::uint64_t guest_os_id = 0;
  std::uint64_t hypercall_msr = 0;
  std::uint64_t reference_tsc_msr = 0;
  std::uint64_t last_reference = 0;
  std::deque<Ipi> ipis;
  sim::Timer ipi_alarm;
};

}  // namespace hv
