// The integration components besides the heartbeat (spec D.3): the host tells the time, asks for a
// shutdown, gives and reads key-value pairs, and brings the disk to rest for a backup. Each is used
// if the host offers it.
#pragma once

#include "machine.h"

/// How many of them the host offers.
u32 services_set_up(void);
bool services_poll(void);

u64 services_time_sets(void);   ///< times that the host ordered the clock to be set
u64 services_requests(void);    ///< all that the host asked
bool services_want_end(void);   ///< the host asked for a shutdown, and we agreed
bool services_want_rest(void);  ///< nothing may be written until this is false again
/// The disk is at rest: to be said once after services_want_rest() has become true.
void services_at_rest(void);
/// When it must be looked at again although nobody calls.
u64 services_due(void);
