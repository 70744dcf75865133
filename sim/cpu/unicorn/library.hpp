// The library's functions that the public header does not declare: those called, and the originals
// of those replaced at link time (--wrap).
#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/cpu/unicorn/layout.hpp"

extern "C" {

// Called as they are.
int cpu_exec_x86_64(void* engine, void* cpu);
[[noreturn]] void cpu_loop_exit_x86_64(void* cpu);
bool cpu_restore_state_x86_64(void* cpu, std::uintptr_t host_pc, bool will_exit);
[[noreturn]] void raise_exception_err_ra_x86_64(void* env, int vector, int error,
                                                std::uintptr_t host_pc);
void x86_cpu_do_interrupt_x86_64(void* cpu);
void do_interrupt_x86_hardirq_x86_64(void* env, int vector, int is_hardware);
void x86_update_hflags_x86_64(void* env);
std::uint64_t helper_read_eflags_x86_64(void* env);
void cpu_x86_update_cr0_x86_64(void* env, std::uint32_t value);
void cpu_x86_update_cr3_x86_64(void* env, std::uint64_t value);
void cpu_x86_update_cr4_x86_64(void* env, std::uint32_t value);
void update_fp_status_x86_64(void* env);
void update_mxcsr_status_x86_64(void* env);
std::uint32_t cpu_lduw_mmuidx_ra_x86_64(void* env, std::uint64_t address, int mode,
                                        std::uintptr_t host_pc);
void* tcg_tb_lookup_x86_64(void* tcg, std::uintptr_t host_pc);
void tb_invalidate_phys_range_x86_64(void* engine, std::uint64_t start, std::uint64_t end);
void tlb_reset_dirty_x86_64(void* cpu, std::uint64_t host_start, std::uint64_t length);
void tlb_set_page_with_attrs_x86_64(void* cpu, std::uint64_t linear, std::uint64_t physical,
                                    std::uint32_t attributes, int rights, int mode,
                                    std::uint64_t size);

// The emitter of intermediate code.
void* tcg_temp_new_internal_x86_64(void* tcg, int type, bool local);
void tcg_temp_free_internal_x86_64(void* tcg, void* temp);
void* gen_new_label_x86_64(void* tcg);
void tcg_gen_op1_x86_64(void* tcg, std::uint32_t op, std::uintptr_t a);
void tcg_gen_op2_x86_64(void* tcg, std::uint32_t op, std::uintptr_t a, std::uintptr_t b);
void tcg_gen_op3_x86_64(void* tcg, std::uint32_t op, std::uintptr_t a, std::uintptr_t b,
                        std::uintptr_t c);
void tcg_gen_brcondi_i64_x86_64(void* tcg, int condition, std::uintptr_t value, std::int64_t with,
                                void* label);
void tcg_gen_exit_tb_x86_64(void* tcg, void* block, unsigned index);

// Originals of replaced functions.
void __real_tcg_gen_callN_x86_64(void* tcg, void* function, void* result, int count, void** args);
void __real_restore_state_to_opc_x86_64(void* env, void* block, std::uint64_t* data);
[[noreturn]] void __real_helper_raise_interrupt_x86_64(void* env, int vector, int length);
[[noreturn]] void __real_raise_interrupt_x86_64(void* env, int vector, int is_int, int error,
                                                int length);
void __real_tlb_flush_x86_64(void* cpu);
void* __real_page_collection_lock_x86_64(void* engine, std::uint64_t start, std::uint64_t end);
void __real_page_collection_unlock_x86_64(void* set);
void __real_tb_invalidate_phys_page_fast_x86_64(void* engine, void* pages, std::uint64_t start,
                                                int length, std::uintptr_t host_pc);
}
