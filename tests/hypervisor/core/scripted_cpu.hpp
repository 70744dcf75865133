// A processor whose program is a list of C++ steps: one step is one instruction. Its whole state
// is a handful of numbers, so that tests can save it, compare it and count exactly.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/cpu/cpu.hpp"
#include "sim/memory/guest_memory.hpp"

namespace hv::test {

class ScriptedCpu;
using Step = std::function<void(ScriptedCpu&)>;

struct Script {
  std::vector<Step> steps;
  std::map<std::uint8_t, std::size_t> handlers;  ///< vector -> first step of its handler
};

/// What happened at which instruction: the stream that twins must share.
struct Mark {
  std::uint64_t executed = 0;
  std::uint64_t what = 0;
  friend bool operator==(const Mark&, const Mark&) = default;
};

class ScriptedCpu final : public sim::Cpu {
 public:
  ScriptedCpu(std::shared_ptr<const Script> script, sim::CpuBus& bus, sim::GuestMemory& memory)
      : script_(std::move(script)), bus_(bus), memory_(memory) {}

  // -- for steps --
  sim::CpuBus& bus() { return bus_; }
  std::array<std::uint64_t, 8>& r() { return r_; }
  void jump(std::size_t step) { next_ = step; }
  void halt() { halt_requested_ = true; }
  void enable_interrupts(bool on) { interrupts_ = on; }
  void end_handler() {
    next_ = return_to_;
    interrupts_ = true;
  }
  void note(std::uint64_t what) { marks.push_back({executed_, what}); }
  std::uint64_t load(std::uint64_t gpa);
  void store(std::uint64_t gpa, std::uint64_t value);
  std::uint64_t vmcall(std::uint64_t control, std::uint64_t input, std::uint64_t output);
  void write_msr(std::uint32_t msr, std::uint64_t value) {
    faults += bus_.wrmsr(msr, value) ? 0 : 1;
  }

  std::vector<Mark> marks;  ///< not part of the state
  std::vector<std::uint32_t> forgotten;
  unsigned faults = 0;
  unsigned repeats = 0;

  // -- sim::Cpu --
  sim::RunResult run(std::uint64_t max_instructions) override;
  std::uint64_t executed() const override { return executed_; }
  void limit_to(std::uint64_t total) override { limit_ = std::min(limit_, total); }
  void set_interrupt_line(bool asserted) override { line_ = asserted; }
  bool halted() const override { return halted_; }
  bool interruptible() const override { return interrupts_; }
  sim::CpuRegisters registers() const override;
  void set_registers(const sim::CpuRegisters& registers) override;
  std::vector<std::byte> save() const override;
  bool restore(std::span<const std::byte> state) override;
  void forget_code(sim::Frame frame) override {
    forgotten.push_back(static_cast<std::uint32_t>(frame.value));
  }
  std::optional<sim::Gpa> translate(std::uint64_t linear) const override {
    return sim::Gpa{linear};
  }
  const std::string& failure() const override { return failure_; }

 private:
  std::optional<sim::Frame> reach(std::uint64_t gpa, sim::Access access);

  std::shared_ptr<const Script> script_;
  sim::CpuBus& bus_;
  sim::GuestMemory& memory_;
  std::uint64_t executed_ = 0;
  std::uint64_t limit_ = 0;
  std::uint64_t rip_ = 0;
  std::uint64_t return_to_ = 0;
  std::array<std::uint64_t, 8> r_{};
  std::size_t next_ = 0;
  bool interrupts_ = false;
  bool halted_ = false;
  bool line_ = false;
  bool halt_requested_ = false;
  bool intercepted_ = false;
  bool repeat_ = false;
  std::string failure_;
};

}  // namespace hv::test
