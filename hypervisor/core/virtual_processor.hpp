// A virtual processor: a CPU engine (or a model guest), its clock, its local APIC, SynIC and
// timers, and the answers to everything the guest's instructions ask of the outside.
//
// Its clock counts guest time: executed instructions at the configured rate plus what exits and
// idling cost. Since the instruction count is absolute there is no rounding to accumulate, and a
// suspended VP goes on at exactly the guest time at which it stopped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hypervisor/core/apic.hpp"
#include "hypervisor/core/ids.hpp"
#include "hypervisor/core/overlay_page.hpp"
#include "hypervisor/core/partition.hpp"
#include "hypervisor/core/synic.hpp"
#include "hypervisor/core/synthetic_timer.hpp"
#include "sim/cpu/cpu.hpp"
#include "sim/kernel/node.hpp"
#include "sim/kernel/processor.hpp"

namespace traces {
class DigestStream;
}

namespace hv {

struct SavedVp;

class VirtualProcessor final : public sim::CpuBus, public sim::Processor {
 public:
  static constexpr std::uint8_t kNoSint = 255;

  VirtualProcessor(Partition& partition, VpIndex index);

  void attach(std::unique_ptr<sim::Cpu> cpu);
  void attach(ModelGuest& guest);

  Partition& partition() const { return partition_; }
  VpIndex index() const { return index_; }
  traces::VpState state() const { return state_; }
  /// Null for a VP that a model guest plays.
  sim::Cpu* cpu() const { return cpu_.get(); }
  Apic& apic() { return apic_; }
  Synic& synic() { return synic_; }
  SyntheticTimers& timers() { return timers_; }
  /// Place of its n-th timer of one name in the event order.
  std::uint64_t timer_key(unsigned n) const;

  /// Guest time in nanoseconds. A model guest has no clock of its own.
  std::int64_t clock_ns() const;
  /// 100 ns units that the VP was not idle.
  std::uint64_t runtime() const;
  /// Adds the cost of an exit to the clock.
  void charge(sim::Duration cost);

  /// An edge interrupt, of a synthetic source or of another one. Lost when the APIC is
  /// software-disabled.
  void request_interrupt(std::uint8_t vector, bool auto_eoi, std::uint8_t sint = kNoSint);
  /// The MSRs without the cost of an exit. nullopt and false mean #GP.
  std::optional<std::uint64_t> read_msr(std::uint32_t msr);
  bool write_msr(std::uint32_t msr, std::uint64_t value);
  /// INIT and start-up as the local APIC delivers them (spec B.10: APs wait for SIPI).
  void init();
  void start_up(std::uint8_t vector);
  /// Executes nothing until let_go(), although it may run and its guest time goes on: a guest that
  /// hangs, or a host whose scheduler forgot the processor. Interrupts wait.
  void hold();
  void let_go();
  bool held() const { return held_; }
  /// Can never run again.
  void stop(const char* reason);
  /// An AP that a loader starts without SIPI.
  void mark_started() { waits_for_startup_ = false; }

  // -- CpuBus --
  sim::PhysicalPage page(sim::Gpfn gpfn, sim::Access access) override;
  std::uint64_t map_generation() const override;
  void page_stored(sim::Frame frame) override;
  void memory_intercept(sim::Gpa gpa, std::uint64_t linear, sim::Access access) override;
  std::uint32_t port_in(std::uint16_t port, unsigned bytes) override;
  void port_out(std::uint16_t port, unsigned bytes, std::uint32_t value) override;
  std::uint64_t mmio_read(sim::Gpa gpa, unsigned bytes) override;
  void mmio_write(sim::Gpa gpa, unsigned bytes, std::uint64_t value) override;
  std::optional<std::uint64_t> rdmsr(std::uint32_t msr) override;
  bool wrmsr(std::uint32_t msr, std::uint64_t value) override;
  sim::CpuidResult cpuid(std::uint32_t leaf, std::uint32_t subleaf) override;
  void hypercall(sim::HypercallRegisters& registers) override;
  std::uint64_t tsc() override;
  std::optional<std::uint8_t> acknowledge_interrupt() override;
  void write_cr8(std::uint64_t value) override;
  std::uint64_t read_cr8() override;

  // -- Processor --
  sim::Time local_time() const override;
  void run_to(sim::Time limit) override;
  void lower_limit(sim::Time limit) override;

 private:
  friend class Partition;
  friend class Hypervisor;

  // Life, driven by the partition.
  void suspend(const char* reason);
  void resume(const char* reason);
  void power_lost();
  void host_resumed();
  void tear_down();
  void go_on();
  SavedVp capture() const;
  void witness(traces::DigestStream& out) const;
  std::vector<std::byte> engine_state() const;
  bool restore_engine(std::span<const std::byte> bytes);
  bool clock_fits(const SavedVp& saved, std::int64_t guest_ns) const;
  /// Everything but the engine; cannot fail.
  void apply(const SavedVp& saved);

  void set_state(traces::VpState state, const char* reason);
  void update_interrupt_line();
  void deliver_to_model();
  void park();
  bool can_take_interrupt() const;
  void catch_up(std::int64_t guest_ns);
  void end_of_interrupt();
  void send_ipi();
  void report_intercept();
  std::string disassemble(std::uint64_t linear) const;
  std::uint64_t instructions_at(sim::Time limit) const;

  // The MSRs, in vp_msrs.cpp.
  std::optional<std::uint64_t> get_msr(std::uint32_t msr);
  bool set_msr(std::uint32_t msr, std::uint64_t value);
  bool may_use(std::uint32_t msr) const;
  void report_access(std::uint32_t msr, bool write, std::uint64_t value, bool accepted) const;
  std::optional<std::uint64_t> read_identity_msr(std::uint32_t msr);
  bool write_partition_msr(std::uint32_t msr, std::uint64_t value);
  bool write_apic_msr(std::uint32_t msr, std::uint64_t value);
  bool write_apic(std::uint8_t reg, std::uint64_t value);
  bool write_assist(std::uint64_t value);

  Partition& partition_;
  VpIndex index_;
  std::unique_ptr<sim::Cpu> cpu_;
  ModelGuest* model_ = nullptr;
  traces::VpState state_ = traces::VpState::Suspended;
  Apic apic_;
  Synic synic_;
  SyntheticTimers timers_;
  OverlayPage assist_page_;
  std::uint64_t assist_ = 0;
  sim::Timer pump_;  // hands interrupts to a model guest

  std::int64_t base_ns_ = 0;  // clock = base + executed instructions at the configured rate
  std::int64_t idle_ns_ = 0;
  bool parked_ = false;  // halted, and no interrupt can be taken; or held
  bool held_ = false;
  bool waits_for_startup_;
  bool running_ = false;  // inside run_to
  bool retired_ = false;
  std::int64_t tsc_told_ = -1;  // millisecond of guest time of the last tsc.read
  sim::Time limit_{};

  struct Intercept {
    sim::Gpa gpa;
    sim::Access access;
  };
  std::optional<Intercept> intercept_;
};

}  // namespace hv
