// SYSCALL and SYSENTER, which the library leaves empty.
#include "sim/cpu/unicorn/library.hpp"
#include "sim/cpu/unicorn/machine.hpp"
#include "sim/cpu/unicorn/wraps.hpp"

#define HOST_PC reinterpret_cast<std::uintptr_t>(__builtin_return_address(0))

namespace sim::unicorn {

namespace {

constexpr std::uint64_t kRf = 1 << 16, kVm = 1 << 17;
constexpr std::uint32_t kGranular = 1 << 23, kBig = 1 << 22, kLongCode = 1 << 21;
constexpr std::uint32_t kInMemory = 1 << 15, kNotSystem = 1 << 12, kIsCode = 1 << 11;
constexpr std::uint32_t kReadOrWrite = 1 << 9, kTouched = 1 << 8;
constexpr std::uint32_t kFlatData =
    kGranular | kBig | kInMemory | kNotSystem | kReadOrWrite | kTouched;
constexpr std::uint32_t kFlatCode64 =
    kGranular | kInMemory | kNotSystem | kIsCode | kReadOrWrite | kTouched | kLongCode;
constexpr std::uint32_t kFlatCode32 =
    kGranular | kBig | kInMemory | kNotSystem | kIsCode | kReadOrWrite | kTouched;

void enter_kernel(um_machine& m, std::uint32_t code_selector, bool long_code) {
  constexpr int kCs = 1, kSs = 2;
  load_segment(m, kCs, code_selector & 0xfffc, 0, 0xffffffff,
               long_code ? kFlatCode64 : kFlatCode32);
  load_segment(m, kSs, (code_selector + 8) & 0xfffc, 0, 0xffffffff, kFlatData);
}

}  // namespace

}  // namespace sim::unicorn

using namespace sim::unicorn;

extern "C" {

void __wrap_helper_syscall_x86_64(void* env, int length) {
  um_machine& m = machine_of_env(env);
  constexpr std::uint64_t kSce = 1;
  const std::uint32_t mode = reg<std::uint32_t>(m, env::kHidden);
  if (!(reg<std::uint64_t>(m, env::kEfer) & kSce)) {
    raise_exception_err_ra_x86_64(env, kUndefined, 0, HOST_PC);
  }
  auto& rip = reg<std::uint64_t>(m, env::kRip);
  const std::uint64_t next = rip + static_cast<std::uint64_t>(length);
  const std::uint64_t star = reg<std::uint64_t>(m, env::kStar);
  const auto selector = static_cast<std::uint32_t>(star >> 32) & 0xffff;
  if (mode & hidden::kLma) {
    const std::uint64_t flags = helper_read_eflags_x86_64(env);
    gpr(m, 1) = next;
    gpr(m, 11) = flags & ~kRf;
    const bool from64 = mode & hidden::kCs64;
    load_flags(m, flags & ~reg<std::uint64_t>(m, env::kFmask) & ~kRf, ~std::uint64_t{0});
    enter_kernel(m, selector, true);
    rip = reg<std::uint64_t>(m, from64 ? env::kLstar : env::kCstar);
  } else {
    const std::uint64_t flags = helper_read_eflags_x86_64(env);
    gpr(m, 1) = static_cast<std::uint32_t>(next);
    load_flags(m, flags & ~(kFlagIf | kRf | kVm), ~std::uint64_t{0});
    enter_kernel(m, selector, false);
    rip = static_cast<std::uint32_t>(star);
  }
}

void __wrap_helper_sysenter_x86_64(void* env, int) {
  um_machine& m = machine_of_env(env);
  const std::uint32_t selector = reg<std::uint32_t>(m, env::kSysenterCs);
  if (!(selector & 0xfffc)) raise_exception_err_ra_x86_64(env, kProtection, 0, HOST_PC);
  const bool lma = reg<std::uint32_t>(m, env::kHidden) & hidden::kLma;
  reg<std::uint64_t>(m, env::kFlags) &= ~(kVm | kFlagIf | kRf);
  enter_kernel(m, selector, lma);
  const std::uint64_t mask = lma ? ~std::uint64_t{0} : 0xffffffff;
  gpr(m, 4) = reg<std::uint64_t>(m, env::kSysenterEsp) & mask;
  reg<std::uint64_t>(m, env::kRip) = reg<std::uint64_t>(m, env::kSysenterEip) & mask;
}

}  // extern "C"
