// A process that holds one world and runs it from event to event as the front end asks. It stops
// inside the telling of an event, with the world's stack intact, and forks there: a fork is a
// checkpoint, and a look at the world is a fork too, so that looking cannot change anything.
//
// Requests and answers are JSON objects over a Wire, one answer per request:
//   {"do":"run", "index":N, "stops":[...], "violation":"", "note":bool, "slice_ms":N}
//       runs on. Answer: where and why it stopped (see answer_stop). `note`: matches of `stops` do
//       not stop it; the last one is told.
//   {"do":"where"}                       the same answer without running
//   {"do":"fork"} with a descriptor      a copy of this process serves the descriptor
//   {"do":"inspect", "words":[...]}, {"do":"memory"...}, {"do":"disassemble"...},
//   {"do":"properties"}, {"do":"events", "count":N}, {"do":"why"}
//       answer {"data":...}, {"text":...} or {"error":...}
#pragma once

#include <cstdint>

#include "scenarios/debug/wire.hpp"
#include "scenarios/runner/run.hpp"

namespace debugger {

/// Shared by all world processes of a session: how far the one that runs now has come, for the
/// case that it crashes.
struct Progress {
  std::uint64_t index = 0;
};

/// Builds the world, stops at its first event and serves until the other end is closed.
[[noreturn]] void serve_world(const scenarios::Recorded& run, Wire wire, Progress& progress);

}  // namespace debugger
