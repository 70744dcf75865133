// One candidate of a shrinking, run in a child of its own: what it violates, and what it drew.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "scenarios/language/scenario.hpp"
#include "traces/time.hpp"

namespace scenarios {

using PlantSet = std::set<std::string, std::less<>>;

/// Names that stand for the end of the process itself where properties are named.
inline constexpr const char* kCrash = "crash";
inline constexpr const char* kHang = "hang";

struct Violation {
  std::string property;
  std::string explanation;
  std::uint64_t event = 0;  ///< that decided; 0 when none did
  traces::Time time{};
  friend bool operator==(const Violation&, const Violation&) = default;
};

struct Judged {
  std::vector<Violation> violations;
  std::vector<DecisionSpec> decisions;  ///< random choices of faults that came out as "it happens"
  traces::Time end{};
  std::chrono::milliseconds took{};

  /// nullptr when that property is not violated.
  const Violation* find(const std::string& property) const;
};

/// Runs the scenario's own seed. Second worlds are run only for the property that needs them, or
/// for all when `property` is empty.
Judged judge(const Scenario& scenario, const PlantSet& plants, const std::string& property,
             std::chrono::milliseconds limit);

}  // namespace scenarios
