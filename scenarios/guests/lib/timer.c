#include "timer.h"

#include "console.h"
#include "detect.h"
#include "interrupts.h"
#include "synic.h"

enum {
  MSR_STIMER0_CONFIG = 0x400000B0,
  MSR_STIMER0_COUNT = 0x400000B1,
  STIMER_AUTO_ENABLE = 1 << 3,
  STIMER_DIRECT = 1 << 12,
};

struct timer_payload {
  u32 timer;
  u32 reserved;
  u64 expiration;
  u64 delivery;
};

static u64 alarm;  // what COUNT holds while the timer is armed, 0 otherwise
static u64 last_expiration;
static bool direct;

void timer_set_up(void) {
  if (!(hypervisor.msr_privileges & MAY_USE_SYNTHETIC_TIMERS)) {
    panic("the partition may not use synthetic timers");
  }
  // With auto-enable each write of COUNT arms the timer: one exit per alarm instead of two. In
  // direct mode the timer raises its vector without a message; older hosts know messages only.
  direct = (hypervisor.features & HAS_DIRECT_TIMERS) != 0;
  u64 config = direct ? STIMER_DIRECT | VECTOR_TIMER << 4 : (u64)SINT_TIMER << 16;
  wrmsr(MSR_STIMER0_CONFIG, config | STIMER_AUTO_ENABLE);
}

void timer_alarm(u64 when) {
  if (alarm == when) return;
  alarm = when;
  wrmsr(MSR_STIMER0_COUNT, when);
}

void timer_poll(void) {
  if (direct) {
    static u64 seen;
    if (interrupts_taken(VECTOR_TIMER) == seen) return;
    seen = interrupts_taken(VECTOR_TIMER);
    last_expiration = alarm;
    alarm = 0;
    return;
  }
  struct synic_message message;
  while (synic_take_message(SINT_TIMER, &message)) {
    if (message.type != MESSAGE_TIMER_EXPIRED)
      panic_value("message on the timer's source:", message.type);
    const struct timer_payload* payload = (const struct timer_payload*)message.payload;
    if (payload->delivery < payload->expiration) panic("a timer rang before its time");
    last_expiration = payload->expiration;
    if (payload->expiration == alarm) alarm = 0;
  }
}

u64 timer_last_expiration(void) { return last_expiration; }
