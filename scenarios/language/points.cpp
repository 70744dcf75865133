#include "scenarios/language/points.hpp"

#include <algorithm>

#include "hypervisor/core/points.hpp"
#include "hypervisor/management/points.hpp"
#include "hypervisor/migration/points.hpp"
#include "hypervisor/storage/points.hpp"
#include "hypervisor/vmbus/points.hpp"
#include "hypervisor/vsp/points.hpp"
#include "sim/disk/points.hpp"

namespace scenarios {

namespace {

template <class... Lists>
std::vector<Point> gathered(const Lists&... lists) {
  std::vector<Point> all;
  const auto add = [&all](const auto& list) {
    for (const sim::PointInfo& point : list) all.push_back({point.name, point.what});
  };
  (add(lists), ...);
  std::sort(all.begin(), all.end(), [](const Point& a, const Point& b) { return a.name < b.name; });
  return all;
}

}  // namespace

const std::vector<Point>& all_buggify_points() {
  static const std::vector<Point> all = gathered(
      hv::points::kBuggify, vmbus::kBuggifyPoints, vsp::kBuggifyPoints, storage::kBuggifyPoints,
      migration::kBuggifyPoints, management::kBuggifyPoints, sim::disk::kBuggifyPoints);
  return all;
}

const std::vector<Point>& all_sometimes_points() {
  static const std::vector<Point> all =
      gathered(hv::points::kSometimes, vmbus::kSometimesPoints, vsp::kSometimesPoints,
               migration::kSometimesPoints);
  return all;
}

}  // namespace scenarios
