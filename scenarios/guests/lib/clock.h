// Partition reference time in units of 100 ns (spec B.8). It stands still while the hypervisor
// holds the whole partition: a migration's blackout is invisible in it.
#pragma once

#include "machine.h"

enum { TICKS_PER_US = 10, TICKS_PER_MS = 10000 };

void clock_set_up(void);
u64 clock_now(void);
