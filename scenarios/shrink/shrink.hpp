// From a concrete scenario that violates a property to the smallest that still does: few causes
// that a person can read, and the instant after which nothing could have helped.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scenarios/language/scenario.hpp"
#include "scenarios/shrink/critical_instant.hpp"

namespace scenarios {

struct ShrinkOptions {
  std::set<std::string, std::less<>> plants;
  /// Must stay violated: a property's name, or `crash` or `hang` of the process itself.
  std::string property;
  std::chrono::milliseconds limit{60'000};
  /// Whether to look for the critical instant too, which takes some twenty runs more.
  bool critical_instant = true;
  /// Called after every tried candidate; may be empty.
  std::function<void(std::uint64_t tried, std::size_t causes)> progress;
};

struct Shrunk {
  Scenario scenario;  ///< fails alone, without random choices of faults; its text is a whole file
  std::vector<std::string> causes;  ///< one line each: a fault, a decision, a step, a value
  std::string explanation;          ///< what the property says about the smallest run
  std::uint64_t tried = 0;          ///< candidates that were run
  bool minimal = false;             ///< nothing more can be dropped; false when the time ran out
  /// The last instant from which healing everything still avoids the violation; nullopt when the
  /// violation was inevitable from the start, time ran out, or nobody asked.
  std::optional<sim::Time> critical;
  CriticalInstant instant;  ///< the same with the events around it
};

/// Deterministic unless the time limit strikes. Candidates run in forked children, one at a time.
/// Throws UserError when the scenario does not violate the property to begin with.
Shrunk shrink(const Scenario& failing, const ShrinkOptions& options);

}  // namespace scenarios
