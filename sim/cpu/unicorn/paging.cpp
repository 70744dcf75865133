// The guest's page tables: 32-bit, PAE and 4-level, as the architecture walks them.
#include <cstring>

#include "sim/cpu/unicorn/machine.hpp"

namespace sim::unicorn {

namespace {

constexpr std::uint64_t kPresent = 1, kWrite = 2, kUserPage = 4, kAccessed = 0x20, kDirty = 0x40;
constexpr std::uint64_t kLarge = 0x80, kNoExecute = 1ull << 63;
/// The processor has 46 physical address bits; higher ones in an entry are reserved.
constexpr unsigned kPhysicalBits = 46;
constexpr std::uint64_t kAddressMask = ((1ull << kPhysicalBits) - 1) & ~0xfffull;
constexpr std::uint64_t kHighReserved = ((1ull << 52) - 1) & ~((1ull << kPhysicalBits) - 1);
constexpr std::uint64_t kCr0Paging = 1ull << 31, kCr0WriteProtect = 1 << 16;
constexpr std::uint64_t kCr4Pse = 1 << 4, kCr4Smep = 1 << 20;
constexpr std::uint64_t kEferNx = 1 << 11;

enum ErrorBits : std::uint32_t {
  kErrorProtection = 1,
  kErrorWrite = 2,
  kErrorUser = 4,
  kErrorReserved = 8,
  kErrorFetch = 16
};

struct Level {
  unsigned shift;  ///< lowest address bit that this level translates
  unsigned bits;   ///< how many
  bool may_be_large;
};

constexpr Level kLong[] = {{39, 9, false}, {30, 9, true}, {21, 9, true}, {12, 9, false}};
constexpr Level kPae[] = {{30, 2, false}, {21, 9, true}, {12, 9, false}};
constexpr Level kLegacy[] = {{22, 10, true}, {12, 10, false}};

struct Mode {
  const Level* levels = nullptr;
  unsigned count = 0;
  unsigned entry_bytes = 8;
  bool pae_root = false;  ///< the first level is the four-entry table of PAE
};

Mode mode_of(const um_machine& m) {
  if (!(control(m, 4) & kCr4Pae)) return {kLegacy, 2, 4, false};
  if (reg<std::uint32_t>(m, env::kHidden) & hidden::kLma) return {kLong, 4, 8, false};
  return {kPae, 3, 8, true};
}

std::uint64_t root_of(const um_machine& m, const Mode& mode) {
  if (mode.pae_root) return control(m, 3) & 0xffffffe0;
  if (mode.entry_bytes == 4) return control(m, 3) & 0xfffff000;
  return control(m, 3) & kAddressMask;
}

std::uint64_t entry_address(std::uint64_t table, std::uint64_t linear, const Level& level,
                            const Mode& mode) {
  return table + ((linear >> level.shift) & ((1u << level.bits) - 1)) * mode.entry_bytes;
}

bool is_large(std::uint64_t entry, const um_machine& m, const Level& level, const Mode& mode) {
  if (!level.may_be_large || !(entry & kLarge)) return false;
  return mode.entry_bytes == 8 || (control(m, 4) & kCr4Pse);
}

std::uint64_t reserved_bits(const um_machine& m, const Level& level, const Mode& mode, bool large) {
  if (mode.entry_bytes == 4) return large ? 1u << 21 : 0;
  std::uint64_t bits = kHighReserved;
  if (mode.pae_root) bits |= 0x7ffull << 52;
  if (mode.pae_root && level.shift == 30) return bits | kNoExecute | 0x1e6;
  if (!(reg<std::uint64_t>(m, env::kEfer) & kEferNx)) bits |= kNoExecute;
  if (level.shift == 39) bits |= kLarge;
  if (large) bits |= ((1ull << level.shift) - 1) & ~0x1fffull;
  return bits;
}

/// Physical base of the page that a leaf entry names.
std::uint64_t page_base(std::uint64_t entry, const Level& level, const Mode& mode, bool large) {
  if (mode.entry_bytes == 8) return entry & kAddressMask & ~((1ull << level.shift) - 1);
  if (!large) return entry & 0xfffff000;
  return (entry & 0xffc00000) | ((entry & 0x1fe000) << 19);  // PSE-36
}

/// A table entry in storage, with what is needed to change it.
struct TableEntry {
  std::uint8_t* bytes = nullptr;
  std::uint64_t gpfn = 0;
  std::uint64_t value = 0;
};

bool load_entry(um_machine& m, std::uint64_t address, const Mode& mode, TableEntry& out, Walk& w) {
  const um_page page = page_at(m, address >> 12, UM_READ);
  if (page.kind != UM_RAM || !(page.rights & (1 << UM_READ))) {
    w.result = WalkResult::Intercept;
    w.gpa = address;
    w.intercept = UM_READ;
    return false;
  }
  watch_table(m, page.frame);
  out.bytes = m.storage + page.frame * 4096 + (address & 0xfff);
  out.gpfn = address >> 12;
  out.value = 0;
  std::memcpy(&out.value, out.bytes, mode.entry_bytes);
  return true;
}

bool set_bits(um_machine& m, TableEntry& entry, std::uint64_t bits, Walk& w) {
  if ((entry.value & bits) == bits) return true;
  const um_page page = page_at(m, entry.gpfn, UM_WRITE);
  if (page.kind != UM_RAM || !(page.rights & (1 << UM_WRITE))) {
    w.result = WalkResult::Intercept;
    w.gpa = entry.gpfn * 4096 + (reinterpret_cast<std::uintptr_t>(entry.bytes) & 0xfff);
    w.intercept = UM_WRITE;
    return false;
  }
  report_store(m, page);
  entry.value |= bits;
  const auto low = static_cast<std::uint32_t>(entry.value);
  std::memcpy(entry.bytes, &low, sizeof low);
  return true;
}

Walk page_fault(Walk w, const um_machine& m, std::uint32_t error, int access, int mode) {
  if (access == tlb::kStore) error |= kErrorWrite;
  if (mode == tlb::kUser) error |= kErrorUser;
  const bool nx = (reg<std::uint64_t>(m, env::kEfer) & kEferNx) && (control(m, 4) & kCr4Pae);
  if (access == tlb::kFetch && (nx || (control(m, 4) & kCr4Smep))) error |= kErrorFetch;
  w.result = WalkResult::PageFault;
  w.error = error;
  return w;
}

int allowed(const um_machine& m, bool user_page, bool writable, bool executable, int mode) {
  const bool user = mode == tlb::kUser;
  if (user && !user_page) return 0;
  int rights = 0;
  if (mode != tlb::kKernelSmap || !user_page) {
    rights |= tlb::kReadable;
    if (writable || (!user && !(control(m, 0) & kCr0WriteProtect))) rights |= tlb::kWritable;
  }
  const bool smep = !user && user_page && (control(m, 4) & kCr4Smep);
  if (executable && !smep) rights |= tlb::kExecutable;
  return rights;
}

Walk unpaged(const um_machine& m, std::uint64_t linear) {
  Walk w;
  w.result = WalkResult::Mapped;
  const bool lma = reg<std::uint32_t>(m, env::kHidden) & hidden::kLma;
  w.gpa = lma ? linear : linear & 0xffffffff;
  w.rights = tlb::kReadable | tlb::kWritable | tlb::kExecutable;
  return w;
}

}  // namespace

Walk walk(um_machine& m, std::uint64_t linear, int access, int mode) {
  if (!(control(m, 0) & kCr0Paging)) return unpaged(m, linear);
  Walk w;
  const Mode tables = mode_of(m);
  if (tables.count == 4 && !canonical(linear)) {
    w.result = WalkResult::Protection;
    return w;
  }
  std::uint64_t table = root_of(m, tables);
  bool user_page = true, writable = true, executable = true;
  for (unsigned i = 0; i < tables.count; ++i) {
    const Level& level = tables.levels[i];
    TableEntry entry;
    if (!load_entry(m, entry_address(table, linear, level, tables), tables, entry, w)) return w;
    if (!(entry.value & kPresent)) return page_fault(w, m, 0, access, mode);
    const bool large = is_large(entry.value, m, level, tables);
    if (entry.value & reserved_bits(m, level, tables, large)) {
      return page_fault(w, m, kErrorReserved | kErrorProtection, access, mode);
    }
    const bool root_of_pae = tables.pae_root && i == 0;
    if (!root_of_pae) {
      user_page &= (entry.value & kUserPage) != 0;
      writable &= (entry.value & kWrite) != 0;
      executable &= tables.entry_bytes == 4 || !(entry.value & kNoExecute);
    }
    if (!large && i + 1 < tables.count) {
      if (!root_of_pae && !set_bits(m, entry, kAccessed, w)) return w;
      table = tables.entry_bytes == 4 ? entry.value & 0xfffff000 : entry.value & kAddressMask;
      continue;
    }
    w.rights = allowed(m, user_page, writable, executable, mode);
    if (!(w.rights & (1 << access))) return page_fault(w, m, kErrorProtection, access, mode);
    const bool store = access == tlb::kStore;
    if (!set_bits(m, entry, kAccessed | (store ? kDirty : 0), w)) return w;
    // The first store to a clean page must come back here to set its dirty bit.
    if (!(entry.value & kDirty)) w.rights &= ~tlb::kWritable;
    w.page_bits = level.shift;
    w.gpa = page_base(entry.value, level, tables, large) + (linear & ((1ull << level.shift) - 1));
    w.result = WalkResult::Mapped;
    return w;
  }
  return w;
}

bool walk_quietly(const um_machine& m, std::uint64_t linear, std::uint64_t& gpa) {
  if (!(control(m, 0) & kCr0Paging)) {
    gpa = unpaged(m, linear).gpa;
    return true;
  }
  const Mode tables = mode_of(m);
  if (tables.count == 4 && !canonical(linear)) return false;
  std::uint64_t table = root_of(m, tables);
  for (unsigned i = 0; i < tables.count; ++i) {
    const Level& level = tables.levels[i];
    const std::uint64_t address = entry_address(table, linear, level, tables);
    um_page page{};
    m.bus.page(m.bus.user, address >> 12, UM_READ, &page);
    if (page.kind != UM_RAM || page.frame >= m.frame_count) return false;
    std::uint64_t entry = 0;
    std::memcpy(&entry, m.storage + page.frame * 4096 + (address & 0xfff), tables.entry_bytes);
    if (!(entry & kPresent)) return false;
    const bool large = is_large(entry, m, level, tables);
    if (entry & reserved_bits(m, level, tables, large)) return false;
    if (large || i + 1 == tables.count) {
      gpa = page_base(entry, level, tables, large) + (linear & ((1ull << level.shift) - 1));
      return true;
    }
    table = tables.entry_bytes == 4 ? entry & 0xfffff000 : entry & kAddressMask;
  }
  return false;
}

}  // namespace sim::unicorn
