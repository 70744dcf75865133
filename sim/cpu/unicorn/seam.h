// The seam between the project and the emulator library: plain C types and functions.
//
// The library leaves its functions by longjmp, so nothing here may throw and no object with a
// destructor may be alive while a call is inside the library. Another build of the emulator takes
// the place of this one by implementing these functions.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define UM_NOEXCEPT noexcept
#else
#define UM_NOEXCEPT
#endif

typedef struct um_machine um_machine;

enum um_access { UM_READ = 0, UM_WRITE = 1, UM_EXECUTE = 2 };
enum um_page_kind { UM_RAM = 0, UM_MMIO = 1, UM_UNMAPPED = 2 };
enum um_stop { UM_LIMIT = 0, UM_HALT = 1, UM_SHUTDOWN = 2, UM_INTERCEPT = 3, UM_FAILURE = 4 };

/// What stands at a guest physical page. `rights` has bit 1 << um_access for each right.
typedef struct um_page {
  uint64_t frame;
  uint8_t kind;
  uint8_t rights;
  uint8_t report_store;
} um_page;

typedef struct um_cpuid {
  uint32_t eax, ebx, ecx, edx;
} um_cpuid;

typedef struct um_hypercall {
  uint64_t rax, rbx, rcx, rdx, rsi, rdi, r8;
  uint8_t long_mode;
  uint8_t repeat;
} um_hypercall;

/// The outside world. Every function gets `user` first. Functions that return int answer whether
/// the access exists (0 means #GP), except acknowledge: 1 when `*vector` is valid.
typedef struct um_bus {
  void* user;
  void (*page)(void* user, uint64_t gpfn, int access, um_page* out);
  uint64_t (*map_generation)(void* user);
  void (*page_stored)(void* user, uint64_t frame);
  void (*memory_intercept)(void* user, uint64_t gpa, uint64_t linear, int access);
  uint32_t (*port_in)(void* user, uint16_t port, unsigned bytes);
  void (*port_out)(void* user, uint16_t port, unsigned bytes, uint32_t value);
  uint64_t (*mmio_read)(void* user, uint64_t gpa, unsigned bytes);
  void (*mmio_write)(void* user, uint64_t gpa, unsigned bytes, uint64_t value);
  int (*rdmsr)(void* user, uint32_t msr, uint64_t* value);
  int (*wrmsr)(void* user, uint32_t msr, uint64_t value);
  void (*cpuid)(void* user, uint32_t leaf, uint32_t subleaf, um_cpuid* out);
  void (*hypercall)(void* user, um_hypercall* registers);
  uint64_t (*tsc)(void* user);
  int (*acknowledge)(void* user, uint8_t* vector);
  void (*write_cr8)(void* user, uint64_t value);
  uint64_t (*read_cr8)(void* user);
} um_bus;

typedef struct um_segment {
  uint64_t base;
  uint32_t limit;
  uint32_t attributes;  // high dword of the descriptor, base and limit bits cleared
  uint16_t selector;
} um_segment;

/// Segment order of the architecture's encoding: es cs ss ds fs gs, then ldtr and tr.
typedef struct um_registers {
  uint64_t gpr[16];
  uint64_t rip, rflags;
  uint64_t cr0, cr2, cr3, cr4, efer;
  um_segment segment[8];
  uint64_t gdt_base, idt_base;
  uint32_t gdt_limit, idt_limit;
} um_registers;

/// Whether there is address space for another machine, or for the self-check.
int um_has_room(void) UM_NOEXCEPT;

/// NULL when the linked library is the expected one, else the reason in one line (static storage).
const char* um_self_check(void) UM_NOEXCEPT;

/// `storage` holds `frames` pages of 4096 bytes and outlives the machine, as `bus` does.
um_machine* um_open(uint8_t* storage, uint64_t frames, const um_bus* bus) UM_NOEXCEPT;
void um_close(um_machine* machine) UM_NOEXCEPT;
/// How much room translated code has, from the beginning on.
void um_limit_code(um_machine* machine, uint64_t bytes) UM_NOEXCEPT;

/// Runs until `um_executed` has grown by `max`; returns an um_stop.
int um_run(um_machine* machine, uint64_t max) UM_NOEXCEPT;
uint64_t um_executed(const um_machine* machine) UM_NOEXCEPT;
void um_limit_to(um_machine* machine, uint64_t executed_total) UM_NOEXCEPT;
/// Ends the run with UM_FAILURE after the current instruction (`text` is copied).
void um_fail(um_machine* machine, const char* text) UM_NOEXCEPT;
const char* um_failure(const um_machine* machine) UM_NOEXCEPT;

void um_set_line(um_machine* machine, int asserted) UM_NOEXCEPT;
int um_halted(const um_machine* machine) UM_NOEXCEPT;
int um_interruptible(const um_machine* machine) UM_NOEXCEPT;

void um_get_registers(const um_machine* machine, um_registers* out) UM_NOEXCEPT;
void um_set_registers(um_machine* machine, const um_registers* in) UM_NOEXCEPT;

/// Size of a saved state, the same for every machine of this version.
size_t um_state_size(void) UM_NOEXCEPT;
void um_save(const um_machine* machine, uint8_t* out) UM_NOEXCEPT;
/// 0 when the bytes are not a state of this version; the machine is unchanged then.
int um_restore(um_machine* machine, const uint8_t* in, size_t size) UM_NOEXCEPT;

void um_forget_code(um_machine* machine, uint64_t frame) UM_NOEXCEPT;
/// 1 and the physical address, or 0 when the page tables do not map `linear`.
int um_translate(const um_machine* machine, uint64_t linear, uint64_t* gpa) UM_NOEXCEPT;

#ifdef __cplusplus
}
#endif
