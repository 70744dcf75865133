// What a scenario expects, as checkers, and how it is judged when trouble goes beyond its budget.
#pragma once

#include <vector>

#include "checkers/checker.hpp"
#include "scenarios/language/scenario.hpp"

namespace scenarios {

/// The scenario's own faults go beyond its budget: what it promises to come about in the end may
/// then fail to. Such violations become unknown. The last findings are those of
/// expectation_checkers(), in its order.
void excuse_liveness(const Scenario& scenario, std::vector<checkers::Finding>& findings);

}  // namespace scenarios
