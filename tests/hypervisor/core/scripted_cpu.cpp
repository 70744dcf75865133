#include "tests/hypervisor/core/scripted_cpu.hpp"

#include <algorithm>
#include <cstring>

#include "traces/bytes.hpp"

namespace hv::test {

sim::RunResult ScriptedCpu::run(std::uint64_t max_instructions) {
  const std::uint64_t start = executed_;
  limit_ = executed_ + max_instructions;
  const auto result = [&](sim::StopReason reason) {
    return sim::RunResult{reason, executed_ - start};
  };
  while (executed_ < limit_) {
    if (line_ && interrupts_) {
      if (const auto vector = bus_.acknowledge_interrupt()) {
        const auto handler = script_->handlers.find(*vector);
        if (handler == script_->handlers.end()) return result(sim::StopReason::Shutdown);
        halted_ = false;
        interrupts_ = false;
        return_to_ = rip_;
        rip_ = handler->second;
        note(0x1000 + *vector);
      }
    }
    if (halted_) return result(sim::StopReason::Halt);
    if (rip_ >= script_->steps.size()) return result(sim::StopReason::Shutdown);
    next_ = rip_ + 1;
    halt_requested_ = intercepted_ = repeat_ = false;
    script_->steps[rip_](*this);
    if (intercepted_) return result(sim::StopReason::Intercept);
    if (repeat_) continue;
    rip_ = next_;
    ++executed_;
    if (halt_requested_) {
      halted_ = true;
      return result(sim::StopReason::Halt);
    }
  }
  return result(sim::StopReason::Limit);
}

std::optional<sim::Frame> ScriptedCpu::reach(std::uint64_t gpa, sim::Access access) {
  const sim::PhysicalPage page = bus_.page(sim::page_of({gpa}), access);
  const bool allowed = access == sim::Access::Write ? page.rights.write : page.rights.read;
  if (page.kind != sim::PhysicalPage::Kind::Ram || !allowed) {
    intercepted_ = true;
    bus_.memory_intercept({gpa}, gpa, access);
    return std::nullopt;
  }
  if (access == sim::Access::Write && page.report_store) bus_.page_stored(page.frame);
  return page.frame;
}

std::uint64_t ScriptedCpu::load(std::uint64_t gpa) {
  const auto frame = reach(gpa, sim::Access::Read);
  std::uint64_t value = 0;
  if (!frame) return value;
  const std::byte* from = memory_.storage() + frame->value * sim::kPageSize;
  std::memcpy(&value, from + sim::offset_in_page({gpa}), sizeof value);
  return value;
}

void ScriptedCpu::store(std::uint64_t gpa, std::uint64_t value) {
  const auto frame = reach(gpa, sim::Access::Write);
  if (!frame) return;
  std::byte* to = memory_.storage() + frame->value * sim::kPageSize;
  std::memcpy(to + sim::offset_in_page({gpa}), &value, sizeof value);
}

std::uint64_t ScriptedCpu::vmcall(std::uint64_t control, std::uint64_t input,
                                  std::uint64_t output) {
  sim::HypercallRegisters registers;
  // A continued call finds the control word that the last round left.
  registers.rcx = r_[7] != 0 ? r_[7] : control;
  registers.rdx = input;
  registers.r8 = output;
  bus_.hypercall(registers);
  repeat_ = registers.repeat;
  r_[7] = repeat_ ? registers.rcx : 0;
  repeats += repeat_ ? 1 : 0;
  return registers.rax;
}

sim::CpuRegisters ScriptedCpu::registers() const {
  sim::CpuRegisters registers;
  registers.rip = rip_;
  return registers;
}

void ScriptedCpu::set_registers(const sim::CpuRegisters& registers) {
  rip_ = registers.rip;
  r_[0] = registers.cs.base;
}

std::vector<std::byte> ScriptedCpu::save() const {
  traces::ByteWriter out;
  for (std::uint64_t value : {executed_, rip_, return_to_}) out.put(value);
  for (std::uint64_t value : r_) out.put(value);
  out.put<std::uint8_t>(interrupts_);
  out.put<std::uint8_t>(halted_);
  return out.take();
}

bool ScriptedCpu::restore(std::span<const std::byte> state) {
  traces::ByteReader in(state);
  ScriptedCpu fresh(script_, bus_, memory_);
  for (std::uint64_t* value : {&fresh.executed_, &fresh.rip_, &fresh.return_to_}) {
    *value = in.get<std::uint64_t>();
  }
  for (std::uint64_t& value : fresh.r_) value = in.get<std::uint64_t>();
  const auto interrupts = in.get<std::uint8_t>();
  const auto halted = in.get<std::uint8_t>();
  if (interrupts > 1 || halted > 1) return false;
  fresh.interrupts_ = interrupts == 1;
  fresh.halted_ = halted == 1;
  if (!in.ok() || !in.at_end()) return false;
  executed_ = fresh.executed_;
  rip_ = fresh.rip_;
  return_to_ = fresh.return_to_;
  r_ = fresh.r_;
  interrupts_ = fresh.interrupts_;
  halted_ = fresh.halted_;
  return true;
}

}  // namespace hv::test
