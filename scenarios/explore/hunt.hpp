// How hard each planted bug is to find: exploration with the plant on, from several disjoint ranges
// of seeds, each until its first finding. A measure of the search and of the checkers.
//
// A finding is the plant's when the same run without the plant does not violate the same property.
// What the run violates anyway is not the plant's doing: it is told of and searched past.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scenarios/explore/campaign.hpp"

namespace scenarios {

struct HuntOptions {
  std::uint64_t seeds = 20'000;  ///< runs that are tried in each range
  std::uint64_t ranges = 5;
  CampaignOptions campaign;  ///< jobs and limits; the rest is the hunt's
};

/// What a run violates with the plant and without it.
struct Unrelated {
  std::string scenario, run, property, explanation;
};

/// One plant in one range.
struct Chase {
  std::optional<std::uint64_t> runs;    ///< until it was found
  std::string scenario, run;            ///< that showed it
  std::vector<std::string> properties;  ///< that hold without the plant
  std::vector<Unrelated> unrelated;     ///< one for each scenario and property
};

struct Quarry {
  std::string plant, what, checker;
  std::vector<Chase> chases;

  std::uint64_t found() const;
  /// Runs needed; nothing when fewer than half of the ranges found it.
  std::optional<std::uint64_t> median() const;
  std::set<std::string> properties() const;
};

/// `told` is called after each chase; `stop` asks for the end.
std::vector<Quarry> hunt(const std::vector<Scenario>& scenarios,
                         const std::vector<std::string>& plants, const HuntOptions& options,
                         const std::function<void(const Quarry&)>& told,
                         const std::function<bool()>& stop);

}  // namespace scenarios
