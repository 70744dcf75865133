// What can be left out of a scenario or said more simply: each function makes the candidates of one
// kind, the boldest first. A candidate may be nonsense; the parser says so.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "scenarios/language/scenario.hpp"

namespace scenarios {

/// Offers a candidate; true when it was taken and is now the scenario to go on from.
using Offer = std::function<bool(Scenario candidate)>;

/// One kind of candidates. `offer` is called for each of `scenario` until one is taken; true then.
struct Pass {
  const char* name;
  bool (*run)(const Scenario& scenario, const Offer& offer);
};

/// In the order in which they are worth trying.
const std::vector<Pass>& passes();

/// A list's entries can be counted and described as causes.
std::vector<std::string> causes_of(const Scenario& scenario);
std::size_t count_causes(const Scenario& scenario);

}  // namespace scenarios
