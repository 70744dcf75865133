#include "hypervisor/core/virtual_processor.hpp"

#include <algorithm>
#include <utility>

#include "hypervisor/core/emit.hpp"
#include "hypervisor/core/guest_clock.hpp"
#include "hypervisor/core/partition_impl.hpp"
#include "hypervisor/core/saved_state.hpp"

namespace hv {

VirtualProcessor::VirtualProcessor(Partition& partition, VpIndex index)
    : partition_(partition),
      index_(index),
      apic_(index.value),
      synic_(*this),
      timers_(*this),
      assist_page_(partition, traces::OverlayKind::Assist, index.value),
      pump_(partition.node(), "vp.interrupts", timer_key(0), [this] { deliver_to_model(); }),
      waits_for_startup_(index.value != 0) {}

void VirtualProcessor::attach(std::unique_ptr<sim::Cpu> cpu) {
  cpu_ = std::move(cpu);
  sim::Node& node = partition_.node();
  node.world().add_processor(*this, node, timer_key(0));
}

void VirtualProcessor::attach(ModelGuest& guest) {
  model_ = &guest;
  waits_for_startup_ = false;
}

std::uint64_t VirtualProcessor::timer_key(unsigned n) const {
  return partition_.place() << 16 | std::uint64_t{index_.value} << 4 | n;
}

// ---------------------------------------------------------------- clock

std::int64_t VirtualProcessor::clock_ns() const {
  if (!cpu_) return partition_.guest_ns(partition_.node().now());
  const std::uint64_t rate = partition_.config().time.instructions_per_us;
  return base_ns_ + static_cast<std::int64_t>(scale(cpu_->executed(), 1'000, rate));
}

sim::Time VirtualProcessor::local_time() const {
  return partition_.impl_->clock.world_time(clock_ns());
}

std::uint64_t VirtualProcessor::runtime() const {
  return cpu_ ? static_cast<std::uint64_t>(clock_ns() - idle_ns_) / 100 : 0;
}

/// The least instruction count at which the clock reaches the limit:
/// floor(n * 1000 / rate) >= left holds exactly from n = ceil(left * rate / 1000) on.
std::uint64_t VirtualProcessor::instructions_at(sim::Time limit) const {
  constexpr std::uint64_t kFar = std::uint64_t{1} << 62;
  const std::int64_t left = partition_.impl_->clock.at(limit) - base_ns_;
  if (left <= 0) return 0;
  const Wide wanted =
      (static_cast<Wide>(left) * partition_.config().time.instructions_per_us + 999) / 1'000;
  return wanted > kFar ? kFar : static_cast<std::uint64_t>(wanted);
}

void VirtualProcessor::charge(sim::Duration cost) {
  if (!cpu_) return;
  base_ns_ += cost.ns;
  if (running_) cpu_->limit_to(instructions_at(limit_));
}

void VirtualProcessor::catch_up(std::int64_t guest_ns) {
  const std::int64_t behind = guest_ns - clock_ns();
  if (behind <= 0) return;
  base_ns_ += behind;
  idle_ns_ += behind;
}

// ---------------------------------------------------------------- running

void VirtualProcessor::run_to(sim::Time limit) {
  limit_ = limit;
  running_ = true;
  while (state_ == traces::VpState::Running && !parked_ && !waits_for_startup_ &&
         local_time() < limit_) {
    const std::uint64_t end = instructions_at(limit_);
    const std::uint64_t done = cpu_->executed();
    const sim::RunResult result = cpu_->run(end > done ? end - done : 1);
    switch (result.reason) {
      case sim::StopReason::Limit:
        break;
      case sim::StopReason::Halt:
        if (!can_take_interrupt()) park();
        break;
      case sim::StopReason::Shutdown:
        stop("triple fault");
        break;
      case sim::StopReason::Failure:
        stop(cpu_->failure().c_str());
        break;
      case sim::StopReason::Intercept:
        report_intercept();
        break;
    }
  }
  running_ = false;
}

void VirtualProcessor::lower_limit(sim::Time limit) {
  if (limit >= limit_) return;
  limit_ = limit;
  cpu_->limit_to(instructions_at(limit_));
}

void VirtualProcessor::park() {
  parked_ = true;
  partition_.memory().sample_watches();  // the guest went idle: what it left is what it meant
  partition_.node().world().set_runnable(*this, false);
}

bool VirtualProcessor::can_take_interrupt() const {
  return !held_ && apic_.deliverable() && cpu_->interruptible();
}

// ---------------------------------------------------------------- interrupts

void VirtualProcessor::request_interrupt(std::uint8_t vector, bool auto_eoi, std::uint8_t sint) {
  traces::ev::InterruptRequested event;
  event.partition = partition_.id().value;
  event.vp = index_.value;
  event.vector = vector;
  event.sint = sint;
  event.accepted = apic_.request(vector, auto_eoi);
  emit(partition_, event);
  if (event.accepted) update_interrupt_line();
}

void VirtualProcessor::update_interrupt_line() {
  const bool asserted = apic_.deliverable();
  if (model_ != nullptr) {
    if (asserted && state_ == traces::VpState::Running && !held_ && !pump_.armed()) {
      pump_.arm(partition_.node().now());
    }
    return;
  }
  if (!cpu_) return;
  cpu_->set_interrupt_line(asserted);
  if (!parked_ || !can_take_interrupt()) return;
  parked_ = false;
  if (state_ != traces::VpState::Running) return;
  catch_up(partition_.guest_ns(partition_.node().now()));
  partition_.node().world().set_runnable(*this, true);
}

std::optional<std::uint8_t> VirtualProcessor::acknowledge_interrupt() {
  const auto vector = apic_.acknowledge();
  if (vector) {
    traces::ev::InterruptDelivered event;
    event.partition = partition_.id().value;
    event.vp = index_.value;
    event.vector = *vector;
    emit(partition_, event);
    emit(partition_, traces::ev::InterruptInService{partition_.id().value, index_.value, *vector,
                                                    apic_.serves(*vector)});
  }
  update_interrupt_line();
  return vector;
}

/// One interrupt per event, so that a handler that posts or frees never re-enters itself.
void VirtualProcessor::deliver_to_model() {
  if (state_ != traces::VpState::Running) return;
  if (const auto vector = acknowledge_interrupt()) model_->interrupt(*vector);
}

void VirtualProcessor::end_of_interrupt() {
  const auto ended = apic_.end_of_interrupt();
  update_interrupt_line();
  if (ended && synic_.uses_vector(*ended)) synic_.end_of_message(true);
}

// ---------------------------------------------------------------- life

void VirtualProcessor::set_state(traces::VpState state, const char* reason) {
  state_ = state;
  traces::ev::VpState event;
  event.vm = partition_.vm();
  event.partition = partition_.id().value;
  event.vp = index_.value;
  event.state = state;
  event.reason = reason;
  emit(partition_, event);
}

void VirtualProcessor::suspend(const char* reason) {
  if (state_ != traces::VpState::Running) return;
  set_state(traces::VpState::Suspended, reason);
  timers_.stop_clock();
  synic_.stop_clock();
  pump_.disarm();
  if (model_ == nullptr) {
    partition_.node().world().set_runnable(*this, false);
  } else if (!held_) {
    model_->suspend();
  }
}

void VirtualProcessor::resume(const char* reason) {
  if (state_ != traces::VpState::Suspended) return;
  set_state(traces::VpState::Running, reason);
  tsc_told_ = -1;
  timers_.start_clock();
  synic_.start_clock();
  go_on();
}

/// A processor that may run again does, unless it halted and nothing wakes it.
void VirtualProcessor::go_on() {
  if (model_ != nullptr) {
    if (held_) return;
    model_->run();
    update_interrupt_line();
    return;
  }
  parked_ = held_ || (cpu_->halted() && !can_take_interrupt());
  if (parked_ || waits_for_startup_) return;
  catch_up(partition_.guest_ns(partition_.node().now()));
  partition_.node().world().set_runnable(*this, true);
}

void VirtualProcessor::hold() {
  if (held_) return;
  held_ = true;
  if (state_ != traces::VpState::Running) return;
  pump_.disarm();
  if (model_ != nullptr) {
    model_->suspend();
    return;
  }
  parked_ = true;
  partition_.node().world().set_runnable(*this, false);
}

void VirtualProcessor::let_go() {
  if (!held_) return;
  held_ = false;
  if (state_ == traces::VpState::Running) go_on();
}

void VirtualProcessor::stop(const char* reason) {
  if (state_ == traces::VpState::Stopped) return;
  timers_.stop_clock();
  synic_.stop_clock();
  pump_.disarm();
  set_state(traces::VpState::Stopped, reason);
  if (cpu_) partition_.node().world().set_runnable(*this, false);
  if (model_ != nullptr && !held_) model_->suspend();
  InterceptHandler* const handler = partition_.intercept_handler();
  if (handler != nullptr) handler->vp_stopped(index_, reason);
}

/// The host is gone; nobody is left to tell.
void VirtualProcessor::power_lost() { state_ = traces::VpState::Stopped; }

/// While the host stood still, guest time went on without its processors.
void VirtualProcessor::host_resumed() {
  if (!cpu_ || state_ != traces::VpState::Running || parked_ || waits_for_startup_) return;
  catch_up(partition_.guest_ns(partition_.node().now()));
}

/// FinalizePartition: never runs again, and its pages uncover what was below them.
void VirtualProcessor::tear_down() {
  HVSIM_ASSERT(!running_, "a partition was finalized from inside its own processor");
  if (state_ != traces::VpState::Stopped) {
    if (cpu_) partition_.node().world().set_runnable(*this, false);
    const bool acts = model_ != nullptr && !held_ && state_ == traces::VpState::Running;
    if (acts) model_->suspend();
    set_state(traces::VpState::Stopped, "finalized");
  }
  timers_.stop_clock();
  pump_.disarm();
  synic_.tear_down();
  assist_page_.move_to(std::nullopt);
}

void VirtualProcessor::init() {
  apic_.reset();
  emit(partition_, traces::ev::ApicReset{partition_.id().value, index_.value});
  waits_for_startup_ = true;
  parked_ = held_;
  if (cpu_) partition_.node().world().set_runnable(*this, false);
}

/// Real mode at vector << 12, everything else as after INIT.
void VirtualProcessor::start_up(std::uint8_t vector) {
  if (!cpu_ || !waits_for_startup_ || state_ == traces::VpState::Stopped) return;
  constexpr std::uint32_t kData = 0x9300;
  constexpr std::uint32_t kCode = 0x9B00;
  sim::CpuRegisters registers;
  registers.cr0 = 0x6000'0010;
  for (sim::Segment* data :
       {&registers.es, &registers.ss, &registers.ds, &registers.fs, &registers.gs}) {
    *data = {0, 0, 0xFFFF, kData};
  }
  registers.cs = {static_cast<std::uint16_t>(vector << 8), std::uint64_t{vector} << 12, 0xFFFF,
                  kCode};
  registers.ldtr = {0, 0, 0xFFFF, 0x8200};
  registers.tr = {0, 0, 0xFFFF, 0x8B00};
  registers.gdt_limit = registers.idt_limit = 0xFFFF;
  registers.gpr[2] = 0x600;  // processor signature, as after reset
  cpu_->set_registers(registers);
  waits_for_startup_ = false;
  if (held_ || state_ != traces::VpState::Running) return;
  catch_up(partition_.guest_ns(partition_.node().now()));
  partition_.node().world().set_runnable(*this, true);
}

}  // namespace hv
