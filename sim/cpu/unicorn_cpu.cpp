// sim::Cpu over the seam of the Unicorn engine.
#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "sim/cpu/engine.hpp"
#include "sim/cpu/unicorn/seam.h"

namespace sim {

namespace {

constexpr int kSegments = 8;

/// The bus as the seam wants it. An exception must not cross the library's frames: it is kept, the
/// run is ended, and `run` throws it again.
struct Bridge {
  CpuBus* bus = nullptr;
  um_machine* machine = nullptr;
  std::exception_ptr error;

  template <class Result, class Function>
  static Result call(void* user, Result otherwise, Function&& function) noexcept {
    auto& self = *static_cast<Bridge*>(user);
    try {
      return function(*self.bus);
    } catch (...) {
      if (!self.error) self.error = std::current_exception();
      if (self.machine) um_fail(self.machine, "the world outside of the processor failed");
      return otherwise;
    }
  }
  template <class Function>
  static void call(void* user, Function&& function) noexcept {
    call(user, 0, [&function](CpuBus& bus) {
      function(bus);
      return 0;
    });
  }
};

um_page to_seam(const PhysicalPage& page) {
  um_page out{};
  out.frame = page.frame.value;
  out.kind = page.kind == PhysicalPage::Kind::Ram    ? UM_RAM
             : page.kind == PhysicalPage::Kind::Mmio ? UM_MMIO
                                                     : UM_UNMAPPED;
  out.rights = static_cast<std::uint8_t>((page.rights.read ? 1 << UM_READ : 0) |
                                         (page.rights.write ? 1 << UM_WRITE : 0) |
                                         (page.rights.execute ? 1 << UM_EXECUTE : 0));
  out.report_store = page.report_store;
  return out;
}

HypercallRegisters from_seam(const um_hypercall& r) {
  return {r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.r8, r.long_mode != 0, false};
}

void to_seam(const HypercallRegisters& from, um_hypercall& to) {
  to.rax = from.rax;
  to.rbx = from.rbx;
  to.rcx = from.rcx;
  to.rdx = from.rdx;
  to.rsi = from.rsi;
  to.rdi = from.rdi;
  to.r8 = from.r8;
  to.repeat = from.repeat;
}

/// Memory and interrupts.
void bind_memory(um_bus& b) {
  b.page = [](void* user, std::uint64_t gpfn, int access, um_page* out) {
    um_page unmapped{};
    unmapped.kind = UM_UNMAPPED;
    *out = Bridge::call(user, unmapped, [&](CpuBus& bus) {
      return to_seam(bus.page(Gpfn{gpfn}, static_cast<Access>(access)));
    });
  };
  b.map_generation = [](void* user) {
    return Bridge::call(user, std::uint64_t{0}, [](CpuBus& bus) { return bus.map_generation(); });
  };
  b.page_stored = [](void* user, std::uint64_t frame) {
    Bridge::call(user, [frame](CpuBus& bus) { bus.page_stored(Frame{frame}); });
  };
  b.memory_intercept = [](void* user, std::uint64_t gpa, std::uint64_t linear, int access) {
    Bridge::call(user, [&](CpuBus& bus) {
      bus.memory_intercept(Gpa{gpa}, linear, static_cast<Access>(access));
    });
  };
  b.mmio_read = [](void* user, std::uint64_t gpa, unsigned bytes) {
    return Bridge::call(user, std::uint64_t{0},
                        [&](CpuBus& bus) { return bus.mmio_read(Gpa{gpa}, bytes); });
  };
  b.mmio_write = [](void* user, std::uint64_t gpa, unsigned bytes, std::uint64_t value) {
    Bridge::call(user, [&](CpuBus& bus) { bus.mmio_write(Gpa{gpa}, bytes, value); });
  };
  b.acknowledge = [](void* user, std::uint8_t* vector) {
    return Bridge::call(user, 0, [vector](CpuBus& bus) {
      const auto taken = bus.acknowledge_interrupt();
      *vector = taken.value_or(0);
      return taken ? 1 : 0;
    });
  };
}

/// Instructions that the outside answers.
void bind_instructions(um_bus& b) {
  b.port_in = [](void* user, std::uint16_t port, unsigned bytes) {
    return Bridge::call(user, ~std::uint32_t{0},
                        [&](CpuBus& bus) { return bus.port_in(port, bytes); });
  };
  b.port_out = [](void* user, std::uint16_t port, unsigned bytes, std::uint32_t value) {
    Bridge::call(user, [&](CpuBus& bus) { bus.port_out(port, bytes, value); });
  };
  b.rdmsr = [](void* user, std::uint32_t msr, std::uint64_t* value) {
    return Bridge::call(user, 0, [&](CpuBus& bus) {
      const auto answer = bus.rdmsr(msr);
      *value = answer.value_or(0);
      return answer ? 1 : 0;
    });
  };
  b.wrmsr = [](void* user, std::uint32_t msr, std::uint64_t value) {
    return Bridge::call(user, 0, [&](CpuBus& bus) { return bus.wrmsr(msr, value) ? 1 : 0; });
  };
  b.cpuid = [](void* user, std::uint32_t leaf, std::uint32_t subleaf, um_cpuid* out) {
    Bridge::call(user, [&](CpuBus& bus) {
      const CpuidResult r = bus.cpuid(leaf, subleaf);
      *out = {r.eax, r.ebx, r.ecx, r.edx};
    });
  };
  b.hypercall = [](void* user, um_hypercall* registers) {
    Bridge::call(user, [registers](CpuBus& bus) {
      HypercallRegisters mine = from_seam(*registers);
      bus.hypercall(mine);
      to_seam(mine, *registers);
    });
  };
  b.tsc = [](void* user) {
    return Bridge::call(user, std::uint64_t{0}, [](CpuBus& bus) { return bus.tsc(); });
  };
  b.write_cr8 = [](void* user, std::uint64_t value) {
    Bridge::call(user, [value](CpuBus& bus) { bus.write_cr8(value); });
  };
  b.read_cr8 = [](void* user) {
    return Bridge::call(user, std::uint64_t{0}, [](CpuBus& bus) { return bus.read_cr8(); });
  };
}

template <class Registers>
auto segments_of(Registers& r) {
  using Pointer = decltype(&r.es);
  return std::array<Pointer, kSegments>{&r.es, &r.cs, &r.ss, &r.ds, &r.fs, &r.gs, &r.ldtr, &r.tr};
}

EngineError no_memory(const CpuConfig& config) {
  return EngineError("unicorn: this machine has no memory for another processor with " +
                     std::to_string(config.frames >> 8) +
                     " MiB of RAM; smaller or fewer VMs of real code, or a wider `ulimit -v`, "
                     "would be right");
}

class UnicornCpu final : public Cpu {
 public:
  UnicornCpu(const CpuConfig& config, CpuBus& bus) {
    bridge_.bus = &bus;
    um_bus seam{};
    seam.user = &bridge_;
    bind_memory(seam);
    bind_instructions(seam);
    machine_ = um_open(reinterpret_cast<std::uint8_t*>(config.storage), config.frames, &seam);
    if (!machine_) throw no_memory(config);
    um_limit_code(machine_, config.translated_bytes);
    bridge_.machine = machine_;
  }
  ~UnicornCpu() override { um_close(machine_); }
  UnicornCpu(const UnicornCpu&) = delete;
  UnicornCpu& operator=(const UnicornCpu&) = delete;

  RunResult run(std::uint64_t max_instructions) override {
    const std::uint64_t start = um_executed(machine_);
    const int stop = um_run(machine_, max_instructions);
    if (bridge_.error) std::rethrow_exception(std::exchange(bridge_.error, nullptr));
    failure_ = stop == UM_FAILURE ? um_failure(machine_) : "";
    return {static_cast<StopReason>(stop), um_executed(machine_) - start};
  }
  std::uint64_t executed() const override { return um_executed(machine_); }
  void limit_to(std::uint64_t total) override { um_limit_to(machine_, total); }
  void set_interrupt_line(bool asserted) override { um_set_line(machine_, asserted); }
  bool halted() const override { return um_halted(machine_) != 0; }
  bool interruptible() const override { return um_interruptible(machine_) != 0; }

  CpuRegisters registers() const override {
    um_registers in;
    um_get_registers(machine_, &in);
    CpuRegisters out;
    std::copy(std::begin(in.gpr), std::end(in.gpr), out.gpr.begin());
    out.rip = in.rip;
    out.rflags = in.rflags;
    out.cr0 = in.cr0;
    out.cr2 = in.cr2;
    out.cr3 = in.cr3;
    out.cr4 = in.cr4;
    out.cr8 = bridge_.bus->read_cr8();
    out.efer = in.efer;
    const auto segments = segments_of(out);
    for (std::size_t i = 0; i < kSegments; ++i) {
      const um_segment& s = in.segment[i];
      *segments[i] = {s.selector, s.base, s.limit, s.attributes};
    }
    out.gdt_base = in.gdt_base;
    out.gdt_limit = in.gdt_limit;
    out.idt_base = in.idt_base;
    out.idt_limit = in.idt_limit;
    return out;
  }

  void set_registers(const CpuRegisters& in) override {
    um_registers out{};
    std::copy(in.gpr.begin(), in.gpr.end(), std::begin(out.gpr));
    out.rip = in.rip;
    out.rflags = in.rflags;
    out.cr0 = in.cr0;
    out.cr2 = in.cr2;
    out.cr3 = in.cr3;
    out.cr4 = in.cr4;
    out.efer = in.efer;
    const auto segments = segments_of(in);
    for (std::size_t i = 0; i < kSegments; ++i) {
      const Segment& s = *segments[i];
      out.segment[i] = {s.base, s.limit, s.attributes, s.selector};
    }
    out.gdt_base = in.gdt_base;
    out.gdt_limit = in.gdt_limit;
    out.idt_base = in.idt_base;
    out.idt_limit = in.idt_limit;
    um_set_registers(machine_, &out);
    if (bridge_.bus->read_cr8() != in.cr8) bridge_.bus->write_cr8(in.cr8);
  }

  std::vector<std::byte> save() const override {
    std::vector<std::byte> state(um_state_size());
    um_save(machine_, reinterpret_cast<std::uint8_t*>(state.data()));
    return state;
  }
  bool restore(std::span<const std::byte> state) override {
    return um_restore(machine_, reinterpret_cast<const std::uint8_t*>(state.data()),
                      state.size()) != 0;
  }

  void forget_code(Frame frame) override { um_forget_code(machine_, frame.value); }
  std::optional<Gpa> translate(std::uint64_t linear) const override {
    std::uint64_t gpa = 0;
    if (!um_translate(machine_, linear, &gpa)) return std::nullopt;
    return Gpa{gpa};
  }
  const std::string& failure() const override { return failure_; }

 private:
  Bridge bridge_;
  um_machine* machine_ = nullptr;
  std::string failure_;
};

}  // namespace

std::string unicorn_self_check() {
  if (!um_has_room()) return "unicorn: this machine has no memory for an engine";
  const char* reason = um_self_check();
  return reason ? reason : "";
}

std::unique_ptr<Cpu> make_unicorn_cpu(const CpuConfig& config, CpuBus& bus) {
  if (!um_has_room()) throw no_memory(config);
  // Constant after its first use in a process, and no part of any world.
  static const std::string reason = unicorn_self_check();
  if (!reason.empty()) throw EngineError(reason);
  return std::make_unique<UnicornCpu>(config, bus);
}

}  // namespace sim
