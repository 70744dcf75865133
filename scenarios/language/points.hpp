// The named places of all libraries: where a scenario's `buggify` can invite trouble, and the rare
// moments that `sometimes.reached` tells of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace scenarios {

struct Point {
  std::string name, what;
};

/// Sorted by name.
const std::vector<Point>& all_buggify_points();
const std::vector<Point>& all_sometimes_points();

}  // namespace scenarios
