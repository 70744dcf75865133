// The loop that turns guest instructions into a block, with the budget's check at its entry.
#include "sim/cpu/unicorn/library.hpp"
#include "sim/cpu/unicorn/machine.hpp"
#include "sim/cpu/unicorn/wraps.hpp"

namespace sim::unicorn {

namespace {

/// Instructions whose execution asks the outside world. They must be the last of their block, so
/// that what the answer changes (time limit, interrupt, map) takes effect right behind them.
bool asks_the_bus(const void* helper) {
  static const void* const kHelpers[] = {
      reinterpret_cast<const void*>(&__wrap_helper_inb_x86_64),
      reinterpret_cast<const void*>(&__wrap_helper_inw_x86_64),
      reinterpret_cast<const void*>(&__wrap_helper_inl_x86_64),
      reinterpret_cast<const void*>(&__wrap_helper_outb_x86_64),
      reinterpret_cast<const void*>(&__wrap_helper_outw_x86_64),
      reinterpret_cast<const void*>(&__wrap_helper_outl_x86_64),
      reinterpret_cast<const void*>(&__wrap_helper_cpuid_x86_64),
      reinterpret_cast<const void*>(&__wrap_helper_rdmsr_x86_64),
      reinterpret_cast<const void*>(&__wrap_helper_wrmsr_x86_64),
      reinterpret_cast<const void*>(&__wrap_helper_rdtsc_x86_64),
      reinterpret_cast<const void*>(&__wrap_helper_rdtscp_x86_64),
      reinterpret_cast<const void*>(&__wrap_helper_read_crN_x86_64),
      reinterpret_cast<const void*>(&__wrap_helper_write_crN_x86_64),
  };
  for (const void* known : kHelpers) {
    if (known == helper) return true;
  }
  return false;
}

/// The last operation emitted. The list is circular: its head's back link leads to the link of the
/// last operation, whose own back link leads to the link that points at the operation.
void* last_operation(void* tcg) {
  struct Link {
    void* next;
    Link* previous;
  };
  return field<Link>(tcg, code::kOps).previous->previous->next;
}

/// Emits operations on temporaries of one straight stretch of code.
struct Emitter {
  void* tcg;
  std::uintptr_t env() const {
    return field<std::uintptr_t>(tcg, code::kEnvTemp) + reinterpret_cast<std::uintptr_t>(tcg);
  }
  void* temp() const { return tcg_temp_new_internal_x86_64(tcg, code::kType64, false); }
  void free(void* temp) const { tcg_temp_free_internal_x86_64(tcg, temp); }
  static std::uintptr_t arg(void* temp) { return reinterpret_cast<std::uintptr_t>(temp); }
  void load(void* to, std::size_t offset) const {
    tcg_gen_op3_x86_64(tcg, code::kLoad64, arg(to), env(), offset);
  }
  void store(void* from, std::size_t offset) const {
    tcg_gen_op3_x86_64(tcg, code::kStore64, arg(from), env(), offset);
  }
  void move(void* to, std::uint64_t value) const {
    tcg_gen_op2_x86_64(tcg, code::kMove64, arg(to), value);
  }
  void combine(std::uint32_t operation, void* to, void* with) const {
    tcg_gen_op3_x86_64(tcg, operation, arg(to), arg(to), arg(with));
  }
};

struct Entry {
  void* refused;      ///< label: the budget does not cover the block
  void* length_move;  ///< the operation that holds the block's length, filled in at the end
};

Entry emit_entry(const Emitter& emit) {
  void* refused = gen_new_label_x86_64(emit.tcg);
  void* left = emit.temp();
  void* length = emit.temp();
  emit.load(left, env::kBudget);
  emit.move(length, 1);
  void* move = last_operation(emit.tcg);
  emit.combine(code::kSub64, left, length);
  emit.store(left, env::kBudget);
  tcg_gen_brcondi_i64_x86_64(emit.tcg, code::kLess,
                             Emitter::arg(left) - reinterpret_cast<std::uintptr_t>(emit.tcg), 0,
                             refused);
  emit.free(left);
  emit.free(length);
  return {refused, move};
}

/// A refused block gives back what it took and leaves a mark for the main loop.
void emit_refusal(const Emitter& emit, void* block, const Entry& entry, int length) {
  field<std::uintptr_t>(entry.length_move, code::kOpArgs + 8) = static_cast<unsigned>(length);
  field<std::uint32_t>(entry.refused, 0) |= 1;  // the label is placed
  tcg_gen_op1_x86_64(emit.tcg, code::kSetLabel, reinterpret_cast<std::uintptr_t>(entry.refused));
  void* left = emit.temp();
  void* constant = emit.temp();
  emit.load(left, env::kBudget);
  emit.move(constant, static_cast<unsigned>(length));
  emit.combine(code::kAdd64, left, constant);
  emit.store(left, env::kBudget);
  emit.move(constant, 1);
  emit.store(constant, env::kShort);
  emit.free(left);
  emit.free(constant);
  tcg_gen_exit_tb_x86_64(emit.tcg, block, code::kExitRequested);
}

/// An instruction that may reach into the next page starts its own block: then a fault of the
/// fetch happens when it is that instruction's turn. One that did reach ends its block.
bool page_ends(const TranslatorState& state) {
  constexpr std::uint64_t kLongest = 15;
  const std::uint64_t first_page = state.pc_first & ~std::uint64_t{0xfff};
  return ((state.pc_next + kLongest - 1) & ~std::uint64_t{0xfff}) != first_page;
}

}  // namespace

}  // namespace sim::unicorn

using namespace sim::unicorn;

extern "C" {

void __wrap_tcg_gen_callN_x86_64(void* tcg, void* function, void* result, int count, void** args) {
  um_machine& m = machine_of_engine(field<void*>(tcg, code::kEngine));
  if (asks_the_bus(function)) m.ends_block = true;
  __real_tcg_gen_callN_x86_64(tcg, function, result, count, args);
}

void __wrap_translator_loop_x86_64(const TranslatorOps* ops, TranslatorState* state, void* cpu,
                                   void* block, int max_instructions) {
  um_machine& m = machine_of_cpu(cpu);
  void* tcg = field<void*>(m.engine, engine::kTcg);
  state->block = block;
  state->pc_first = state->pc_next = field<std::uint64_t>(block, block::kPc);
  state->ending = kGoesOn;
  state->instructions = 0;
  state->max_instructions = max_instructions;
  state->single_step = false;
  ops->init(state, cpu);

  const Emitter emit{tcg};
  const Entry entry = emit_entry(emit);
  ops->block_start(state, cpu);
  for (;;) {
    ++state->instructions;
    ops->instruction_start(state, cpu);
    m.ends_block = false;
    ops->instruction(state, cpu);
    if (state->ending != kGoesOn) break;
    if (m.ends_block || page_ends(*state) || state->instructions >= state->max_instructions ||
        field<std::int32_t>(tcg, code::kOpCount) >= code::kMaxOps) {
      state->ending = kEndsHere;
      break;
    }
  }
  ops->block_stop(state, cpu);
  emit_refusal(emit, block, entry, state->instructions);
  field<std::uint16_t>(block, block::kSize) =
      static_cast<std::uint16_t>(state->pc_next - state->pc_first);
  field<std::uint16_t>(block, block::kCount) = static_cast<std::uint16_t>(state->instructions);
}

}  // extern "C"
