// Life of a machine: creation, the run loop, and the way there and back between instructions.
#include "sim/cpu/unicorn/machine.hpp"

#include <sys/mman.h>
#include <unicorn/unicorn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "sim/cpu/unicorn/library.hpp"
#include "sim/cpu/unicorn/wraps.hpp"

namespace sim::unicorn {

namespace {

bool may_interrupt(const um_machine& m) {
  return (reg<std::uint64_t>(m, env::kFlags) & kFlagIf) &&
         !(reg<std::uint32_t>(m, env::kHidden) & hidden::kInhibit);
}

/// Delivers the pending event through the guest's IDT. Faults on the way leave by longjmp and are
/// delivered in turn; an intercept keeps the event (`um_run` puts it back).
void deliver(um_machine& m) {
  m.delivering = m.event;
  m.event = um_event{};
  if (m.delivering.kind == um_event::kException) {
    field<std::int32_t>(m.cpu, cpu::kException) = m.delivering.vector;
    reg<std::int32_t>(m, env::kErrorCode) = static_cast<std::int32_t>(m.delivering.error_code);
    reg<std::int32_t>(m, env::kIsInt) = m.delivering.is_int;
    reg<std::uint64_t>(m, env::kNextRip) = m.delivering.next_rip;
    x86_cpu_do_interrupt_x86_64(m.cpu);
    field<std::int32_t>(m.cpu, cpu::kException) = -1;
  } else {
    do_interrupt_x86_hardirq_x86_64(m.env, m.delivering.vector, 1);
  }
  m.delivering.kind = um_event::kNone;
  reg<std::uint32_t>(m, env::kHidden) &= ~hidden::kInhibit;
}

bool take_interrupt(um_machine& m) {
  std::uint8_t vector = 0;
  if (!m.line || !m.ask_again || !may_interrupt(m)) return false;
  if (!m.bus.acknowledge(m.bus.user, &vector)) {
    m.ask_again = false;
    return false;
  }
  m.event = um_event{};
  m.event.kind = um_event::kInterrupt;
  m.event.vector = vector;
  return true;
}

bool is_hypercall(um_machine& m) {
  std::uint8_t code[3];
  const std::uint64_t base = segment(m, 1).base;
  const bool code64 = reg<std::uint32_t>(m, env::kHidden) & hidden::kCs64;
  for (unsigned i = 0; i < sizeof code; ++i) {
    std::uint64_t linear = base + reg<std::uint64_t>(m, env::kRip) + i, gpa = 0;
    if (!code64) linear &= 0xffffffff;
    if (!walk_quietly(m, linear, gpa)) return false;
    const um_page& page = page_at(m, gpa >> 12, UM_EXECUTE);
    if (page.kind != UM_RAM) return false;
    code[i] = m.storage[page.frame * 4096 + (gpa & 0xfff)];
  }
  return code[0] == 0x0f && code[1] == 0x01 && (code[2] == 0xc1 || code[2] == 0xd9);
}

void hypercall(um_machine& m) {
  const bool code64 = reg<std::uint32_t>(m, env::kHidden) & hidden::kCs64;
  const std::uint64_t mask = code64 ? ~std::uint64_t{0} : 0xffffffff;
  um_hypercall regs{};
  regs.rax = gpr(m, 0) & mask;
  regs.rcx = gpr(m, 1) & mask;
  regs.rdx = gpr(m, 2) & mask;
  regs.rbx = gpr(m, 3) & mask;
  regs.rsi = gpr(m, 6) & mask;
  regs.rdi = gpr(m, 7) & mask;
  regs.r8 = code64 ? gpr(m, 8) : 0;
  regs.long_mode = code64;
  BusCall call(m);
  m.bus.hypercall(m.bus.user, &regs);
  call.end();
  gpr(m, 0) = regs.rax & mask;
  gpr(m, 1) = regs.rcx & mask;
  gpr(m, 2) = regs.rdx & mask;
  gpr(m, 3) = regs.rbx & mask;
  gpr(m, 6) = regs.rsi & mask;
  gpr(m, 7) = regs.rdi & mask;
  if (code64) gpr(m, 8) = regs.r8;
  if (!regs.repeat) {
    auto& rip = reg<std::uint64_t>(m, env::kRip);
    rip = (rip + 3) & mask;
  }
  reg<std::uint32_t>(m, env::kHidden) &= ~hidden::kInhibit;
}

/// The library gives faults of a 64-bit gate the gate's offset; the architecture says its number.
std::uint32_t error_code_of(const um_machine& m, std::uint32_t vector) {
  const auto code = static_cast<std::uint32_t>(reg<std::int32_t>(m, env::kErrorCode));
  constexpr std::uint32_t kNotPresent = 11;
  const bool gate_fault = m.delivering.kind != um_event::kNone &&
                          (vector == kProtection || vector == kNotPresent) &&
                          code == m.delivering.vector * 16u + 2;
  const bool lma = reg<std::uint32_t>(m, env::kHidden) & hidden::kLma;
  return gate_fault && lma ? m.delivering.vector * 8u + 2 : code;
}

/// The library calls this for every exception. It has set RIP behind an INT n.
void on_exception(uc_engine*, std::uint32_t vector, void* user) {
  um_machine& m = *static_cast<um_machine*>(user);
  m.alone = false;
  m.tail = 0;
  m.host_pc = 0;
  if (vector == kUndefined && !m.uncounted && cpl(m) == 0 && is_hypercall(m)) {
    hypercall(m);
    return;
  }
  // A faulting instruction counts once its exception is delivered: so a guest that faults forever
  // still uses up its budget.
  if (m.uncounted) {
    m.uncounted = false;
    --remaining(m);
  }
  um_event next;
  next.kind = um_event::kException;
  next.vector = static_cast<std::uint8_t>(vector);
  next.error_code = error_code_of(m, vector);
  next.is_int = reg<std::int32_t>(m, env::kIsInt) != 0;
  next.next_rip = reg<std::uint64_t>(m, env::kNextRip);
  // Until it is delivered, RIP stays at the instruction: its gate may turn out to be unusable.
  if (next.is_int) reg<std::uint64_t>(m, env::kRip) = next.next_rip - m.int_length;
  m.event = next;
  deliver(m);
}

void plan(um_machine& m, bool was_short) {
  auto& next_flags = field<std::uint32_t>(m.cpu, cpu::kNextFlags);
  auto& request = field<std::int32_t>(m.cpu, cpu::kInterruptRequest);
  const bool alone = next_flags != 0xffffffff;
  // In the shadow of STI the interrupt comes one instruction later, whatever that one is.
  const bool shadow = m.line && m.ask_again && (reg<std::uint64_t>(m, env::kFlags) & kFlagIf) != 0;
  m.alone = alone;
  field<std::uint32_t>(m.cpu, cpu::kCanDoIo) = alone;
  const std::int64_t before = remaining(m);
  if (alone || shadow) {
    set_target(m, counted(m) + 1);
    next_flags = 1;
    request |= kLineExitBlock;
    return;
  }
  set_target(m, m.limit);
  // The block that did not fit is translated again, no longer than what is left.
  if (was_short && remaining(m) == before && before <= block::kMaxInstructions) {
    next_flags = static_cast<std::uint32_t>(before);
    request |= kLineExitBlock;
  }
}

int classify(um_machine& m, int result) {
  if (m.stop >= 0) return m.stop;
  auto& halted = field<std::uint32_t>(m.cpu, cpu::kHalted);
  if (halted) {
    halted = 0;
    m.halted = true;
    return UM_HALT;
  }
  if (result < kExitInterrupt) {
    um_fail(&m, "the emulator left its loop in an unknown way");
    return UM_FAILURE;
  }
  return -1;
}

/// Ends a halt when an interrupt can be had.
bool wake(um_machine& m) {
  if (m.event.kind == um_event::kNone && !take_interrupt(m)) return false;
  m.halted = false;
  return true;
}

int run_loop(um_machine& m) {
  for (;;) {
    if (m.halted && !wake(m)) return UM_HALT;
    if (counted(m) >= m.limit) return UM_LIMIT;
    m.stop = -1;
    const int result = cpu_exec_x86_64(m.engine, m.cpu);
    m.tail = 0;
    m.host_pc = 0;
    const int stop = classify(m, result);
    if (stop == UM_HALT) continue;
    if (stop >= 0) return stop;
  }
}

}  // namespace

}  // namespace sim::unicorn

using namespace sim::unicorn;

extern "C" {

/// Called by the library between blocks, whenever it is in its main loop.
bool __wrap_x86_cpu_exec_interrupt_x86_64(void* cpu, int) {
  um_machine& m = machine_of_cpu(cpu);
  field<std::int32_t>(cpu, cpu::kInterruptRequest) = kLineHard;
  auto& short_mark = reg<std::uint64_t>(m, env::kShort);
  const bool was_short = short_mark != 0;
  short_mark = 0;
  m.alone = false;
  m.uncounted = false;
  m.tail = 0;
  m.host_pc = 0;
  m.unsettled = false;
  refresh_generation(m);
  if (m.flush) flush_translations(m);
  if (m.stop < 0 && counted(m) >= m.limit) m.stop = UM_LIMIT;
  if (m.stop >= 0) {
    field<std::uint8_t>(cpu, cpu::kExitRequest) = 1;
    return false;
  }
  bool delivered = false;
  if (m.event.kind != um_event::kNone || take_interrupt(m)) {
    field<std::uint32_t>(cpu, cpu::kNextFlags) = 0xffffffff;
    deliver(m);
    delivered = true;
  }
  plan(m, was_short && !delivered);
  return delivered;
}

void __wrap_helper_raise_interrupt_x86_64(void* env, int vector, int length) {
  machine_of_env(env).int_length = static_cast<std::uint8_t>(length);
  __real_helper_raise_interrupt_x86_64(env, vector, length);
}
void __wrap_raise_interrupt_x86_64(void* env, int vector, int is_int, int error, int length) {
  machine_of_env(env).int_length = static_cast<std::uint8_t>(length);
  __real_raise_interrupt_x86_64(env, vector, is_int, error, length);
}

void __wrap_qemu_system_reset_request(void* engine) {
  um_machine& m = machine_of_engine(engine);
  m.stop = UM_SHUTDOWN;
  m.shutdown = true;
  m.delivering.kind = um_event::kNone;
}

/// The library gives up where the task register holds no task: the architecture says #TS.
void __wrap_cpu_abort_x86_64(void* cpu, const char*, ...) {
  um_machine& m = machine_of_cpu(cpu);
  const auto& tr = reg<env::Segment>(m, env::kTr);
  raise_exception_err_ra_x86_64(m.env, kInvalidTss, static_cast<int>(tr.selector & 0xfffc), 0);
}

/// The library times its translation cache with it. The size of that cache must not depend on the
/// host's clock, and nothing else in a simulator may read it.
int __wrap_gettimeofday(void* time, void*) {
  if (time) std::memset(time, 0, 16);
  return 0;
}

/// The library ends the process with a message of its own when it finds no address space for its
/// translations (1 GiB, hardly any of it touched): look first. The rest is what else it asks for.
int um_has_room(void) noexcept {
  constexpr std::size_t kTranslations = std::size_t{1} << 30;
  constexpr std::size_t kRest = std::size_t{64} << 20;
  void* const room = ::mmap(nullptr, kTranslations + kRest, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) return 0;
  ::munmap(room, kTranslations + kRest);
  return 1;
}

um_machine* um_open(std::uint8_t* storage, std::uint64_t frames, const um_bus* bus) noexcept {
  constexpr std::uint64_t kNowhere = 1ull << 63;  // no instruction can be there
  constexpr std::uint64_t kMmioBase = 1ull << 52;
  uc_engine* engine = nullptr;
  if (!um_has_room()) return nullptr;
  if (uc_open(UC_ARCH_X86, UC_MODE_64, &engine) != UC_ERR_OK) return nullptr;
  auto* m = new (std::nothrow) um_machine;
  auto* table = static_cast<um_frame*>(std::calloc(frames, sizeof(um_frame)));
  uc_hook hook = 0;
  const bool mapped =
      m && table && uc_mem_map_ptr(engine, 0, frames * 4096, UC_PROT_ALL, storage) == UC_ERR_OK &&
      uc_mmio_map(engine, kMmioBase, kMmioBase, nullptr, nullptr, nullptr, nullptr) == UC_ERR_OK &&
      uc_hook_add(engine, &hook, UC_HOOK_INTR, reinterpret_cast<void*>(&on_exception), m, 1, 0) ==
          UC_ERR_OK;
  if (!mapped) {
    uc_close(engine);
    std::free(table);
    delete m;
    return nullptr;
  }
  m->engine = engine;
  m->cpu = field<void*>(engine, engine::kCpu);
  m->env = static_cast<std::byte*>(m->cpu) + cpu::kEnv;
  m->storage = storage;
  m->frame_count = frames;
  m->frames = table;
  m->bus = *bus;
  field<um_machine*>(engine, engine::kUserData) = m;
  field<void*>(engine, engine::kStopInterrupt) = nullptr;
  field<std::int32_t>(engine, engine::kNesting) = 1;
  // No check for stop requests behind each access: ours arrive through the budget.
  field<bool>(engine, engine::kNoExitChecks) = true;
  field<std::uint64_t>(engine, engine::kExits) = kNowhere;
  reset(*m);
  flush_translations(*m);
  return m;
}

/// The library reserves 1 GiB and has one region of it. It never counts that region as taken, so
/// when it is full for the first time it is wiped and given out again below blocks that are still
/// being chained to, instead of all blocks being forgotten. Taken from the beginning, it is not;
/// and smaller, since what is wiped has to be resident.
void um_limit_code(um_machine* m, std::uint64_t bytes) noexcept {
  constexpr std::uint64_t kHighWaterBytes = 1024;  // the library's own margin
  void* const tcg = field<void*>(m->engine, engine::kTcg);
  std::byte* const start = field<std::byte*>(tcg, code::kNext);
  field<std::byte*>(tcg, code::kBuffer) = start;
  field<std::uint64_t>(tcg, code::kBufferBytes) = bytes;
  field<std::byte*>(tcg, code::kHighWater) = start + bytes - kHighWaterBytes;
  field<std::byte*>(tcg, code::kRegionStart) = start;
  field<std::byte*>(tcg, code::kRegionEnd) = start + bytes;
  field<std::uint64_t>(tcg, code::kRegionBytes) = bytes;
  field<std::uint64_t>(tcg, code::kRegionsTaken) = field<std::uint64_t>(tcg, code::kRegions);
}

void um_close(um_machine* m) noexcept {
  if (!m) return;
  field<um_machine*>(m->engine, engine::kUserData) = nullptr;
  uc_close(static_cast<uc_engine*>(m->engine));
  std::free(m->frames);
  delete m;
}

int um_run(um_machine* m, std::uint64_t max) noexcept {
  const std::uint64_t start = counted(*m);
  m->limit = max > ~std::uint64_t{0} / 2 - start ? ~std::uint64_t{0} / 2 : start + max;
  if (m->next_limit < m->limit) m->limit = m->next_limit;
  m->next_limit = ~std::uint64_t{0};
  if (m->shutdown) return UM_SHUTDOWN;
  m->stop = -1;
  m->ask_again = true;
  m->running = true;
  field<std::uint32_t>(m->cpu, cpu::kNextFlags) = 0xffffffff;
  field<std::int32_t>(m->cpu, cpu::kInterruptRequest) = kLineHard;
  field<std::int32_t>(m->cpu, cpu::kException) = -1;
  field<std::int32_t>(m->engine, engine::kInvalidError) = 0;
  reg<std::uint64_t>(*m, env::kShort) = 0;
  set_target(*m, m->limit);
  const int stop = run_loop(*m);
  // An event whose delivery was intercepted is still to be delivered.
  if (stop == UM_INTERCEPT && m->delivering.kind != um_event::kNone) m->event = m->delivering;
  m->delivering.kind = um_event::kNone;
  m->running = false;
  return stop;
}

void um_fail(um_machine* m, const char* text) noexcept {
  std::snprintf(m->failure, sizeof m->failure, "%s", text);
  m->stop = UM_FAILURE;
  m->unsettled = true;
}
const char* um_failure(const um_machine* m) noexcept { return m->failure; }

void um_set_line(um_machine* m, int asserted) noexcept {
  m->line = asserted != 0;
  m->ask_again = true;
  if (asserted) m->unsettled = true;
}
int um_halted(const um_machine* m) noexcept { return m->halted; }
int um_interruptible(const um_machine* m) noexcept { return may_interrupt(*m); }

}  // extern "C"
