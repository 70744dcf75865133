#include "synic.h"

#include "console.h"
#include "detect.h"
#include "interrupts.h"

enum {
  MSR_SCONTROL = 0x40000080,
  MSR_SIEFP = 0x40000082,
  MSR_SIMP = 0x40000083,
  MSR_EOM = 0x40000084,
  MSR_SINT0 = 0x40000090,

  SYNIC_ENABLE = 1,
  SINT_AUTO_EOI = 1 << 17,
  MESSAGE_PENDING = 1,  // in synic_message.flags: more wait behind this one
};

/// One slot of 256 bytes per interrupt source. Like the hypercall page, both are overlays.
static struct synic_message message_page[16] PAGE_ALIGNED;
static u32 event_page[16][64] PAGE_ALIGNED;

static void set_up_source(unsigned sint, unsigned vector) {
  wrmsr(MSR_SINT0 + sint, vector | SINT_AUTO_EOI);
}

void synic_set_up(void) {
  if (!(hypervisor.msr_privileges & MAY_USE_SYNIC)) panic("the partition may not use the SynIC");
  // Auto-EOI spares us a driver for the virtual APIC. A hypervisor may advise against it; then
  // every handler would have to write an EOI.
  if (hypervisor.recommendations & DEPRECATES_AUTO_EOI) panic("auto-EOI is deprecated here");
  wrmsr(MSR_SIMP, (u64)message_page | SYNIC_ENABLE);
  wrmsr(MSR_SIEFP, (u64)event_page | SYNIC_ENABLE);
  set_up_source(SINT_VMBUS, VECTOR_VMBUS);
  set_up_source(SINT_TIMER, VECTOR_TIMER);
  wrmsr(MSR_SCONTROL, SYNIC_ENABLE);
}

bool synic_take_message(unsigned sint, struct synic_message* message) {
  volatile struct synic_message* slot = &message_page[sint];
  // The hypervisor writes the type last: once it is set, the rest is there.
  if (slot->type == MESSAGE_NONE) return false;
  acquire_barrier();
  *message = *(struct synic_message*)slot;

  // The receiver's duty, in this order: free the slot, barrier, and only then ask whether more
  // messages wait. Asked earlier, the answer may be "no" just before another message is queued
  // behind a slot that still looks full: nobody would ever deliver it.
  slot->type = MESSAGE_NONE;
  full_barrier();
  if (slot->flags & MESSAGE_PENDING) wrmsr(MSR_EOM, 0);
  return true;
}

u32 synic_take_flags(unsigned sint, unsigned group) {
  u32* flags = &event_page[sint][group];
  if (__atomic_load_n(flags, __ATOMIC_RELAXED) == 0) return 0;
  // One indivisible step: a flag set meanwhile is either in the result or still in the page.
  return __atomic_exchange_n(flags, 0, __ATOMIC_SEQ_CST);
}
