// The points of trouble that product code names: where a scenario's `buggify` can invite some, and
// which rare moments `sometimes` are worth reaching. By name, as tables of the libraries say.
#pragma once

#include <string>
#include <vector>

namespace scenarios {

/// Sorted.
const std::vector<std::string>& buggify_points();
const std::vector<std::string>& sometimes_points();

}  // namespace scenarios
