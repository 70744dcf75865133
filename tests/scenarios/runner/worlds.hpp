// Small scenarios for tests, as text, and the way to run them.
#pragma once

#include <string>

#include "scenarios/runner/run.hpp"

namespace worlds {

/// Milliseconds in `moving_worker`: short enough for many runs.
struct Pace {
  int end = 600;
  int move = 60;  ///< when the VM is moved
  int heartbeat = 50;
  int patience = 50;  ///< for a connection; the other time-outs are in proportion
};

/// Two hosts, one worker VM, one move. `faults` is appended under `faults:` when not empty.
std::string moving_worker(const std::string& faults = "", const Pace& pace = {});

scenarios::Outcome run(const std::string& text, std::uint64_t seed, const std::string& plant = "");

/// All findings that do not hold, one per line; empty when all hold. Left out is only the twin of a
/// VM that died before anything of it could be compared.
std::string complaints(const scenarios::Outcome& outcome);
bool violated(const scenarios::Outcome& outcome, const std::string& property);

/// How many runs a sweep makes: 200, or what HVSIM_SWEEP says (the sanitizer build makes fewer).
int sweep();

}  // namespace worlds
