// What must be right about a scenario beyond the shape of its values, whoever made it: names
// resolve, VMs fit, things that exclude each other do not meet.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "scenarios/language/scenario.hpp"

namespace scenarios {

struct Mistake {
  std::string path;  ///< where: vms.web.memory, faults.0.when.phase
  std::string text;  ///< what is wrong, and what would be right
  /// Of a condition: how far into the text that stands there.
  std::optional<std::size_t> offset{};
};

/// The first mistake. A scenario without one can be built, run, written and read again. What is
/// under `vary` is not looked at (check_vary in values.hpp).
std::optional<Mistake> find_mistake(const Scenario& scenario);

}  // namespace scenarios
