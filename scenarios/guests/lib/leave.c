// Leaving the bus in order: the host lets go of all channels and says so.
#include "console.h"
#include "hypercall.h"
#include "interrupts.h"
#include "synic.h"
#include "vmbus_internal.h"

enum { VMBUS_UNLOAD = 16, VMBUS_UNLOAD_RESPONSE = 17, VERSION_3_0 = 0x00030000 };

/// From here on nobody else looks at messages.
static void await_message(u32 type) {
  static struct synic_message message;
  for (;;) {
    wake_clear();
    while (synic_take_message(SINT_VMBUS, &message)) {
      const struct vmbus_header* header = (const struct vmbus_header*)message.payload;
      if (message.type == MESSAGE_VMBUS && header->type == type) return;
    }
    sleep_until_wake();
  }
}

void vmbus_leave(void) {
  if (vmbus_version() >= VERSION_3_0) {
    struct vmbus_header unload = {VMBUS_UNLOAD, 0};
    vmbus_send(&unload, sizeof unload);
    return await_message(VMBUS_UNLOAD_RESPONSE);
  }
  // Older hosts know no such word. A new contact has the same effect: what was is forgotten.
  struct vmbus_initiate_contact contact = {
      .header.type = VMBUS_INITIATE_CONTACT,
      .version = vmbus_version(),
      .target_vp = (u32)rdmsr(MSR_VP_INDEX),
  };
  vmbus_send(&contact, sizeof contact);
  await_message(VMBUS_VERSION_RESPONSE);
}
