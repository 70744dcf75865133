// The exact instruction budget. Every block takes its length off the budget when it is entered, or
// is not entered; a fault gives back what was not executed. So the count never depends on how the
// library cuts and chains blocks (spec unicorn 3.2).
#include <cstring>

#include "sim/cpu/unicorn/library.hpp"
#include "sim/cpu/unicorn/machine.hpp"
#include "sim/cpu/unicorn/wraps.hpp"

namespace sim::unicorn {

namespace {

std::int64_t decode_signed(const std::uint8_t*& bytes) {
  std::int64_t value = 0;
  unsigned shift = 0;
  std::uint8_t byte;
  do {
    byte = *bytes++;
    value |= static_cast<std::int64_t>(byte & 0x7f) << shift;
    shift += 7;
  } while (byte & 0x80);
  if (shift < 64 && (byte & 0x40)) value |= -(std::int64_t{1} << shift);
  return value;
}

/// The library keeps, behind the host code of a block, one row per instruction: the guest address,
/// the flags' state and the end of its host code, as signed LEB128 differences to the row before.
struct Rows {
  const std::uint8_t* bytes;
  std::uint64_t guest_pc;
  std::uintptr_t host_end;

  explicit Rows(void* block)
      : bytes(field<std::uint8_t*>(block, block::kHostCode) +
              field<std::size_t>(block, block::kHostSize)),
        guest_pc(field<std::uint64_t>(block, block::kPc)),
        host_end(field<std::uintptr_t>(block, block::kHostCode)) {}
  void next() {
    guest_pc += static_cast<std::uint64_t>(decode_signed(bytes));
    decode_signed(bytes);
    host_end += static_cast<std::uintptr_t>(decode_signed(bytes));
  }
};

int block_length(void* block) { return field<std::uint16_t>(block, block::kCount); }

int unexecuted_from(void* block, std::uint64_t guest_pc) {
  Rows rows(block);
  const int length = block_length(block);
  for (int i = 0; i < length; ++i) {
    rows.next();
    if (rows.guest_pc == guest_pc) return length - i;
  }
  return 0;
}

int unexecuted_at(const um_machine& m, std::uintptr_t host_pc) {
  void* block = tcg_tb_lookup_x86_64(field<void*>(m.engine, engine::kTcg), host_pc);
  if (!block) return 0;
  Rows rows(block);
  const int length = block_length(block);
  for (int i = 0; i < length; ++i) {
    rows.next();
    if (rows.host_end > host_pc - 2) return length - i;
  }
  return 0;
}

}  // namespace

void set_target(um_machine& m, std::uint64_t total) {
  const std::uint64_t now = counted(m);
  m.target = total;
  remaining(m) = static_cast<std::int64_t>(total - now);
}

void restart_alone(um_machine& m, std::uintptr_t host_pc) {
  cpu_restore_state_x86_64(m.cpu, host_pc, true);
  field<std::uint32_t>(m.cpu, cpu::kNextFlags) = 1 | block::kLastIo;
  field<std::int32_t>(m.cpu, cpu::kException) = -1;
  cpu_loop_exit_x86_64(m.cpu);
}

void leave(um_machine& m, std::uintptr_t host_pc, int stop) {
  m.stop = stop;
  if (host_pc) cpu_restore_state_x86_64(m.cpu, host_pc, true);
  field<std::int32_t>(m.cpu, cpu::kException) = kExitInterrupt;
  cpu_loop_exit_x86_64(m.cpu);
}

void BusCall::end() {
  settle(m);
  m.tail = 0;
}

void settle(um_machine& m) {
  if (m.bus.map_generation(m.bus.user) != m.generation) m.unsettled = true;
  m.ask_again = true;
  if (!m.unsettled && !m.line && m.stop < 0) return;
  m.unsettled = false;
  set_target(m, counted(m));
}

}  // namespace sim::unicorn

using namespace sim::unicorn;

extern "C" {

std::uint64_t um_executed(const um_machine* m) noexcept {
  std::uint64_t total = counted(*m) - m->tail;
  if (m->host_pc) total -= static_cast<std::uint64_t>(unexecuted_at(*m, m->host_pc));
  return total;
}

void um_limit_to(um_machine* m, std::uint64_t total) noexcept {
  if (!m->running) {
    if (total < m->next_limit) m->next_limit = total;
    return;
  }
  const std::uint64_t least = um_executed(m) + 1;  // the current instruction still completes
  if (total < least) total = least;
  if (total >= m->limit) return;
  m->limit = total;
  m->unsettled = true;
}

void __wrap_restore_state_to_opc_x86_64(void* env, void* block, std::uint64_t* data) {
  um_machine& m = machine_of_env(env);
  remaining(m) += unexecuted_from(block, data[0]);
  m.uncounted = true;
  m.tail = 0;
  __real_restore_state_to_opc_x86_64(env, block, data);
}

void __wrap_cpu_io_recompile_x86_64(void* cpu, std::uintptr_t host_pc) {
  um_machine& m = machine_of_cpu(cpu);
  // An access outside of any block is the delivery of an event, which nothing can split.
  if (!tcg_tb_lookup_x86_64(field<void*>(m.engine, engine::kTcg), host_pc)) return;
  restart_alone(m, host_pc);
}

}  // extern "C"
