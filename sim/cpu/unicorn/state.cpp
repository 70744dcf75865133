// The processor's state: as registers, and as canonical bytes.
#include <array>
#include <cstring>

#include "sim/cpu/unicorn/library.hpp"
#include "sim/cpu/unicorn/machine.hpp"
#include "traces/assert.hpp"

namespace sim::unicorn {

namespace {

constexpr std::uint64_t kFlagsInCc = 0x8d5, kDirection = 0x400, kFixedOne = 2;
constexpr std::uint64_t kFlagsKnown = 0x3f7fd7;
constexpr std::array<std::uint8_t, 8> kMagic = {'h', 'v', 's', 'i', 'm', 'u', 'c', '1'};
constexpr std::uint32_t kVersion = 1;

/// What the guest may see (spec unicorn 2). The library refuses instructions of absent features.
void set_features(um_machine& m) {
  auto word = [&m](int index) -> std::uint64_t& {
    return reg<std::uint64_t>(m, env::kFeatures + 8 * static_cast<std::size_t>(index));
  };
  for (int i = 0; i < feature::kWords; ++i) word(i) = 0;
  // FPU DE PSE TSC MSR PAE CX8 APIC SEP MTRR PGE CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2
  word(feature::k1Edx) = 0x0001 | 0x003c | 0x0040 | 0x0300 | 0x3800 | 0x38000 | 1u << 19 |
                         1u << 23 | 1u << 24 | 1u << 25 | 1u << 26;
  // SSE3 PCLMUL SSSE3 CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES HYPERVISOR
  word(feature::k1Ecx) = 1u << 0 | 1u << 1 | 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 22 |
                         1u << 23 | 1u << 25 | 1u << 31;
  // FSGSBASE BMI1 SMEP BMI2 ERMS ADX SMAP
  word(feature::k7Ebx) = 1u << 0 | 1u << 3 | 1u << 7 | 1u << 8 | 1u << 9 | 1u << 19 | 1u << 20;
  // SYSCALL NX PDPE1GB RDTSCP LM
  word(feature::kExt1Edx) = 1u << 11 | 1u << 20 | 1u << 26 | 1u << 27 | 1u << 29;
  // LAHF CR8LEGACY ABM
  word(feature::kExt1Ecx) = 1u << 0 | 1u << 4 | 1u << 5;
  constexpr std::uint32_t kGenu = 0x756e6547;
  reg<std::uint32_t>(m, env::kVendor) = kGenu;
}

void apply_modes(um_machine& m) {
  auto& mode = reg<std::uint32_t>(m, env::kHidden);
  constexpr std::uint64_t kCr4Osfxsr = 1 << 9, kCr4Smap = 1 << 21;
  mode &= ~(hidden::kSmap | hidden::kOsfxsr);
  if (control(m, 4) & kCr4Smap) mode |= hidden::kSmap;
  if (control(m, 4) & kCr4Osfxsr) mode |= hidden::kOsfxsr;
  x86_update_hflags_x86_64(m.env);
}

env::Segment& system_segment(um_machine& m, int index) {
  if (index < 6) return segment(m, index);
  return reg<env::Segment>(m, index == 6 ? env::kLdt : env::kTr);
}

/// A cursor that either writes the machine's fields to bytes or reads them back.
template <bool kSaving>
class Cursor {
 public:
  explicit Cursor(std::uint8_t* bytes) : at_(bytes) {}
  template <class T>
  void value(T& x) {
    raw(&x, sizeof x);
  }
  void raw(void* data, std::size_t size) {
    if constexpr (kSaving) {
      std::memcpy(at_ + size_, data, size);
    } else {
      std::memcpy(data, at_ + size_, size);
    }
    size_ += size;
  }
  std::size_t size() const { return size_; }

 private:
  std::uint8_t* at_;
  std::size_t size_ = 0;
};

/// State that lies outside of the environment, and what is recomputed around a transfer.
struct Outer {
  std::uint64_t executed = 0;
  std::uint64_t flags = 0;
  um_event event{};
  std::uint32_t inhibit = 0;
  std::uint8_t halted = 0, shutdown = 0, line = 0, tpr = 0;
};

template <bool kSaving>
void transfer_segments(Cursor<kSaving>& cursor, um_machine& m) {
  for (int i = 0; i < 8; ++i) {
    env::Segment& s = system_segment(m, i);
    cursor.value(s.selector);
    cursor.value(s.base);
    cursor.value(s.limit);
    cursor.value(s.flags);
  }
  for (const std::size_t table : {env::kGdt, env::kIdt}) {
    auto& s = reg<env::Segment>(m, table);
    cursor.value(s.base);
    cursor.value(s.limit);
  }
}

template <bool kSaving>
void transfer_fpu(Cursor<kSaving>& cursor, um_machine& m) {
  cursor.value(reg<std::uint32_t>(m, env::kFpuTop));
  cursor.value(reg<std::uint16_t>(m, env::kFpuStatus));
  cursor.value(reg<std::uint16_t>(m, env::kFpuControl));
  cursor.raw(m.env + env::kFpuTags, 8);
  // Only ten bytes of each register are state; the rest holds whatever the host left there.
  for (std::size_t i = 0; i < 8; ++i) cursor.raw(m.env + env::kFpuRegs + 16 * i, 10);
  cursor.value(reg<std::uint16_t>(m, env::kFpuOp));
  cursor.value(reg<std::uint16_t>(m, env::kFpuCs));
  cursor.value(reg<std::uint16_t>(m, env::kFpuDs));
  cursor.value(reg<std::uint64_t>(m, env::kFpuIp));
  cursor.value(reg<std::uint64_t>(m, env::kFpuDp));
  // Rounding and precision follow from the control words; only the raised flags are state.
  for (const std::size_t mode : {env::kFpuMode, env::kMmxMode, env::kSseMode}) {
    cursor.value(reg<std::uint8_t>(m, mode + env::kModeFlags));
  }
  cursor.value(reg<std::uint32_t>(m, env::kMxcsr));
  for (std::size_t i = 0; i < 16; ++i) cursor.raw(m.env + env::kXmm + env::kXmmStride * i, 16);
}

template <bool kSaving>
void transfer_msrs(Cursor<kSaving>& cursor, um_machine& m) {
  cursor.value(reg<std::uint64_t>(m, env::kEfer));
  cursor.value(reg<std::uint32_t>(m, env::kSysenterCs));
  for (const std::size_t place :
       {env::kSysenterEsp, env::kSysenterEip, env::kStar, env::kLstar, env::kCstar, env::kFmask,
        env::kKernelGs, env::kTscAux, env::kXcr0, env::kPat}) {
    cursor.value(reg<std::uint64_t>(m, place));
  }
  for (std::size_t i = 0; i < 8; ++i) cursor.value(reg<std::uint64_t>(m, env::kDr + 8 * i));
}

template <bool kSaving>
void transfer(Cursor<kSaving>& cursor, um_machine& m, Outer& outer) {
  cursor.value(outer.executed);
  cursor.value(outer.flags);
  cursor.value(outer.inhibit);
  cursor.value(outer.halted);
  cursor.value(outer.shutdown);
  cursor.value(outer.line);
  cursor.value(outer.tpr);
  cursor.value(outer.event.kind);
  cursor.value(outer.event.vector);
  cursor.value(outer.event.is_int);
  cursor.value(outer.event.error_code);
  cursor.value(outer.event.next_rip);
  cursor.value(reg<std::int32_t>(m, env::kOldException));
  for (int i = 0; i < 16; ++i) cursor.value(gpr(m, i));
  cursor.value(reg<std::uint64_t>(m, env::kRip));
  for (int i = 0; i < 5; ++i) cursor.value(control(m, i));
  transfer_segments(cursor, m);
  transfer_fpu(cursor, m);
  transfer_msrs(cursor, m);
}

struct Header {
  std::array<std::uint8_t, 8> magic;
  std::uint32_t version;
  std::uint32_t size;
};

/// Bytes that `transfer` moves; um_save asserts it.
constexpr std::size_t kBodySize = 940;

bool plausible_outer(const Outer& outer) {
  return outer.event.kind <= um_event::kInterrupt && outer.event.is_int <= 1 && outer.halted <= 1 &&
         outer.shutdown <= 1 && outer.line <= 1 && (outer.inhibit & ~hidden::kInhibit) == 0 &&
         outer.executed < ~std::uint64_t{0} / 2 && (outer.flags & ~kFlagsKnown) == 0 &&
         (outer.flags & kFixedOne);
}

/// The library trusts its own state: what no sequence of instructions could have made would crash
/// it.
bool plausible_modes(const um_machine& m) {
  constexpr std::uint64_t kPae = 1 << 5, kPg = 1ull << 31, kPe = 1;
  constexpr std::uint64_t kSce = 1, kLme = 1 << 8, kLma = 1 << 10, kNxe = 1 << 11;
  const std::uint64_t cr0 = control(m, 0), cr4 = control(m, 4);
  const std::uint64_t efer = reg<std::uint64_t>(m, env::kEfer);
  if ((cr0 & ~kCr0Known) || (cr4 & ~kCr4Known) || (efer & ~(kSce | kLme | kLma | kNxe))) {
    return false;
  }
  if ((cr0 & kPg) && !(cr0 & kPe)) return false;
  const bool long_mode = (cr0 & kPg) && (efer & kLme);
  return long_mode == ((efer & kLma) != 0) && (!long_mode || (cr4 & kPae));
}

bool plausible_fpu(const um_machine& m) {
  std::uint64_t tags = 0;  // eight bytes, not aligned
  std::memcpy(&tags, m.env + env::kFpuTags, sizeof tags);
  const auto old = reg<std::int32_t>(m, env::kOldException);
  constexpr std::uint32_t kMxcsrKnown = 0xffff;
  for (const std::size_t mode : {env::kFpuMode, env::kMmxMode, env::kSseMode}) {
    if (reg<std::uint8_t>(m, mode + env::kModeFlags) & 0x80) return false;
  }
  return reg<std::uint32_t>(m, env::kFpuTop) < 8 && (tags & ~0x0101010101010101ull) == 0 &&
         (reg<std::uint32_t>(m, env::kMxcsr) & ~kMxcsrKnown) == 0 && old >= -1 && old < 32;
}

}  // namespace

void load_flags(um_machine& m, std::uint64_t flags, std::uint64_t mask) {
  auto& kept = reg<std::uint64_t>(m, env::kFlags);
  reg<std::uint64_t>(m, env::kCcSrc) = flags & kFlagsInCc;
  reg<std::uint32_t>(m, env::kCcOp) = kCcOpEflags;
  reg<std::int32_t>(m, env::kDf) = flags & kDirection ? -1 : 1;
  kept = ((kept & ~mask) | (flags & mask) | kFixedOne) & ~(kFlagsInCc | kDirection);
}

void load_segment(um_machine& m, int index, std::uint32_t selector, std::uint64_t base,
                  std::uint32_t limit, std::uint32_t flags) {
  env::Segment& s = segment(m, index);
  s.selector = selector;
  s.base = base;
  s.limit = limit;
  s.flags = flags;
  x86_update_hflags_x86_64(m.env);
}

void reset(um_machine& m) {
  std::memset(m.env, 0, env::kEndOfReset);
  set_features(m);
  reg<std::int32_t>(m, env::kOldException) = -1;
  reg<std::int32_t>(m, env::kA20) = -1;
  reg<std::uint32_t>(m, env::kHidden2) = hidden::kGif;
  reg<std::uint64_t>(m, env::kFlags) = kFixedOne;
  reg<std::int32_t>(m, env::kDf) = 1;
  reg<std::uint32_t>(m, env::kCcOp) = kCcOpEflags;
  reg<std::uint64_t>(m, env::kPat) = 0x0007040600070406;
  reg<std::uint64_t>(m, env::kXcr0) = 1;
  reg<std::uint64_t>(m, env::kDr + 48) = 0xffff0ff0;
  reg<std::uint64_t>(m, env::kDr + 56) = 0x400;
  std::memset(m.env + env::kFpuTags, 1, 8);
  reg<std::uint16_t>(m, env::kFpuControl) = 0x37f;
  reg<std::uint32_t>(m, env::kMxcsr) = 0x1f80;
  um_registers regs{};
  constexpr std::uint32_t kCode = 0x9b00, kData = 0x9300, kTask = 0x8b00, kLocal = 0x8200;
  for (um_segment& s : regs.segment) s = {0, 0xffff, kData, 0};
  regs.segment[1] = {0xffff0000, 0xffff, kCode, 0xf000};
  regs.segment[6].attributes = kLocal;
  regs.segment[7].attributes = kTask;
  regs.rip = 0xfff0;
  regs.rflags = kFixedOne;
  regs.cr0 = 0x60000010;
  regs.gdt_limit = regs.idt_limit = 0xffff;
  update_fp_status_x86_64(m.env);
  update_mxcsr_status_x86_64(m.env);
  um_set_registers(&m, &regs);
}

}  // namespace sim::unicorn

using namespace sim::unicorn;

extern "C" {

void um_get_registers(const um_machine* machine, um_registers* out) noexcept {
  auto& m = const_cast<um_machine&>(*machine);  // accessors are shared with the writer
  for (int i = 0; i < 16; ++i) out->gpr[i] = gpr(m, i);
  out->rip = reg<std::uint64_t>(m, env::kRip);
  out->rflags = m.running ? helper_read_eflags_x86_64(m.env) : reg<std::uint64_t>(m, env::kFlags);
  out->cr0 = control(m, 0);
  out->cr2 = control(m, 2);
  out->cr3 = control(m, 3);
  out->cr4 = control(m, 4);
  out->efer = reg<std::uint64_t>(m, env::kEfer);
  for (int i = 0; i < 8; ++i) {
    const env::Segment& s = system_segment(m, i);
    out->segment[i] = {s.base, s.limit, s.flags, static_cast<std::uint16_t>(s.selector)};
  }
  out->gdt_base = reg<env::Segment>(m, env::kGdt).base;
  out->gdt_limit = reg<env::Segment>(m, env::kGdt).limit;
  out->idt_base = reg<env::Segment>(m, env::kIdt).base;
  out->idt_limit = reg<env::Segment>(m, env::kIdt).limit;
}

void um_set_registers(um_machine* machine, const um_registers* in) noexcept {
  um_machine& m = *machine;
  for (int i = 0; i < 16; ++i) gpr(m, i) = in->gpr[i];
  reg<std::uint64_t>(m, env::kRip) = in->rip;
  reg<std::uint64_t>(m, env::kFlags) = in->rflags | kFixedOne;
  control(m, 0) = in->cr0;
  control(m, 2) = in->cr2;
  control(m, 3) = in->cr3;
  control(m, 4) = in->cr4;
  reg<std::uint64_t>(m, env::kEfer) = in->efer;
  for (int i = 0; i < 8; ++i) {
    const um_segment& s = in->segment[i];
    system_segment(m, i) = {s.selector, 0, s.base, s.limit, s.attributes};
  }
  reg<env::Segment>(m, env::kGdt) = {0, 0, in->gdt_base, in->gdt_limit, 0};
  reg<env::Segment>(m, env::kIdt) = {0, 0, in->idt_base, in->idt_limit, 0};
  reg<std::uint32_t>(m, env::kHidden) = 0;
  reg<std::int32_t>(m, env::kOldException) = -1;
  m.event = um_event{};
  m.halted = m.shutdown = false;
  apply_modes(m);
  m.flush = true;
}

std::size_t um_state_size() noexcept { return sizeof(Header) + kBodySize; }

void um_save(const um_machine* machine, std::uint8_t* out) noexcept {
  auto& m = const_cast<um_machine&>(*machine);  // a saving cursor only reads
  const Header header{kMagic, kVersion, static_cast<std::uint32_t>(kBodySize)};
  std::memcpy(out, &header, sizeof header);
  Outer outer;
  outer.executed = counted(m);
  outer.flags = reg<std::uint64_t>(m, env::kFlags);
  outer.inhibit = reg<std::uint32_t>(m, env::kHidden) & hidden::kInhibit;
  outer.event = m.event;
  outer.halted = m.halted;
  outer.shutdown = m.shutdown;
  outer.line = m.line;
  outer.tpr = reg<std::uint8_t>(m, env::kTpr);
  Cursor<true> cursor(out + sizeof header);
  transfer(cursor, m, outer);
  HVSIM_ASSERT(cursor.size() == kBodySize, "the saved processor state has its declared size");
}

int um_restore(um_machine* machine, const std::uint8_t* in, std::size_t size) noexcept {
  um_machine& m = *machine;
  Header header;
  if (size != um_state_size()) return 0;
  std::memcpy(&header, in, sizeof header);
  if (header.magic != kMagic || header.version != kVersion || header.size != kBodySize) return 0;
  std::uint8_t* body = const_cast<std::uint8_t*>(in) + sizeof header;  // a loading cursor reads
  alignas(16) std::byte before[env::kEndOfReset];
  std::memcpy(before, m.env, sizeof before);
  Outer outer;
  Cursor<false> cursor(body);
  transfer(cursor, m, outer);
  if (!plausible_outer(outer) || !plausible_modes(m) || !plausible_fpu(m)) {
    std::memcpy(m.env, before, sizeof before);
    return 0;
  }
  update_fp_status_x86_64(m.env);
  update_mxcsr_status_x86_64(m.env);
  reg<std::uint64_t>(m, env::kFlags) = outer.flags;
  reg<std::uint32_t>(m, env::kHidden) = outer.inhibit;
  reg<std::uint8_t>(m, env::kTpr) = outer.tpr;
  m.event = outer.event;
  m.halted = outer.halted;
  m.shutdown = outer.shutdown;
  m.line = outer.line;
  apply_modes(m);
  m.target = outer.executed;
  m.limit = outer.executed;
  remaining(m) = 0;
  m.flush = true;
  return 1;
}

}  // extern "C"
