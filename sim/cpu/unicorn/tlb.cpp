// From a miss of the library's translation cache to the storage behind it: rights, dirty reports,
// fast stores, MMIO, and stores that change code or page tables.
//
// Translations are kept coherent with the guest's page tables: a store to a present entry drops
// them. Real processors may keep stale ones; but what is stale would depend on when somebody saved
// the machine or cleared the dirty log, and equal histories must stay equal.
#include <cstring>

#include "sim/cpu/unicorn/library.hpp"
#include "sim/cpu/unicorn/machine.hpp"
#include "sim/cpu/unicorn/wraps.hpp"

namespace sim::unicorn {

namespace {

/// Physical addresses of the library from here on are MMIO, at their distance from here.
constexpr std::uint64_t kMmioBase = 1ull << 52;

bool stores_are_watched(const um_machine& m, const um_frame& frame) {
  return frame.has_code || frame.table == m.epoch;
}

tlb::Entry* entry_of(um_machine& m, std::uint64_t linear, int mode) {
  const std::size_t fast = cpu::kTlb + tlb::kFast + tlb::kFastSize * static_cast<std::size_t>(mode);
  const auto mask = field<std::uint64_t>(m.cpu, fast + tlb::kMask);
  return field<tlb::Entry*>(m.cpu, fast + tlb::kTable) + ((linear >> 12) & (mask >> 5));
}

/// Makes stores to a frame come through us even where a translation already lets them pass.
void slow_stores(um_machine& m, std::uint64_t frame) {
  um_frame& info = m.frames[frame];
  if (info.fast_store != m.epoch) return;
  info.fast_store = 0;
  tlb_reset_dirty_x86_64(m.cpu, reinterpret_cast<std::uint64_t>(m.storage + frame * 4096), 4096);
}

/// After bus calls in mid-block: if they changed the course of things, the instruction is executed
/// again, alone, so that the change takes effect right behind it.
void settle_access(um_machine& m, std::uintptr_t host_pc) {
  m.host_pc = 0;
  if (m.stop >= 0) leave(m, host_pc, m.stop);
  if (!m.unsettled) return;
  if (host_pc && !m.alone) {
    m.unsettled = false;
    restart_alone(m, host_pc);
  }
  settle(m);
}

[[noreturn]] void intercept(um_machine& m, std::uint64_t gpa, std::uint64_t linear,
                            um_access access, std::uintptr_t host_pc) {
  m.bus.memory_intercept(m.bus.user, gpa, linear, access);
  m.host_pc = 0;
  leave(m, host_pc, m.stop >= 0 ? m.stop : UM_INTERCEPT);
}

[[noreturn]] void page_fault(um_machine& m, const Walk& w, std::uint64_t linear, int access,
                             std::uintptr_t host_pc) {
  m.host_pc = 0;
  // Outside of a block it is the fetch of the next instruction, or the delivery of an event whose
  // instruction is counted already.
  if (!host_pc && access == tlb::kFetch) m.uncounted = true;
  if (w.result == WalkResult::Protection) {
    raise_exception_err_ra_x86_64(m.env, kProtection, 0, host_pc);
  }
  control(m, 2) = linear;
  raise_exception_err_ra_x86_64(m.env, kPageFault, static_cast<int>(w.error), host_pc);
}

um_access bus_access(int access) {
  return access == tlb::kStore ? UM_WRITE : access == tlb::kFetch ? UM_EXECUTE : UM_READ;
}

int rights_of(const um_page& page) {
  int rights = 0;
  if (page.rights & (1 << UM_READ)) rights |= tlb::kReadable;
  if (page.rights & (1 << UM_WRITE)) rights |= tlb::kWritable;
  if (page.rights & (1 << UM_EXECUTE)) rights |= tlb::kExecutable;
  return rights;
}

void enter_ram(um_machine& m, std::uint64_t linear, const um_page& page, int rights, int mode,
               std::uint64_t size) {
  const std::uint64_t start = linear & ~std::uint64_t{0xfff};
  tlb_set_page_with_attrs_x86_64(m.cpu, start, page.frame * 4096, 0, rights, mode, size);
  if (!(rights & tlb::kWritable)) return;
  um_frame& info = m.frames[page.frame];
  if (stores_are_watched(m, info)) return;
  tlb::Entry* entry = entry_of(m, start, mode);
  entry->write &= ~tlb::kNotDirty;
  info.fast_store = m.epoch;
}

}  // namespace

const um_page& page_at(um_machine& m, std::uint64_t gpfn, um_access access) {
  const std::uint64_t key = gpfn * 4 + static_cast<std::uint64_t>(access);
  um_page_slot& slot = m.slots[(gpfn * 3 + static_cast<unsigned>(access)) % um_machine::kPageSlots];
  if (slot.key == key && slot.epoch == m.generation_epoch) return slot.page;
  um_page page{};
  m.bus.page(m.bus.user, gpfn, access, &page);
  if (page.kind == UM_RAM && page.frame >= m.frame_count) page.kind = UM_UNMAPPED;
  slot.key = key;
  slot.epoch = m.generation_epoch;
  slot.page = page;
  return slot.page;
}

void report_store(um_machine& m, const um_page& page) {
  um_frame& info = m.frames[page.frame];
  if (!page.report_store || info.reported == m.generation_epoch) return;
  info.reported = m.generation_epoch;
  m.bus.page_stored(m.bus.user, page.frame);
}

void watch_table(um_machine& m, std::uint64_t frame) {
  um_frame& info = m.frames[frame];
  if (info.table == m.epoch) return;
  info.table = m.epoch;
  slow_stores(m, frame);
}

void flush_translations(um_machine& m) {
  m.flush = false;
  ++m.epoch;
  __real_tlb_flush_x86_64(m.cpu);
}

void refresh_generation(um_machine& m) {
  const std::uint64_t now = m.bus.map_generation(m.bus.user);
  if (now == m.generation) return;
  m.generation = now;
  ++m.generation_epoch;
  flush_translations(m);
}

}  // namespace sim::unicorn

using namespace sim::unicorn;

extern "C" {

bool __wrap_x86_cpu_tlb_fill_x86_64(void* cpu, std::uint64_t linear, int, int access, int mode,
                                    bool probe, std::uintptr_t host_pc) {
  um_machine& m = machine_of_cpu(cpu);
  // With the budget used up, the next instruction must not even be fetched: its fetch is visible.
  if (access == tlb::kFetch && !host_pc && remaining(m) <= 0) {
    field<std::int32_t>(cpu, cpu::kException) = -1;
    cpu_loop_exit_x86_64(cpu);
  }
  m.host_pc = host_pc;
  const Walk w = walk(m, linear, access, mode);
  if (w.result == WalkResult::Intercept) intercept(m, w.gpa, linear, w.intercept, host_pc);
  if (w.result != WalkResult::Mapped) {
    if (probe) return false;
    page_fault(m, w, linear, access, host_pc);
  }
  const um_access kind = bus_access(access);
  const um_page page = page_at(m, w.gpa >> 12, kind);
  int rights = w.rights;
  if (page.kind == UM_MMIO && access != tlb::kFetch) {
    rights &= ~tlb::kExecutable;
    tlb_set_page_with_attrs_x86_64(cpu, linear & ~std::uint64_t{0xfff},
                                   kMmioBase + (w.gpa & ~std::uint64_t{0xfff}), 0, rights, mode,
                                   1ull << w.page_bits);
    settle_access(m, host_pc);
    return true;
  }
  if (page.kind != UM_RAM || !(page.rights & (1 << kind))) {
    intercept(m, w.gpa, linear, kind, host_pc);
  }
  rights &= rights_of(page);
  if (access == tlb::kStore) {
    report_store(m, page);
  } else if (page.report_store && m.frames[page.frame].reported != m.generation_epoch) {
    rights &= ~tlb::kWritable;
  }
  enter_ram(m, linear, page, rights, mode, 1ull << w.page_bits);
  settle_access(m, host_pc);
  return true;
}

/// The library asks for the region of a linear address; ours is one, and we check by ourselves.
void* __wrap_memory_mapping(void* engine, std::uint64_t) {
  return field<void**>(engine, engine::kMappedBlocks)[0];
}

int __wrap_memory_region_dispatch_read_x86_64(void* engine, void*, std::uint64_t gpa,
                                              std::uint64_t* value, int operation, std::uint32_t) {
  um_machine& m = machine_of_engine(engine);
  const unsigned bytes = 1u << (operation & 3);
  BusCall call(m, m.alone);
  *value = m.bus.mmio_read(m.bus.user, gpa, bytes);
  if (bytes < 8) *value &= (1ull << (8 * bytes)) - 1;
  call.end();
  return 0;
}

int __wrap_memory_region_dispatch_write_x86_64(void* engine, void*, std::uint64_t gpa,
                                               std::uint64_t value, int operation, std::uint32_t) {
  um_machine& m = machine_of_engine(engine);
  const unsigned bytes = 1u << (operation & 3);
  if (bytes < 8) value &= (1ull << (8 * bytes)) - 1;
  BusCall call(m, m.alone);
  m.bus.mmio_write(m.bus.user, gpa, bytes, value);
  call.end();
  return 0;
}

void __wrap_tlb_flush_x86_64(void* cpu) {
  um_machine* m = field<um_machine*>(field<void*>(cpu, cpu::kEngine), engine::kUserData);
  if (m) ++m->epoch;
  __real_tlb_flush_x86_64(cpu);
}

void __wrap_tlb_protect_code_x86_64(void* engine, std::uint64_t address) {
  um_machine& m = machine_of_engine(engine);
  m.frames[address >> 12].has_code = 1;
  slow_stores(m, address >> 12);
}

void __wrap_tlb_unprotect_code_x86_64(void* engine, std::uint64_t address) {
  machine_of_engine(engine).frames[address >> 12].has_code = 0;
}

/// The library locks the pages around a watched store. Nobody else runs, so the lock is taken only
/// where its contents are needed.
void* __wrap_page_collection_lock_x86_64(void* engine, std::uint64_t, std::uint64_t) {
  return engine;
}
void __wrap_page_collection_unlock_x86_64(void*) {}

void __wrap_tb_invalidate_phys_page_fast_x86_64(void* engine, void*, std::uint64_t address,
                                                int length, std::uintptr_t host_pc) {
  um_machine& m = machine_of_engine(engine);
  const um_frame& info = m.frames[address >> 12];
  if (info.table == m.epoch && !m.flush) {
    const unsigned entry_bytes = control(m, 4) & 0x20 ? 8 : 4;
    const std::uint64_t end = address + static_cast<std::uint64_t>(length);
    std::uint64_t entry = address & ~std::uint64_t{entry_bytes - 1};
    bool was_present = false;
    for (; entry < end; entry += entry_bytes) was_present |= m.storage[entry] & 1;
    if (was_present) {
      if (host_pc && !m.alone) restart_alone(m, host_pc);
      m.flush = true;
    }
  }
  if (!info.has_code) return;
  void* pages = __real_page_collection_lock_x86_64(engine, address,
                                                   address + static_cast<std::uint64_t>(length));
  __real_tb_invalidate_phys_page_fast_x86_64(engine, pages, address, length, host_pc);
  __real_page_collection_unlock_x86_64(pages);
}

void um_forget_code(um_machine* m, std::uint64_t frame) noexcept {
  if (frame >= m->frame_count) return;
  if (m->frames[frame].table == m->epoch) {
    m->flush = true;
    m->unsettled = true;
  }
  if (!m->frames[frame].has_code) return;
  tb_invalidate_phys_range_x86_64(m->engine, frame * 4096, frame * 4096 + 4096);
}

int um_translate(const um_machine* m, std::uint64_t linear, std::uint64_t* gpa) noexcept {
  return walk_quietly(*m, linear, *gpa) ? 1 : 0;
}

}  // extern "C"
