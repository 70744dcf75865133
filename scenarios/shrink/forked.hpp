// Work done in a forked child, so that a crash or an endless loop of it is an answer and harms
// nobody. The child is single-threaded, sees memory as it was, and has a pipe to answer through.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace scenarios {

struct Forked {
  enum class End { Answered, Crashed, TimedOut };
  End end = End::Answered;
  std::string text;  ///< Answered: what the work returned. Crashed: how, and its last words
};

/// Runs `work` in a child and waits for it, at most `limit`. What the child prints is kept from the
/// terminal. An exception of the work counts as a crash. Throws std::runtime_error when the machine
/// has no process or descriptor left.
Forked run_forked(const std::function<std::string()>& work, std::chrono::milliseconds limit);

}  // namespace scenarios
