// Instructions that the outside world answers: ports, CPUID, MSRs, TSC, control registers.
#include "sim/cpu/unicorn/library.hpp"
#include "sim/cpu/unicorn/machine.hpp"
#include "sim/cpu/unicorn/wraps.hpp"

#define HOST_PC reinterpret_cast<std::uintptr_t>(__builtin_return_address(0))

namespace sim::unicorn {

namespace {

constexpr std::uint64_t kIopl = 3 << 12, kVm86 = 1 << 17;

[[noreturn]] void protection_fault(um_machine& m, std::uintptr_t host_pc) {
  raise_exception_err_ra_x86_64(m.env, kProtection, 0, host_pc);
}

/// The I/O permission bitmap of the TSS decides where IOPL does not allow the port.
void check_port(um_machine& m, unsigned port, unsigned bytes, std::uintptr_t host_pc) {
  const std::uint64_t flags = reg<std::uint64_t>(m, env::kFlags);
  const bool pe = control(m, 0) & 1;
  if (!pe || (cpl(m) <= (flags & kIopl) >> 12 && !(flags & kVm86))) return;
  const auto& tr = reg<env::Segment>(m, env::kTr);
  const unsigned type = (tr.flags >> 8) & 0xf;
  if (!(tr.flags & 0x8000) || (type & ~2u) != 9 || tr.limit < 103) protection_fault(m, host_pc);
  const std::uint32_t map =
      cpu_lduw_mmuidx_ra_x86_64(m.env, tr.base + 0x66, tlb::kKernelPlain, host_pc);
  const std::uint32_t byte = map + (port >> 3);
  if (byte + 1 > tr.limit) protection_fault(m, host_pc);
  const std::uint32_t bits =
      cpu_lduw_mmuidx_ra_x86_64(m.env, tr.base + byte, tlb::kKernelPlain, host_pc) >> (port & 7);
  if (bits & ((1u << bytes) - 1)) protection_fault(m, host_pc);
}

std::uint64_t port_in(void* env, std::uint32_t port, unsigned bytes, std::uintptr_t host_pc) {
  um_machine& m = machine_of_env(env);
  check_port(m, port & 0xffff, bytes, host_pc);
  BusCall call(m);
  std::uint32_t value = m.bus.port_in(m.bus.user, static_cast<std::uint16_t>(port), bytes);
  call.end();
  if (bytes < 4) value &= (1u << (8 * bytes)) - 1;
  return value;
}

void port_out(void* env, std::uint32_t port, unsigned bytes, std::uint32_t value,
              std::uintptr_t host_pc) {
  um_machine& m = machine_of_env(env);
  check_port(m, port & 0xffff, bytes, host_pc);
  if (bytes < 4) value &= (1u << (8 * bytes)) - 1;
  BusCall call(m);
  m.bus.port_out(m.bus.user, static_cast<std::uint16_t>(port), bytes, value);
  call.end();
}

void read_tsc(um_machine& m, std::uintptr_t host_pc) {
  constexpr std::uint64_t kTsd = 4;
  if ((control(m, 4) & kTsd) && cpl(m) != 0) protection_fault(m, host_pc);
  BusCall call(m);
  const std::uint64_t value = m.bus.tsc(m.bus.user);
  call.end();
  gpr(m, 0) = static_cast<std::uint32_t>(value);
  gpr(m, 2) = value >> 32;
}

enum Msr : std::uint32_t {
  kMsrSysenterCs = 0x174,
  kMsrSysenterEsp = 0x175,
  kMsrSysenterEip = 0x176,
  kMsrPat = 0x277,
  kMsrEfer = 0xc0000080,
  kMsrStar = 0xc0000081,
  kMsrLstar = 0xc0000082,
  kMsrCstar = 0xc0000083,
  kMsrFmask = 0xc0000084,
  kMsrFsBase = 0xc0000100,
  kMsrGsBase = 0xc0000101,
  kMsrKernelGsBase = 0xc0000102,
  kMsrTscAux = 0xc0000103,
};

/// Where an MSR that is processor state lives in the environment; 0 for all others.
std::size_t place_of(std::uint32_t msr) {
  switch (msr) {
    case kMsrSysenterEsp:
      return env::kSysenterEsp;
    case kMsrSysenterEip:
      return env::kSysenterEip;
    case kMsrPat:
      return env::kPat;
    case kMsrEfer:
      return env::kEfer;
    case kMsrStar:
      return env::kStar;
    case kMsrLstar:
      return env::kLstar;
    case kMsrCstar:
      return env::kCstar;
    case kMsrFmask:
      return env::kFmask;
    case kMsrFsBase:
      return env::kSegments + 24 * 4 + 8;
    case kMsrGsBase:
      return env::kSegments + 24 * 5 + 8;
    case kMsrKernelGsBase:
      return env::kKernelGs;
    case kMsrTscAux:
      return env::kTscAux;
    default:
      return 0;
  }
}

bool holds_address(std::uint32_t msr) {
  switch (msr) {
    case kMsrSysenterEsp:
    case kMsrSysenterEip:
    case kMsrLstar:
    case kMsrCstar:
    case kMsrFsBase:
    case kMsrGsBase:
    case kMsrKernelGsBase:
      return true;
    default:
      return false;
  }
}

bool valid_pat(std::uint64_t value) {
  for (unsigned i = 0; i < 8; ++i) {
    const std::uint64_t type = (value >> (8 * i)) & 0xff;
    if (type > 7 || type == 2 || type == 3) return false;
  }
  return true;
}

bool write_efer(um_machine& m, std::uint64_t value) {
  constexpr std::uint64_t kSce = 1, kLme = 1 << 8, kLma = 1 << 10, kNxe = 1 << 11;
  auto& efer = reg<std::uint64_t>(m, env::kEfer);
  if (value & ~(kSce | kLme | kLma | kNxe)) return false;
  const bool paging = control(m, 0) >> 31;
  if (paging && ((value ^ efer) & kLme)) return false;
  if ((value ^ efer) & kNxe) m.flush = true;
  efer = (value & ~kLma) | (efer & kLma);
  return true;
}

bool write_own_msr(um_machine& m, std::uint32_t msr, std::size_t place, std::uint64_t value) {
  if (msr == kMsrEfer) return write_efer(m, value);
  if (msr == kMsrPat && !valid_pat(value)) return false;
  if (holds_address(msr) && !canonical(value)) return false;
  if ((msr == kMsrTscAux || msr == kMsrFmask) && value >> 32) return false;
  reg<std::uint64_t>(m, place) = value;
  return true;
}

constexpr std::uint64_t kCr0Pe = 1, kCr0Nw = 1 << 29, kCr0Cd = 1 << 30, kCr0Pg = 1ull << 31;

bool write_cr0(um_machine& m, std::uint64_t value) {
  constexpr std::uint64_t kLme = 1 << 8;
  if (value >> 32) return false;
  if ((value & kCr0Pg) && !(value & kCr0Pe)) return false;
  if ((value & kCr0Nw) && !(value & kCr0Cd)) return false;
  const bool turns_on = (value & kCr0Pg) && !(control(m, 0) & kCr0Pg);
  const bool long_mode = reg<std::uint64_t>(m, env::kEfer) & kLme;
  if (turns_on && long_mode && !(control(m, 4) & kCr4Pae)) return false;
  const bool code64 = reg<std::uint32_t>(m, env::kHidden) & hidden::kCs64;
  if (!(value & kCr0Pg) && code64) return false;
  cpu_x86_update_cr0_x86_64(m.env, static_cast<std::uint32_t>(value & kCr0Known));
  return true;
}

bool write_cr3(um_machine& m, std::uint64_t value) {
  const bool lma = reg<std::uint32_t>(m, env::kHidden) & hidden::kLma;
  if (lma && value >> 46) return false;
  cpu_x86_update_cr3_x86_64(m.env, value);
  return true;
}

bool write_cr4(um_machine& m, std::uint64_t value) {
  const bool lma = reg<std::uint32_t>(m, env::kHidden) & hidden::kLma;
  if (value & ~kCr4Known) return false;
  if (lma && !(value & kCr4Pae)) return false;
  cpu_x86_update_cr4_x86_64(m.env, static_cast<std::uint32_t>(value));
  return true;
}

void write_control(um_machine& m, int index, std::uint64_t value, std::uintptr_t host_pc) {
  bool valid = true;
  switch (index) {
    case 0:
      valid = write_cr0(m, value);
      break;
    case 2:
      control(m, 2) = value;
      break;
    case 3:
      valid = write_cr3(m, value);
      break;
    case 4:
      valid = write_cr4(m, value);
      break;
    case 8:
      valid = value <= 15;
      if (!valid) break;
      {
        BusCall call(m);
        m.bus.write_cr8(m.bus.user, value);
        call.end();
      }
      break;
    default:
      valid = false;
  }
  if (!valid) protection_fault(m, host_pc);
}

}  // namespace

}  // namespace sim::unicorn

using namespace sim::unicorn;

extern "C" {

std::uint64_t __wrap_helper_inb_x86_64(void* env, std::uint32_t port) {
  return port_in(env, port, 1, HOST_PC);
}
std::uint64_t __wrap_helper_inw_x86_64(void* env, std::uint32_t port) {
  return port_in(env, port, 2, HOST_PC);
}
std::uint64_t __wrap_helper_inl_x86_64(void* env, std::uint32_t port) {
  return port_in(env, port, 4, HOST_PC);
}
void __wrap_helper_outb_x86_64(void* env, std::uint32_t port, std::uint32_t value) {
  port_out(env, port, 1, value, HOST_PC);
}
void __wrap_helper_outw_x86_64(void* env, std::uint32_t port, std::uint32_t value) {
  port_out(env, port, 2, value, HOST_PC);
}
void __wrap_helper_outl_x86_64(void* env, std::uint32_t port, std::uint32_t value) {
  port_out(env, port, 4, value, HOST_PC);
}

void __wrap_helper_cpuid_x86_64(void* env) {
  um_machine& m = machine_of_env(env);
  um_cpuid result{};
  BusCall call(m);
  m.bus.cpuid(m.bus.user, static_cast<std::uint32_t>(gpr(m, 0)),
              static_cast<std::uint32_t>(gpr(m, 1)), &result);
  call.end();
  gpr(m, 0) = result.eax;
  gpr(m, 3) = result.ebx;
  gpr(m, 1) = result.ecx;
  gpr(m, 2) = result.edx;
}

std::uint64_t __wrap_cpu_get_tsc_x86_64(void* env) {
  um_machine& m = machine_of_env(env);
  return m.bus.tsc(m.bus.user);
}
void __wrap_helper_rdtsc_x86_64(void* env) { read_tsc(machine_of_env(env), HOST_PC); }
void __wrap_helper_rdtscp_x86_64(void* env) {
  um_machine& m = machine_of_env(env);
  read_tsc(m, HOST_PC);
  gpr(m, 1) = reg<std::uint32_t>(m, env::kTscAux);
}

void __wrap_helper_rdmsr_x86_64(void* env) {
  um_machine& m = machine_of_env(env);
  const auto msr = static_cast<std::uint32_t>(gpr(m, 1));
  std::uint64_t value = 0;
  bool valid = true;
  if (msr == kMsrSysenterCs) {
    value = reg<std::uint32_t>(m, env::kSysenterCs);
  } else if (const std::size_t place = place_of(msr)) {
    value = reg<std::uint64_t>(m, place);
  } else {
    BusCall call(m);
    valid = m.bus.rdmsr(m.bus.user, msr, &value) != 0;
    call.end();
  }
  if (!valid) protection_fault(m, HOST_PC);
  gpr(m, 0) = static_cast<std::uint32_t>(value);
  gpr(m, 2) = value >> 32;
}

void __wrap_helper_wrmsr_x86_64(void* env) {
  um_machine& m = machine_of_env(env);
  const auto msr = static_cast<std::uint32_t>(gpr(m, 1));
  const std::uint64_t value = (gpr(m, 2) << 32) | static_cast<std::uint32_t>(gpr(m, 0));
  bool valid = true;
  if (msr == kMsrSysenterCs) {
    reg<std::uint32_t>(m, env::kSysenterCs) = static_cast<std::uint16_t>(value);
  } else if (const std::size_t place = place_of(msr)) {
    valid = write_own_msr(m, msr, place, value);
  } else {
    BusCall call(m);
    valid = m.bus.wrmsr(m.bus.user, msr, value) != 0;
    call.end();
  }
  if (!valid) protection_fault(m, HOST_PC);
}

std::uint64_t __wrap_helper_read_crN_x86_64(void* env, int index) {
  um_machine& m = machine_of_env(env);
  if (index != 8) return control(m, index);
  BusCall call(m);
  const std::uint64_t value = m.bus.read_cr8(m.bus.user);
  call.end();
  return value;
}
void __wrap_helper_write_crN_x86_64(void* env, int index, std::uint64_t value) {
  write_control(machine_of_env(env), index, value, HOST_PC);
}
void __wrap_helper_lmsw_x86_64(void* env, std::uint64_t value) {
  um_machine& m = machine_of_env(env);
  // LMSW changes PE, MP, EM and TS, and cannot clear PE.
  write_control(m, 0, (control(m, 0) & ~std::uint64_t{0xe}) | (value & 0xf), HOST_PC);
}

/// Breakpoints do not fire in this engine (docs: fidelity); the registers hold their values.
void __wrap_helper_set_dr_x86_64(void* env, int index, std::uint64_t value) {
  um_machine& m = machine_of_env(env);
  constexpr std::uint64_t kDebugExtensions = 8;
  if (index == 4 || index == 5) {
    if (control(m, 4) & kDebugExtensions) {
      raise_exception_err_ra_x86_64(m.env, kUndefined, 0, HOST_PC);
    }
    index += 2;
  }
  if (index >= 6 && value >> 32) protection_fault(m, HOST_PC);
  if (index == 6) value = (value & 0xe00f) | 0xffff0ff0;
  if (index == 7) value = (value & 0xffff2bff) | 0x400;
  reg<std::uint64_t>(m, env::kDr + 8 * static_cast<std::size_t>(index)) = value;
}

/// The feature bit is off, so that the guest gets #UD; the library must not ask the host either.
std::uint64_t __wrap_helper_rdrand_x86_64(void* env) {
  raise_exception_err_ra_x86_64(env, kUndefined, 0, HOST_PC);
}

}  // extern "C"
