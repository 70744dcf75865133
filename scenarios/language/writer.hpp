// Writes a scenario as a file: every value that is not a default, in the order of the grammar.
// parse_scenario(write_scenario(s)) says the same as s.
#pragma once

#include <string>

#include "scenarios/language/scenario.hpp"

namespace scenarios {

/// YAML that parses to an equal scenario; `head` becomes comment lines at its top.
std::string write_scenario(const Scenario& scenario, const std::string& head = {});

}  // namespace scenarios
