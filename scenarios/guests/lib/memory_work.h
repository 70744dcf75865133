// Memory that is written in a stated pattern and checked on every visit: a page that a migration
// lost, or brought in an older state, is found by the guest itself.
#pragma once

#include "machine.h"

void memory_work_set_up(u64 first_page, u64 pages, u64 seed);
/// Chooses a page, checks that it holds what it was last given, and writes it anew.
void memory_work_write(void);
/// Checks every page.
void memory_work_verify_all(void);
u64 memory_work_writes(void);
