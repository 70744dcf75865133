// Descriptor tables and interrupts: who is called when, and how a processor sleeps without missing
// its wake-up.
#pragma once

#include "machine.h"

/// What the processor pushes when it enters a handler in 64-bit mode.
struct interrupt_frame {
  u64 rip, cs, rflags, rsp, ss;
};

/// Vectors of ours. Hyper-V lets the guest choose any from 16 up; below 32 are exceptions.
enum { VECTOR_VMBUS = 0x50, VECTOR_TIMER = 0x51 };

/// Loads GDT, TSS and IDT. Interrupts stay off until the first sleep.
void interrupts_set_up(void);

/// Sleeping without a race. Call wake_clear(), look for work, and if there is none sleep_until_wake
/// (): an interrupt that came after wake_clear() makes it return at once.
void wake_clear(void);
void sleep_until_wake(void);

/// Interrupts taken so far on a vector of ours.
u64 interrupts_taken(unsigned vector);

/// Runs `action(argument)` and says whether it raised #GP or #PF, instead of panicking. A program
/// that tests what it must not do needs this.
bool raises_fault(void (*action)(u64), u64 argument);
