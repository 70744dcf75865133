// The heartbeat integration component: the host sends a number, we send it back plus one
// (spec D.3).
#pragma once

#include "machine.h"

/// False when the host offers no heartbeat.
bool heartbeat_set_up(void);
/// Answers what has come; true when there was anything.
bool heartbeat_poll(void);
u64 heartbeat_answers(void);
