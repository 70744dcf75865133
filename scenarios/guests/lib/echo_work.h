// Frames that are asked to come back: numbered requests, sent to whoever is on the network until
// somebody has answered and to that address from then on; answers to everybody else's requests. All
// of a frame follows from its number, its sender and the time at which it was sent, so whatever a
// network does to it shows.
#pragma once

#include "machine.h"

/// Needs the network. `interval` is between two requests, in reference time.
void echo_work_set_up(u64 seed, u64 interval, u64 now);
/// To be given what comes. Panics when a frame of ours is not as it was sent.
void echo_work_frame(const u8* frame, u32 bytes);
/// Does what is due; true when that was anything.
bool echo_work_poll(u64 now);
u64 echo_work_due(void);
/// No further request is sent. True once each one is answered or lost.
bool echo_work_finish(void);

struct echo_counts {
  u64 sent, answered;
  u64 lost;         ///< without an answer for ECHO_PATIENCE
  u64 again, late;  ///< answers that came twice, or after their time
  u64 gaps;         ///< runs of lost requests
  u64 others;       ///< requests of others that were answered
  u64 silence;      ///< longest time between two answers
};
extern struct echo_counts echo_counts;
