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

namespace scenarios {

struct ShrinkOptions {
  std::set<std::string, std::less<>> plants;
  std::string property;  ///< must stay violated
  std::chrono::milliseconds limit{60'000};
  /// Called after every tried candidate; may be empty.
  std::function<void(std::uint64_t tried, std::size_t causes)> progress;
};

struct Shrunk {
  Scenario scenario;                ///< fails alone, without random choices of faults
  std::vector<std::string> causes;  ///< one line each: a fault, a decision, a step, a value
  std::uint64_t tried = 0;
  bool minimal = false;  ///< nothing more can be dropped; false when the time ran out
  /// The last instant from which healing everything still avoids the violation; nullopt when the
  /// violation was inevitable from the start.
  std::optional<sim::Time> critical;
};

Shrunk shrink(const Scenario& failing, const ShrinkOptions& options);

}  // namespace scenarios
