// A scenario's budget of faults in the planner's terms: one translation for those who plan within
// it and those who judge by it.
#pragma once

#include "fault-injection/planner.hpp"
#include "scenarios/language/scenario.hpp"

namespace scenarios {

/// The scenario's budget; without one, no faults.
faults::Budget budget_of(const Scenario& scenario);

}  // namespace scenarios
