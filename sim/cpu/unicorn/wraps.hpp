// Our replacements of library functions. `wraps.txt` lists the same names for the linker.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/cpu/unicorn/layout.hpp"

extern "C" {

void __wrap_translator_loop_x86_64(const sim::unicorn::TranslatorOps* ops,
                                   sim::unicorn::TranslatorState* state, void* cpu, void* block,
                                   int max_instructions);
void __wrap_tcg_gen_callN_x86_64(void* tcg, void* function, void* result, int count, void** args);
void __wrap_restore_state_to_opc_x86_64(void* env, void* block, std::uint64_t* data);
void __wrap_cpu_io_recompile_x86_64(void* cpu, std::uintptr_t host_pc);

bool __wrap_x86_cpu_tlb_fill_x86_64(void* cpu, std::uint64_t linear, int size, int access, int mode,
                                    bool probe, std::uintptr_t host_pc);
void* __wrap_memory_mapping(void* engine, std::uint64_t address);
int __wrap_memory_region_dispatch_read_x86_64(void* engine, void* region, std::uint64_t gpa,
                                              std::uint64_t* value, int operation,
                                              std::uint32_t attributes);
int __wrap_memory_region_dispatch_write_x86_64(void* engine, void* region, std::uint64_t gpa,
                                               std::uint64_t value, int operation,
                                               std::uint32_t attributes);
void __wrap_tlb_flush_x86_64(void* cpu);
void __wrap_tlb_protect_code_x86_64(void* engine, std::uint64_t address);
void __wrap_tlb_unprotect_code_x86_64(void* engine, std::uint64_t address);
void* __wrap_page_collection_lock_x86_64(void* engine, std::uint64_t start, std::uint64_t end);
void __wrap_page_collection_unlock_x86_64(void* set);
void __wrap_tb_invalidate_phys_page_fast_x86_64(void* engine, void* pages, std::uint64_t address,
                                                int length, std::uintptr_t host_pc);

bool __wrap_x86_cpu_exec_interrupt_x86_64(void* cpu, int request);
[[noreturn]] void __wrap_helper_raise_interrupt_x86_64(void* env, int vector, int length);
[[noreturn]] void __wrap_raise_interrupt_x86_64(void* env, int vector, int is_int, int error,
                                                int length);
void __wrap_qemu_system_reset_request(void* engine);
[[noreturn]] void __wrap_cpu_abort_x86_64(void* cpu, const char* format, ...);

std::uint64_t __wrap_helper_inb_x86_64(void* env, std::uint32_t port);
std::uint64_t __wrap_helper_inw_x86_64(void* env, std::uint32_t port);
std::uint64_t __wrap_helper_inl_x86_64(void* env, std::uint32_t port);
void __wrap_helper_outb_x86_64(void* env, std::uint32_t port, std::uint32_t value);
void __wrap_helper_outw_x86_64(void* env, std::uint32_t port, std::uint32_t value);
void __wrap_helper_outl_x86_64(void* env, std::uint32_t port, std::uint32_t value);
void __wrap_helper_cpuid_x86_64(void* env);
void __wrap_helper_rdtsc_x86_64(void* env);
void __wrap_helper_rdtscp_x86_64(void* env);
std::uint64_t __wrap_cpu_get_tsc_x86_64(void* env);
void __wrap_helper_rdmsr_x86_64(void* env);
void __wrap_helper_wrmsr_x86_64(void* env);
std::uint64_t __wrap_helper_read_crN_x86_64(void* env, int index);
void __wrap_helper_write_crN_x86_64(void* env, int index, std::uint64_t value);
void __wrap_helper_lmsw_x86_64(void* env, std::uint64_t value);
void __wrap_helper_set_dr_x86_64(void* env, int index, std::uint64_t value);
[[noreturn]] std::uint64_t __wrap_helper_rdrand_x86_64(void* env);
void __wrap_helper_syscall_x86_64(void* env, int length);
void __wrap_helper_sysenter_x86_64(void* env, int length);

int __wrap_gettimeofday(void* time, void* zone);

}  // extern "C"
