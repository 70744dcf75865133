// Small scenarios for tests, as text, and the way to run them.
#pragma once

#include <string>

#include "scenarios/runner/run.hpp"

namespace worlds {

/// Two hosts, one worker VM, one move at 60 ms; time-outs short enough for many runs. `faults` is
/// appended under `faults:` when not empty.
std::string moving_worker(const std::string& faults = "");

scenarios::Outcome run(const std::string& text, std::uint64_t seed, const std::string& plant = "");

/// All findings that do not hold, one per line; empty when all hold. Left out is only the twin of a
/// VM that died before anything of it could be compared.
std::string complaints(const scenarios::Outcome& outcome);
bool violated(const scenarios::Outcome& outcome, const std::string& property);

/// How many runs a sweep makes: 200, or what HVSIM_SWEEP says (the sanitizer build makes fewer).
int sweep();

}  // namespace worlds
