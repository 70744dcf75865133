// Synthetic timer 0 as an alarm clock: one shot at an absolute reference time (spec B.9).
#pragma once

#include "machine.h"

void timer_set_up(void);
/// Replaces an earlier alarm. A time in the past rings at once.
void timer_alarm(u64 when);
/// Frees the timer's message slot after it rang, so that it can ring again.
void timer_poll(void);
/// When the timer last rang: the time that it was programmed for. 0 before.
u64 timer_last_expiration(void);
