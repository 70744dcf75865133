#include "hypercall.h"

#include "console.h"

/// Bits 63:48 = 0x8100: open source, OS type in 62:56, version and build below. A kernel puts its
/// version here; ours is 1.
#define GUEST_OS_ID (0x8100ull << 48 | 1ull << 16)

enum { HYPERCALL_ENABLE = 1 };

/// The hypervisor lays its own page over this one: whatever we put here is hidden until the
/// overlay is switched off.
static u8 hypercall_page[PAGE_SIZE] PAGE_ALIGNED;

struct post_message_input {
  u32 connection;
  u32 reserved;
  u32 type;
  u32 bytes;
  u8 payload[MESSAGE_PAYLOAD];
};
_Static_assert(sizeof(struct post_message_input) == 256, "TLFS HvPostMessage input");

/// Input must be 8-byte aligned and inside one page; an object aligned to its size always is.
static struct post_message_input message_input __attribute__((aligned(256)));

u64 hypercall_page_address(void) { return (u64)hypercall_page; }

void hypercall_set_up(void) {
  // Order matters: while GUEST_OS_ID is zero the enable bit is ignored.
  wrmsr(MSR_GUEST_OS_ID, GUEST_OS_ID);
  wrmsr(MSR_HYPERCALL, (u64)hypercall_page | HYPERCALL_ENABLE);
  if (!(rdmsr(MSR_HYPERCALL) & HYPERCALL_ENABLE)) panic("the hypercall page stays off");
}

u64 hypercall(u64 control, u64 input, u64 output) {
  // We do not know whether this processor wants VMCALL or VMMCALL: the page does.
  u64 result;
  register u64 r8 __asm__("r8") = output;
  __asm__ volatile("call *%[page]"
                   : "=a"(result), "+c"(control), "+d"(input), "+r"(r8)
                   : [page] "r"(hypercall_page)
                   : "r9", "r10", "r11", "memory", "cc");
  return result;
}

u16 post_message(u32 connection, u32 type, const void* payload, u32 bytes) {
  message_input.connection = connection;
  message_input.reserved = 0;
  message_input.type = type;
  message_input.bytes = bytes;
  memcpy(message_input.payload, payload, bytes);
  return hypercall_status(hypercall(CALL_POST_MESSAGE, (u64)&message_input, 0));
}

u16 signal_event(u32 connection, u16 flag) {
  return hypercall_status(
      hypercall(CALL_SIGNAL_EVENT | CALL_FAST, connection | (u64)flag << 32, 0));
}
