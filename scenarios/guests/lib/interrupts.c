// Handlers are C functions with the compiler's `interrupt` attribute: it saves the registers it
// uses and returns with IRET. They only note that something happened; the work is done by the main
// loop, so no handler ever races with it.
#include "interrupts.h"

#include "console.h"

#define CODE_SELECTOR 0x08
#define TSS_SELECTOR 0x10
#define INTERRUPT_GATE 0x8E /* present, ring 0, 64-bit interrupt gate: enters with IF clear */
#define VECTORS 256

struct gate {
  u16 offset_low, selector;
  u8 ist, type;
  u16 offset_middle;
  u32 offset_high, reserved;
};

struct __attribute__((packed)) table_pointer {
  u16 limit;
  u64 base;
};

/// The 64-bit TSS holds no task, only stacks. IST 1 serves the double fault, so that a broken
/// stack pointer still ends in a message and not in a triple fault.
struct __attribute__((packed)) task_state {
  u32 reserved0;
  u64 rsp[3], reserved1, ist[7], reserved2;
  u16 reserved3, io_map;
};

static u64 gdt[4];
static struct gate idt[VECTORS];
static struct task_state tss;
static u8 double_fault_stack[4096] __attribute__((aligned(16)));

static volatile bool woken;
static volatile u64 taken[2];
static volatile u64 fault_resume;  // where to go on after an expected fault; 0: none is expected
static volatile bool fault_seen;

typedef volatile struct interrupt_frame frame_t;

static void report(unsigned vector, frame_t* frame, u64 error) {
  u64 cr2;
  __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
  cli();
  print("PANIC: exception ");
  print_u64(vector);
  print(" error ");
  print_hex(error);
  print(" at ");
  print_hex(frame->rip);
  print(" address ");
  print_hex(cr2);
  print("\n");
  guest_exit(1);
}

static void fault(unsigned vector, frame_t* frame, u64 error) {
  if (fault_resume == 0) report(vector, frame, error);
  fault_seen = true;
  frame->rip = fault_resume;
}

#define EXCEPTION(number)                                                                \
  __attribute__((interrupt)) static void exception_##number(struct interrupt_frame* f) { \
    report(number, f, 0);                                                                \
  }
#define EXCEPTION_WITH_CODE(number, then)                                                       \
  __attribute__((interrupt)) static void exception_##number(struct interrupt_frame* f, u64 e) { \
    then(number, f, e);                                                                         \
  }

EXCEPTION(0)                     // divide error
EXCEPTION(1)                     // debug
EXCEPTION(2)                     // NMI
EXCEPTION(3)                     // breakpoint
EXCEPTION(6)                     // invalid opcode
EXCEPTION(7)                     // no FPU
EXCEPTION_WITH_CODE(8, report)   // double fault
EXCEPTION_WITH_CODE(10, report)  // invalid TSS
EXCEPTION_WITH_CODE(11, report)  // segment not present
EXCEPTION_WITH_CODE(12, report)  // stack fault
EXCEPTION_WITH_CODE(13, fault)   // general protection
EXCEPTION_WITH_CODE(14, fault)   // page fault

// SINTs are programmed auto-EOI (spec B.7): the virtual APIC keeps no in-service bit, so there is
// no end-of-interrupt to write.
__attribute__((interrupt)) static void vmbus_interrupt(struct interrupt_frame* f) {
  (void)f;
  woken = true;
  taken[0] = taken[0] + 1;
}

__attribute__((interrupt)) static void timer_interrupt(struct interrupt_frame* f) {
  (void)f;
  woken = true;
  taken[1] = taken[1] + 1;
}

static void set_gate(unsigned vector, void* handler, u8 ist) {
  u64 offset = (u64)handler;
  idt[vector] = (struct gate){.offset_low = (u16)offset,
                              .selector = CODE_SELECTOR,
                              .ist = ist,
                              .type = INTERRUPT_GATE,
                              .offset_middle = (u16)(offset >> 16),
                              .offset_high = (u32)(offset >> 32)};
}

static void set_up_gdt(void) {
  u64 base = (u64)&tss;
  gdt[1] = 0x00AF9B000000FFFFull;  // code, 64-bit, ring 0
  // An available 64-bit TSS takes two entries: limit and base are scattered over them.
  gdt[2] = (sizeof tss - 1) | (base & 0xFFFFFF) << 16 | 0x89ull << 40 | (base >> 24 & 0xFF) << 56;
  gdt[3] = base >> 32;
  tss.ist[0] = (u64)(double_fault_stack + sizeof double_fault_stack);
  tss.io_map = sizeof tss;
  struct table_pointer pointer = {sizeof gdt - 1, (u64)gdt};
  __asm__ volatile("lgdt %0" ::"m"(pointer));
  __asm__ volatile("ltr %w0" ::"r"(TSS_SELECTOR));
}

void interrupts_set_up(void) {
  set_up_gdt();
  set_gate(0, exception_0, 0);
  set_gate(1, exception_1, 0);
  set_gate(2, exception_2, 0);
  set_gate(3, exception_3, 0);
  set_gate(6, exception_6, 0);
  set_gate(7, exception_7, 0);
  set_gate(8, exception_8, 1);
  set_gate(10, exception_10, 0);
  set_gate(11, exception_11, 0);
  set_gate(12, exception_12, 0);
  set_gate(13, exception_13, 0);
  set_gate(14, exception_14, 0);
  set_gate(VECTOR_VMBUS, vmbus_interrupt, 0);
  set_gate(VECTOR_TIMER, timer_interrupt, 0);
  struct table_pointer pointer = {sizeof idt - 1, (u64)idt};
  __asm__ volatile("lidt %0" ::"m"(pointer));
}

void wake_clear(void) { woken = false; }

void sleep_until_wake(void) {
  // Between the look at `woken` and HLT no interrupt may be taken, or the processor would sleep on
  // what it was just told. `sti; hlt` opens the gate only once HLT has begun.
  cli();
  if (woken) {
    sti();
  } else {
    sti_hlt();
  }
}

u64 interrupts_taken(unsigned vector) { return taken[vector - VECTOR_VMBUS]; }

__attribute__((noinline)) bool raises_fault(void (*action)(u64), u64 argument) {
  static volatile u64 stack;
  fault_seen = false;
  // The fault's handler returns to label 1. By then `action` may have changed any register, so the
  // ones that a function must preserve wait on the stack, and the stack pointer in memory.
  __asm__ volatile(
      "push %%rbx; push %%rbp; push %%r12; push %%r13; push %%r14; push %%r15\n\t"
      "movq %%rsp, %[stack]\n\t"
      "movq $1f, %[resume]\n\t"
      "call *%%rax\n\t"
      "1:\n\t"
      "movq $0, %[resume]\n\t"
      "movq %[stack], %%rsp\n\t"
      "pop %%r15; pop %%r14; pop %%r13; pop %%r12; pop %%rbp; pop %%rbx"
      : "+a"(action), "+D"(argument)
      : [stack] "m"(stack), [resume] "m"(fault_resume)
      : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
  return fault_seen;
}
