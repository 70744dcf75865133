// The synthetic interrupt controller: messages and event flags from the hypervisor (spec B.7).
#pragma once

#include "machine.h"

/// Interrupt sources that we use. VMBus is always 2; a source of its own for the timer keeps its
/// messages out of VMBus's slot.
enum { SINT_VMBUS = 2, SINT_TIMER = 3 };

enum { MESSAGE_NONE = 0, MESSAGE_VMBUS = 1, MESSAGE_TIMER_EXPIRED = 0x80000010u };

struct synic_message {
  u32 type;
  u8 bytes;
  u8 flags;
  u16 reserved;
  u64 origin;
  u8 payload[240];
};
_Static_assert(sizeof(struct synic_message) == 256, "TLFS message slot");

/// Message page, event page, both interrupt sources, and the switch.
void synic_set_up(void);

/// Takes the message out of a source's slot; false when the slot is empty.
bool synic_take_message(unsigned sint, struct synic_message* message);
/// Takes 32 event flags at once, those from 32 * `group` up, and clears them.
u32 synic_take_flags(unsigned sint, unsigned group);
