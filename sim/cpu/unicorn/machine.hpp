// One machine: what hangs off a handle of the library. Trivial types only, because the library
// leaves our functions by longjmp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/cpu/unicorn/layout.hpp"
#include "sim/cpu/unicorn/seam.h"

/// What the engine remembers of a page of storage. The epochs compare with those of the machine.
struct um_frame {
  std::uint32_t reported = 0;    ///< generation epoch of the last page_stored
  std::uint32_t fast_store = 0;  ///< translation epoch in which stores to it bypass us
  std::uint32_t table = 0;       ///< translation epoch in which it served as a page table
  std::uint32_t has_code = 0;
};

/// An event that must still be delivered: its delivery was intercepted, or it ended a halt.
struct um_event {
  enum Kind : std::uint8_t { kNone, kException, kInterrupt };
  std::uint8_t kind = kNone;
  std::uint8_t vector = 0;
  std::uint8_t is_int = 0;
  std::uint32_t error_code = 0;
  std::uint64_t next_rip = 0;
};

struct um_page_slot {
  std::uint64_t key = ~0ull;
  std::uint32_t epoch = 0;
  um_page page{};
};

struct um_machine {
  static constexpr std::size_t kPageSlots = 1024;

  void* engine = nullptr;  ///< uc_struct
  void* cpu = nullptr;     ///< CPUState
  std::byte* env = nullptr;
  std::uint8_t* storage = nullptr;
  std::uint64_t frame_count = 0;
  um_frame* frames = nullptr;
  um_bus bus{};

  // Budget: executed = target - remaining, where remaining lives in the environment and every
  // block takes its own length off when it is entered.
  std::uint64_t target = 0;
  std::uint64_t limit = 0;
  std::uint64_t next_limit = ~std::uint64_t{0};  ///< asked for before the run
  bool running = false;
  bool alone = false;          ///< the next block is one instruction that may do I/O
  bool uncounted = false;      ///< the pending exception's instruction is not in `executed`
  bool ask_again = true;       ///< acknowledge has not said "nothing" since the last change
  std::uint8_t tail = 0;       ///< inside a bus call: instructions counted but not yet executed
  std::uintptr_t host_pc = 0;  ///< inside a bus call in mid-block: where the block is
  bool unsettled = false;      ///< a bus call changed limit, line or map

  bool line = false;
  bool halted = false;
  bool shutdown = false;
  int stop = -1;                ///< um_stop that ends the run, or -1
  um_event event{};             ///< to be delivered before the next instruction
  um_event delivering{};        ///< being delivered now
  std::uint8_t int_length = 0;  ///< of the INT instruction that raised the last software interrupt

  bool flush = false;       ///< translations are stale from the next instruction on
  bool ends_block = false;  ///< the translator met an instruction that must be the last
  std::uint32_t epoch = 1;  ///< of the translations
  std::uint32_t generation_epoch = 1;
  std::uint64_t generation = 0;  ///< of the bus, that the epoch stands for
  um_page_slot slots[kPageSlots];
  char failure[160] = {};
};

namespace sim::unicorn {

inline um_machine& machine_of_engine(void* engine) {
  return *field<um_machine*>(engine, engine::kUserData);
}
inline um_machine& machine_of_cpu(void* cpu) {
  return machine_of_engine(field<void*>(cpu, cpu::kEngine));
}
inline um_machine& machine_of_env(void* env) {
  return machine_of_engine(field<void*>(env, env::kUc));
}

template <class T>
inline T& reg(um_machine& m, std::size_t offset) {
  return field<T>(m.env, offset);
}
template <class T>
inline const T& reg(const um_machine& m, std::size_t offset) {
  return field<T>(static_cast<const void*>(m.env), offset);
}
inline std::uint64_t& gpr(um_machine& m, int index) {
  return reg<std::uint64_t>(m, env::kGpr + 8 * static_cast<std::size_t>(index));
}
constexpr std::uint64_t kFlagIf = 1 << 9;  // RFLAGS
constexpr std::uint64_t kCr4Pae = 1 << 5;

inline std::uint64_t& control(um_machine& m, int index) {
  return reg<std::uint64_t>(m, env::kCr + 8 * static_cast<std::size_t>(index));
}
inline std::uint64_t control(const um_machine& m, int index) {
  return reg<std::uint64_t>(m, env::kCr + 8 * static_cast<std::size_t>(index));
}
inline env::Segment& segment(um_machine& m, int index) {
  return reg<env::Segment>(m, env::kSegments + 24 * static_cast<std::size_t>(index));
}
inline unsigned cpl(const um_machine& m) {
  return reg<std::uint32_t>(m, env::kHidden) & hidden::kCpl;
}
inline std::int64_t& remaining(um_machine& m) { return reg<std::int64_t>(m, env::kBudget); }

enum Vector : int { kUndefined = 6, kInvalidTss = 10, kProtection = 13, kPageFault = 14 };

// budget.cpp
/// Executed instructions, all of a block counted once it is entered.
inline std::uint64_t counted(const um_machine& m) {
  return m.target - static_cast<std::uint64_t>(reg<std::int64_t>(m, env::kBudget));
}
/// Makes `executed` be reached when the budget is used up, keeping what is counted.
void set_target(um_machine& m, std::uint64_t total);
/// Leaves the block before the instruction at `host_pc` and executes it alone.
[[noreturn]] void restart_alone(um_machine& m, std::uintptr_t host_pc);
/// Leaves the main loop of the library.
[[noreturn]] void leave(um_machine& m, std::uintptr_t host_pc, int stop);

/// Around a call of the bus by the last instruction of a block (`counted`), or by the delivery of
/// an event.
struct BusCall {
  um_machine& m;
  explicit BusCall(um_machine& machine, bool counted = true) : m(machine) {
    m.tail = counted ? 1 : 0;
  }
  void end();
};
/// Acts on what a bus call changed, at the end of the current instruction.
void settle(um_machine& m);

// paging.cpp
enum class WalkResult { Mapped, PageFault, Protection, Intercept };
struct Walk {
  WalkResult result = WalkResult::PageFault;
  std::uint64_t gpa = 0;    ///< Mapped: of the byte; Intercept: of the table entry
  int rights = 0;           ///< tlb::kReadable ...
  std::uint32_t error = 0;  ///< of the page fault
  um_access intercept = UM_READ;
  unsigned page_bits = 12;
};
Walk walk(um_machine& m, std::uint64_t linear, int access, int mode);
/// Without side effects, whatever the rights.
bool walk_quietly(const um_machine& m, std::uint64_t linear, std::uint64_t& gpa);

// tlb.cpp
const um_page& page_at(um_machine& m, std::uint64_t gpfn, um_access access);
/// Announces the first store of this generation to a frame.
void report_store(um_machine& m, const um_page& page);
/// A frame begins to serve as page table: stores to it must be seen.
void watch_table(um_machine& m, std::uint64_t frame);
void flush_translations(um_machine& m);
/// Compares the bus's generation with ours and drops what may be wrong.
void refresh_generation(um_machine& m);

// state.cpp
constexpr std::uint64_t kCr0Known = 0xe005003f;
/// VME, PVI, TSD, DE, PSE, PAE, MCE, PGE, PCE, OSFXSR, OSXMMEXCPT, FSGSBASE, SMEP, SMAP.
constexpr std::uint64_t kCr4Known = 0x7ff | 1 << 16 | 1 << 20 | 1 << 21;
void reset(um_machine& m);
void load_segment(um_machine& m, int index, std::uint32_t selector, std::uint64_t base,
                  std::uint32_t limit, std::uint32_t flags);
void load_flags(um_machine& m, std::uint64_t flags, std::uint64_t mask);
constexpr bool canonical(std::uint64_t address) {
  const std::uint64_t top = address >> 47;
  return top == 0 || top == 0x1ffff;
}

}  // namespace sim::unicorn
