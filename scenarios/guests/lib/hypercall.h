// Calling the hypervisor: say who we are, get a page with the right instruction in it, and call it
// (spec B.2, B.3).
#pragma once

#include "machine.h"

enum {
  MSR_GUEST_OS_ID = 0x40000000,
  MSR_HYPERCALL = 0x40000001,
  MSR_VP_INDEX = 0x40000002,
};

/// Status codes that guests here tell apart (spec B.4).
enum {
  HV_SUCCESS = 0x0000,
  HV_INVALID_HYPERCALL_CODE = 0x0002,
  HV_INVALID_HYPERCALL_INPUT = 0x0003,
  HV_INVALID_ALIGNMENT = 0x0004,
  HV_INVALID_PARAMETER = 0x0005,
  HV_ACCESS_DENIED = 0x0006,
  HV_INSUFFICIENT_MEMORY = 0x000B,
  HV_INVALID_PORT_ID = 0x0011,
  HV_INVALID_CONNECTION_ID = 0x0012,
  HV_INSUFFICIENT_BUFFERS = 0x0013,
};

enum {
  CALL_NOTIFY_LONG_SPIN_WAIT = 0x0008,
  CALL_POST_MESSAGE = 0x005C,
  CALL_SIGNAL_EVENT = 0x005D
};

enum { CALL_FAST = 1 << 16 };  // parameters in registers instead of a page

#define MESSAGE_PAYLOAD 240

/// Reports an open-source guest OS and switches the hypercall page on.
void hypercall_set_up(void);
u64 hypercall_page_address(void);

/// Input and output are guest physical addresses (or, for fast calls, the parameters themselves).
/// Returns the whole result: status in bits 15:0.
u64 hypercall(u64 control, u64 input, u64 output);
static inline u16 hypercall_status(u64 result) { return (u16)result; }

/// Slow form: the message travels in an aligned page of memory. Returns the status.
u16 post_message(u32 connection, u32 type, const void* payload, u32 bytes);
/// Fast form: both parameters fit into a register.
u16 signal_event(u32 connection, u16 flag);
