// Is this a Microsoft hypervisor, and what may we do here? All answers come from CPUID (spec B.1).
#pragma once

#include "machine.h"

/// Leaf 0x40000003: what the partition is allowed to use.
enum {
  MAY_READ_REFERENCE_COUNTER = 1 << 1,  // EAX
  MAY_USE_SYNIC = 1 << 2,
  MAY_USE_SYNTHETIC_TIMERS = 1 << 3,
  MAY_USE_HYPERCALLS = 1 << 5,
  MAY_READ_VP_INDEX = 1 << 6,
  MAY_USE_REFERENCE_TSC = 1 << 9,

  MAY_POST_MESSAGES = 1 << 4,  // EBX
  MAY_SIGNAL_EVENTS = 1 << 5,

  HAS_DIRECT_TIMERS = 1 << 19,  // EDX
};

/// Leaf 0x40000004: what the hypervisor recommends.
enum { DEPRECATES_AUTO_EOI = 1 << 9 };

struct hypervisor_info {
  bool present;  ///< a hypervisor that speaks the interface "Hv#1"
  char vendor[13];
  u32 highest_leaf;
  u32 msr_privileges;        ///< 0x40000003 EAX
  u32 hypercall_privileges;  ///< 0x40000003 EBX
  u32 features;              ///< 0x40000003 EDX
  u32 recommendations;       ///< 0x40000004 EAX
};

extern struct hypervisor_info hypervisor;

/// Fills `hypervisor`; returns whether one is present.
bool detect_hypervisor(void);
