// A partition: state machine, GPA map, virtual processors with SynIC and timers, privileges, and
// the connections to its parent's stack. Children are controlled by their parent only (A6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "hypervisor/core/generation.hpp"
#include "hypervisor/core/gpa_map.hpp"
#include "hypervisor/core/ids.hpp"
#include "hypervisor/core/ports.hpp"
#include "hypervisor/core/status.hpp"
#include "sim/cpu/cpu.hpp"
#include "sim/kernel/world.hpp"
#include "sim/memory/guest_memory.hpp"
#include "traces/bytes.hpp"
#include "traces/events.hpp"

namespace hv {

class Hypervisor;
class VirtualProcessor;
struct SavedPartition;

/// Hypercall and MSR privileges as in CPUID 0x40000003 EBX:EAX (spec B.1, B.10).
struct Privileges {
  std::uint32_t msr = 0x0000026E;  ///< EAX; child default plus reference TSC
  std::uint32_t hypercall = 0;     ///< EBX
  std::uint32_t features = 0;      ///< EDX; bit 19 (direct synthetic timers) has an effect
};

struct TimeConfig {
  std::uint64_t instructions_per_us = 1000;
  std::uint64_t tsc_hz = 2'000'000'000;
  sim::Duration port_exit{1'500};
  sim::Duration mmio_exit{2'000};
  sim::Duration msr_exit{1'000};
  sim::Duration cpuid_exit{1'000};
  sim::Duration hypercall_exit{1'000};
  sim::Duration rep_element{500};        ///< each element of a rep hypercall
  sim::Duration hypercall_hold{50'000};  ///< longer rep hypercalls are continued (spec B.3)
};

/// What the specification leaves open about messages and events (spec B.7).
struct SynicConfig {
  /// A message that found its slot occupied is tried again after this time; zero: never.
  sim::Duration retry{1'000'000};
  sim::Duration message_delay{2'000};  ///< from a guest's PostMessage to the parent's port
  sim::Duration signal_delay{1'000};   ///< from a guest's SignalEvent to the parent's port
};

struct PartitionConfig {
  std::uint32_t vm = 0;  ///< number of the VM in events
  std::uint32_t vp_count = 1;
  Generation generation = Generation::Ws2012;
  Privileges privileges;
  TimeConfig time;
  SynicConfig synic;
};

/// What plays a VP that has no instructions (sim/cpu/model is its engine; model guests live in
/// scenarios/guests). Everything it knows must be in its saved bytes.
class ModelGuest {
 public:
  virtual ~ModelGuest() = default;
  virtual void interrupt(std::uint8_t vector) = 0;
  virtual void run() = 0;      ///< the VP may run from now on
  virtual void suspend() = 0;  ///< the VP must do nothing until run()
  virtual std::vector<std::byte> save() const = 0;
  virtual bool restore(std::span<const std::byte> state) = 0;
};

/// Makes the processor of a VP once its bus exists.
using CpuFactory = std::function<std::unique_ptr<sim::Cpu>(sim::CpuBus& bus, VpIndex index)>;

class Partition {
 public:
  Partition(Hypervisor& hypervisor, PartitionId id, PartitionId parent, PartitionConfig config,
            sim::GuestMemory* memory);
  ~Partition();
  Partition(const Partition&) = delete;

  PartitionId id() const { return id_; }
  PartitionId parent() const { return parent_; }
  Hypervisor& hypervisor() const { return hypervisor_; }
  /// Place of this partition in the event order of its node: by VM number, so that it is the same
  /// on every host, or by partition id for a partition of no VM.
  std::uint64_t place() const;
  std::uint32_t vm() const { return config_.vm; }
  traces::PartitionState state() const { return state_; }
  const PartitionConfig& config() const { return config_; }
  sim::Node& node() const;
  sim::GuestMemory& memory() const { return *memory_; }
  GpaMap& gpa_map() { return gpa_map_; }
  const GpaMap& gpa_map() const { return gpa_map_; }

  /// -- the parent's hypercalls on an Active partition --
  Status map_gpa_pages(sim::Gpfn first, std::uint64_t pages, sim::Frame frame, sim::Rights rights);
  Status unmap_gpa_pages(sim::Gpfn first, std::uint64_t pages);
  /// A created VP is explicitly suspended (spec B.10).
  Status create_vp(VpIndex index, const CpuFactory& factory);
  Status create_model_vp(VpIndex index, ModelGuest& guest);
  VirtualProcessor* vp(VpIndex index);
  std::vector<VirtualProcessor*> vps();
  /// Explicit suspend of all VPs: from this instant none runs; reference time stands still.
  void suspend(const char* reason);
  void resume(const char* reason);
  bool suspended() const { return suspended_; }

  /// -- connections (spec B.5 CreatePort, ConnectPort as the parent's stack uses them) --
  /// InvalidPartitionState unless Active, InvalidConnectionId above 24 bits, ObjectInUse when the
  /// connection exists.
  Status connect_messages(ConnectionId id, MessagePort& port);
  Status connect_events(ConnectionId id, EventPort& port, std::uint16_t flags);
  void disconnect(ConnectionId id);
  void set_intercept_handler(InterceptHandler* handler) { intercepts_ = handler; }
  InterceptHandler* intercept_handler() const { return intercepts_; }

  /// Parent to guest (spec B.7). `port` only labels the event. InsufficientBuffers when 16 wait.
  Status post_message(std::uint32_t port, VpIndex vp, Sint sint, std::uint32_t type,
                      std::span<const std::byte> payload);
  Status signal_event(VpIndex vp, Sint sint, std::uint16_t flag);
  /// An edge interrupt from an emulated device (spec B.5 AssertVirtualInterrupt).
  Status assert_interrupt(VpIndex vp, std::uint8_t vector);

  /// Guest to parent, as the hypercalls of that name; model guests call them directly.
  Status guest_post_message(ConnectionId connection, std::uint32_t type,
                            std::span<const std::byte> payload);
  Status guest_signal_event(ConnectionId connection, std::uint16_t flag);

  /// Byte access by GPA for the parent's stack: RAM only, overlays and rights ignored, any length.
  /// False when a page is not RAM; then nothing was written.
  bool read(sim::Gpa gpa, std::span<std::byte> out) const;
  bool write(sim::Gpa gpa, std::span<const std::byte> data);

  /// Code that processors have translated from this frame is stale: somebody else wrote to it.
  void forget_code(sim::Frame frame);
  /// Every processor drops the translations that it has cached.
  void flush_translations() { ++flushes_; }

  ReferenceTime reference_time() const;
  /// As a guest reads it: strictly greater than at every earlier reading (spec B.8).
  ReferenceTime read_reference_time();
  /// Guest time in nanoseconds at an instant of the world: stands still while suspended.
  std::int64_t guest_ns(sim::Time world) const;
  /// The instant of the world at which guest time reaches a value, if nothing suspends.
  sim::Time world_time(std::int64_t guest_ns) const;

  /// Digests of memory and of every VP, as events.
  void emit_digests(traces::DigestPoint point) const;

  /// Partition state stream (spec B.11): everything but memory. Precondition: suspended.
  Status save(traces::ByteWriter& out) const;
  /// Into a partition of the same shape, suspended, nothing ever run. Bytes are untrusted: when
  /// they are not a state of such a partition the status is InvalidSaveRestoreState and nothing
  /// has changed. Import the memory first, so that the overlay events show what is covered.
  Status restore(traces::ByteReader& in);

 private:
  friend class Hypervisor;
  friend class VirtualProcessor;
  struct Impl;
  void report_call(std::uint16_t code, traces::PartitionState before, Status status,
                   bool caller_is_parent = true) const;
  void report_pool(std::uint64_t deposited, std::uint64_t withdrawn) const;
  void set_state(traces::PartitionState state);
  Status check_map(sim::Gpfn first, std::uint64_t pages, sim::Frame frame) const;
  Status check_post(std::uint32_t port, VpIndex vp, Sint sint, std::uint32_t type,
                    std::size_t bytes);
  Status check_new_vp(VpIndex index) const;
  SavedPartition capture() const;
  bool fits(const SavedPartition& saved) const;
  bool restore_engines(const SavedPartition& saved);
  void apply(const SavedPartition& saved);
  void report_mapped(sim::Gpfn first, std::uint64_t pages, sim::Frame frame,
                     sim::Rights rights) const;

  Hypervisor& hypervisor_;
  PartitionId id_;
  PartitionId parent_;
  PartitionConfig config_;
  traces::PartitionState state_ = traces::PartitionState::Uninitialized;
  sim::GuestMemory* memory_;
  GpaMap gpa_map_;
  InterceptHandler* intercepts_ = nullptr;
  bool suspended_ = true;
  std::uint64_t flushes_ = 0;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hv
