// Is the linked library the one this code was written for? Version first, then the layout: values
// written through the public interface must appear where layout.hpp says.
#include <unicorn/unicorn.h>

#include <cstring>

#include "sim/cpu/unicorn/machine.hpp"

namespace sim::unicorn {

namespace {

constexpr const char* kWrongVersion =
    "unicorn: the linked library is not version 2.0.1, which this build needs";
constexpr const char* kWrongLayout =
    "unicorn: the linked library lays out its processor differently from 2.0.1.post1";
constexpr const char* kNoEngine = "unicorn: the library cannot open an x86-64 engine";

bool appears_at(uc_engine* engine, int uc_register, std::uint64_t value, std::size_t offset) {
  std::byte* cpu = field<std::byte*>(engine, engine::kCpu);
  if (uc_reg_write(engine, uc_register, &value) != UC_ERR_OK) return false;
  return field<std::uint64_t>(cpu + cpu::kEnv, offset) == value;
}

bool layout_fits(uc_engine* engine) {
  constexpr std::uint64_t kMark = 0x1122334455667788;
  std::byte* cpu = field<std::byte*>(engine, engine::kCpu);
  if (field<std::byte*>(cpu, cpu::kEnvPointer) != cpu + cpu::kEnv) return false;
  if (field<void*>(cpu, cpu::kEngine) != engine) return false;
  if (field<void*>(cpu + cpu::kEnv, env::kUc) != engine) return false;
  if (field<void*>(field<void*>(engine, engine::kTcg), code::kEngine) != engine) return false;
  if (field<void*>(engine, engine::kUserData) != nullptr) return false;
  void* const tcg = field<void*>(engine, engine::kTcg);
  if (field<std::uint64_t>(tcg, code::kRegions) != 1) return false;
  if (field<void*>(tcg, code::kBuffer) != field<void*>(tcg, code::kNext)) return false;
  if (field<std::int32_t>(engine, engine::kNesting) != 0) return false;
  std::uint64_t xmm[2] = {kMark, ~kMark};
  if (uc_reg_write(engine, UC_X86_REG_XMM15, xmm) != UC_ERR_OK) return false;
  if (std::memcmp(cpu + cpu::kEnv + env::kXmm + 15 * env::kXmmStride, xmm, sizeof xmm) != 0) {
    return false;
  }
  return appears_at(engine, UC_X86_REG_RAX, kMark, env::kGpr) &&
         appears_at(engine, UC_X86_REG_R15, kMark + 1, env::kGpr + 120) &&
         appears_at(engine, UC_X86_REG_RIP, kMark + 2, env::kRip) &&
         appears_at(engine, UC_X86_REG_CR2, kMark + 3, env::kCr + 16) &&
         appears_at(engine, UC_X86_REG_DR0, kMark + 4, env::kDr) &&
         appears_at(engine, UC_X86_REG_FS_BASE, kMark + 5, env::kSegments + 24 * 4 + 8);
}

}  // namespace

}  // namespace sim::unicorn

using namespace sim::unicorn;

extern "C" const char* um_self_check() noexcept {
  unsigned major = 0, minor = 0;
  constexpr unsigned kExpected = (2u << 24) | (0u << 16) | (1u << 8);
  if ((uc_version(&major, &minor) & 0xffffff00) != kExpected) return kWrongVersion;
  uc_engine* engine = nullptr;
  if (uc_open(UC_ARCH_X86, UC_MODE_64, &engine) != UC_ERR_OK) return kNoEngine;
  // The engine is built at its first use.
  std::uint64_t ignored = 0;
  uc_reg_read(engine, UC_X86_REG_RAX, &ignored);
  const bool fits = layout_fits(engine);
  uc_close(engine);
  return fits ? nullptr : kWrongLayout;
}
