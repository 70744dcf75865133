// Scenarios drawn by rapidcheck: valid ones, with something of everything.
#pragma once

#include "scenarios/language/scenario.hpp"

namespace scenarios::test {

/// To be called inside a property.
Scenario generated_scenario();

}  // namespace scenarios::test
