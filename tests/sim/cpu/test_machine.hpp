// A small machine for the processor's tests: 16 MiB of RAM whose frames lie elsewhere than their
// guest physical addresses, page tables, GDT, IDT and TSS in place, and a bus that records.
#pragma once

#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "sim/cpu/cpu.hpp"
#include "sim/cpu/engine.hpp"

namespace cpu_test {

/// A guest program of programs/*.S, assembled into this executable.
struct Program {
  const std::byte* begin;
  const std::byte* end;
  std::span<const std::byte> bytes() const { return {begin, end}; }
};

#define GUEST_PROGRAM(name)                                \
  extern "C" const std::byte name##_begin[], name##_end[]; \
  inline const ::cpu_test::Program name { name##_begin, name##_end }

GUEST_PROGRAM(busy);
GUEST_PROGRAM(catcher);
GUEST_PROGRAM(counter);
GUEST_PROGRAM(everything);
GUEST_PROGRAM(fixer);
GUEST_PROGRAM(floating);
GUEST_PROGRAM(rings);
GUEST_PROGRAM(self_modifying);
GUEST_PROGRAM(store_list);
GUEST_PROGRAM(to_long_mode);

#undef GUEST_PROGRAM

inline constexpr std::uint64_t kPages = 4096;      ///< guest physical pages
inline constexpr std::uint64_t kFrameShift = 5;    ///< frame of a page = page + this
inline constexpr std::uint64_t kOverlayFrame = 1;  ///< a frame that no page owns

// Guest physical places.
inline constexpr std::uint64_t kGdt = 0x1000, kIdt = 0x2000, kTss = 0x3000, kTables = 0x4000;
inline constexpr std::uint64_t kCode = 0x10000, kStackTop = 0x30000, kUserStackTop = 0x38000;
inline constexpr std::uint64_t kIstTop = 0x3c000, kData = 0x40000;
inline constexpr std::uint64_t kCatcher = 0x20000, kReport = 0x41000;  ///< of `catcher`
inline constexpr std::uint64_t kMmio = 0x100000000;  ///< one page, mapped at the same address
inline constexpr std::uint16_t kKernelCode = 0x08, kKernelData = 0x10, kUserData = 0x1b,
                               kUserCode = 0x23, kTaskSelector = 0x28;

// Page table bits.
inline constexpr std::uint64_t kPresent = 1, kWritable = 2, kUser = 4, kAccessed = 0x20,
                               kDirty = 0x40, kLarge = 0x80, kNoExecute = 1ull << 63;

struct Event {
  std::string what;
  std::uint64_t a = 0, b = 0, c = 0;
  std::uint64_t executed = 0;
  friend bool operator==(const Event&, const Event&) = default;
};

class TestMachine : public sim::CpuBus {
 public:
  explicit TestMachine(std::uint64_t translated_bytes = sim::kTranslatedBytes);
  ~TestMachine() override;
  TestMachine(const TestMachine&) = delete;
  TestMachine& operator=(const TestMachine&) = delete;

  /// Copies a program to kCode (or elsewhere) and points RIP at it.
  void load(const Program& program, std::uint64_t at = kCode);
  void load(std::initializer_list<int> bytes, std::uint64_t at = kCode);
  /// Long mode at CPL 0 with everything above set up; interrupts off.
  void enter_long_mode(std::uint64_t rip = kCode);
  /// Throws the processor away and makes another of its saved state.
  void replace_cpu();

  sim::Cpu& cpu() { return *cpu_; }
  std::uint64_t rax() const { return cpu_->registers().gpr[0]; }
  std::byte* at(std::uint64_t gpa) { return storage_ + gpa + kFrameShift * 4096; }
  std::uint64_t read(std::uint64_t gpa, unsigned bytes = 8);
  void write(std::uint64_t gpa, std::uint64_t value, unsigned bytes = 8);
  /// The leaf entry of a linear address below 16 MiB.
  std::uint64_t entry_of(std::uint64_t linear) const;
  void set_entry(std::uint64_t linear, std::uint64_t value);
  void set_gate(unsigned vector, std::uint64_t handler, unsigned dpl = 0, unsigned ist = 0);
  std::uint64_t ram_hash() const;
  void forget_reports();
  std::byte* storage() { return storage_; }

  // What the bus does. Tests change these.
  std::map<std::uint64_t, sim::PhysicalPage> pages;  ///< overrides by page number
  bool report_stores = false;
  std::uint64_t generation = 1;
  std::vector<Event> events;
  std::set<std::uint64_t> stored;        ///< frames reported since forget_reports
  std::vector<std::uint8_t> interrupts;  ///< pending vectors, taken from the back
  std::uint64_t cr8 = 0;
  std::function<void(const Event&)> on_event;
  std::function<std::uint64_t(const Event&)> answer;
  std::function<void(sim::HypercallRegisters&)> on_hypercall;

  // sim::CpuBus
  sim::PhysicalPage page(sim::Gpfn gpfn, sim::Access access) override;
  std::uint64_t map_generation() const override { return generation; }
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
  std::uint64_t read_cr8() override { return cr8; }

 private:
  std::uint64_t record(std::string what, std::uint64_t a = 0, std::uint64_t b = 0,
                       std::uint64_t c = 0);
  void build_tables();
  std::byte* storage_ = nullptr;
  std::unique_ptr<sim::Cpu> cpu_;
};

}  // namespace cpu_test
