// Changes of a concrete scenario that exploration tries near a run which reached something new.
#pragma once

#include <cstdint>

#include "fault-injection/planner.hpp"
#include "scenarios/language/scenario.hpp"
#include "sim/kernel/random.hpp"

namespace scenarios {

/// What faults may aim at in a scenario.
faults::Stage stage_of(const Scenario& scenario);

/// The planned faults of a scenario behind those that its author wrote, as the planner has them.
std::vector<faults::Planned> planned_faults(const Scenario& scenario, std::size_t written);
void set_planned_faults(Scenario& scenario, std::size_t written,
                        const std::vector<faults::Planned>& plan);

/// Faults keep to the budget; a mutation that finds nothing to change leaves the scenario alone.
/// `written` faults are the author's own. A function of (random, mutant).
void mutate(Scenario& scenario, std::size_t written, const sim::Random& random,
            std::uint32_t mutant);

}  // namespace scenarios
