// The processor as the hypervisor sees it, and what the hypervisor must offer to a processor.
//
// One Cpu is one virtual processor. Engines (unicorn, later kvm) implement it; the hypervisor owns
// time, memory rights and devices and answers the processor through CpuBus. Calls of the bus happen
// synchronously, at the instruction that causes them (design §4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/memory/address.hpp"

namespace sim {

/// Rights of a page in the GPA map. `None` makes every access an intercept.
struct Rights {
  bool read = false;
  bool write = false;
  bool execute = false;
  friend constexpr bool operator==(Rights, Rights) = default;
};

enum class Access : std::uint8_t { Read, Write, Execute };

/// What stands at one guest physical page.
struct PhysicalPage {
  enum class Kind : std::uint8_t { Ram, Mmio, Unmapped };
  Kind kind = Kind::Unmapped;
  Frame frame{};            ///< Kind::Ram: the storage behind the page
  Rights rights{};          ///< Kind::Ram: an access outside these is an intercept
  bool report_store = false;  ///< Kind::Ram: call CpuBus::page_stored before the first store
};

struct CpuidResult {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
  friend constexpr bool operator==(const CpuidResult&, const CpuidResult&) = default;
};

/// Registers of a hypercall by VMCALL or VMMCALL (TLFS 3.7, spec B.3), 64-bit form. In 32-bit mode
/// the engine passes EAX, EBX, ECX, EDX, ESI and EDI zero-extended.
struct HypercallRegisters {
  std::uint64_t rax = 0, rbx = 0, rcx = 0, rdx = 0, rsi = 0, rdi = 0, r8 = 0;
  bool long_mode = true;
  bool repeat = false;  ///< out: leave RIP at the instruction (rep hypercall continuation)
};

/// Everything outside the processor. The hypervisor implements it, one object per VP.
class CpuBus {
 public:
  virtual ~CpuBus() = default;

  /// Looks a page up for a translation that the engine is about to cache. The engine may cache it
  /// until `map_generation()` changes.
  virtual PhysicalPage page(Gpfn gpfn, Access access) = 0;
  /// Changes whenever a cached answer of `page` may be wrong (map, overlay, or dirty log cleared).
  virtual std::uint64_t map_generation() const = 0;
  /// The processor is about to store to a page whose `report_store` was set. Once per page and
  /// generation; further stores go unreported.
  virtual void page_stored(Frame frame) = 0;
  /// An access outside the rights, or to an unmapped page. The instruction has had no effect and
  /// RIP is at it; the run ends with StopReason::Intercept.
  virtual void memory_intercept(Gpa gpa, std::uint64_t linear, Access access) = 0;

  virtual std::uint32_t port_in(std::uint16_t port, unsigned bytes) = 0;
  virtual void port_out(std::uint16_t port, unsigned bytes, std::uint32_t value) = 0;
  virtual std::uint64_t mmio_read(Gpa gpa, unsigned bytes) = 0;
  virtual void mmio_write(Gpa gpa, unsigned bytes, std::uint64_t value) = 0;
  /// nullopt and false mean #GP. Architectural MSRs that are part of processor state (EFER, STAR,
  /// LSTAR, CSTAR, SFMASK, FS/GS/KERNEL_GS base, SYSENTER_*, PAT) never reach the bus.
  virtual std::optional<std::uint64_t> rdmsr(std::uint32_t msr) = 0;
  virtual bool wrmsr(std::uint32_t msr, std::uint64_t value) = 0;
  virtual CpuidResult cpuid(std::uint32_t leaf, std::uint32_t subleaf) = 0;
  virtual void hypercall(HypercallRegisters& registers) = 0;
  virtual std::uint64_t tsc() = 0;

  /// Vector of the interrupt that the processor should take now, or nullopt. Asked only while
  /// Cpu::set_interrupt_line(true) holds and the processor can take one (RFLAGS.IF, no shadow).
  virtual std::optional<std::uint8_t> acknowledge_interrupt() = 0;
  /// CR8 writes (TPR bits 7:4 of the local APIC).
  virtual void write_cr8(std::uint64_t value) = 0;
  virtual std::uint64_t read_cr8() = 0;
};

enum class StopReason : std::uint8_t {
  Limit,      ///< the instruction limit was reached
  Halt,       ///< HLT executed, RIP after it. Resumes on an interrupt only
  Shutdown,   ///< triple fault
  Intercept,  ///< CpuBus::memory_intercept was called
  Failure,    ///< the engine cannot go on: a defect, text in Cpu::failure()
};

struct RunResult {
  StopReason reason = StopReason::Limit;
  std::uint64_t instructions = 0;  ///< retired during this run
};

/// Registers for inspection, start-up and tests. Segments carry their hidden parts.
struct Segment {
  std::uint16_t selector = 0;
  std::uint64_t base = 0;
  std::uint32_t limit = 0;
  /// Descriptor bits 8..23 of the high dword, unshifted (QEMU flags).
  std::uint32_t attributes = 0;
  friend bool operator==(const Segment&, const Segment&) = default;
};

struct CpuRegisters {
  std::array<std::uint64_t, 16> gpr{};  ///< rax rcx rdx rbx rsp rbp rsi rdi r8..r15
  std::uint64_t rip = 0, rflags = 2;
  std::uint64_t cr0 = 0, cr2 = 0, cr3 = 0, cr4 = 0, cr8 = 0, efer = 0;
  Segment es, cs, ss, ds, fs, gs, ldtr, tr;
  std::uint64_t gdt_base = 0, idt_base = 0;
  std::uint32_t gdt_limit = 0, idt_limit = 0;
  friend bool operator==(const CpuRegisters&, const CpuRegisters&) = default;
};

class Cpu {
 public:
  virtual ~Cpu() = default;

  /// Runs until `executed()` has grown by `max_instructions` or something else stops it. Exact:
  /// the stop does not depend on how the engine translates. A halted processor with no interrupt
  /// returns Halt with 0 instructions.
  virtual RunResult run(std::uint64_t max_instructions) = 0;

  /// Instructions retired since creation (part of saved state). Inside a bus call: those before
  /// the current one.
  virtual std::uint64_t executed() const = 0;
  /// Inside a bus call or before run: lowers the limit of the current run to an absolute
  /// `executed()` value. A value not above executed() ends the run right after the current
  /// instruction, for every kind of access, MMIO included.
  virtual void limit_to(std::uint64_t executed_total) = 0;

  /// Level of the interrupt request line: while true, the engine asks acknowledge_interrupt()
  /// as soon as it may deliver. Allowed inside a bus call.
  virtual void set_interrupt_line(bool asserted) = 0;
  virtual bool halted() const = 0;
  /// True when RFLAGS.IF is set and no STI/MOV SS shadow stands: an interrupt could be taken now.
  virtual bool interruptible() const = 0;

  virtual CpuRegisters registers() const = 0;
  virtual void set_registers(const CpuRegisters& registers) = 0;

  /// The whole processor state as canonical bytes: equal states give equal bytes, on any machine.
  /// Memory is not part of it.
  virtual std::vector<std::byte> save() const = 0;
  /// False when the bytes are not a state of this engine and version; the processor is unchanged.
  virtual bool restore(std::span<const std::byte> state) = 0;

  /// Somebody else (another processor, DMA, the hypervisor) has written to this frame: code
  /// translated from it must not run again. Cheap when the frame holds no translated code.
  virtual void forget_code(Frame frame) = 0;

  /// Translates a linear address with the current page tables, without side effects.
  virtual std::optional<Gpa> translate(std::uint64_t linear) const = 0;
  /// Why the last run ended with Failure.
  virtual const std::string& failure() const = 0;
};

}  // namespace sim
