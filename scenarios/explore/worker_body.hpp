// What a worker process does: takes orders, runs worlds, reports. It knows the scenarios from the
// process that it was forked off.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "scenarios/explore/variation.hpp"
#include "scenarios/explore/workers.hpp"
#include "scenarios/language/scenario.hpp"

namespace scenarios {

struct WorkerSetup {
  const std::vector<Scenario>& scenarios;
  const std::vector<std::unique_ptr<Variations>>& variations;  ///< one per scenario
  const std::set<std::string, std::less<>>& plants;
};

/// Returns when the supervisor has closed the channel.
void work(const WorkerSetup& setup, Channel& channel);

}  // namespace scenarios
