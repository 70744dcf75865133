#include "scenarios/explore/points.hpp"

#include "scenarios/language/points.hpp"

namespace scenarios {

namespace {

std::vector<std::string> names_of(const std::vector<Point>& points) {
  std::vector<std::string> names;
  for (const Point& point : points) names.push_back(point.name);
  return names;
}

}  // namespace

const std::vector<std::string>& buggify_points() {
  static const std::vector<std::string> names = names_of(all_buggify_points());
  return names;
}

const std::vector<std::string>& sometimes_points() {
  static const std::vector<std::string> names = names_of(all_sometimes_points());
  return names;
}

}  // namespace scenarios
