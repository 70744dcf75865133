#include "scenarios/explore/hunt.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <utility>

#include "scenarios/explore/variation.hpp"
#include "scenarios/runner/run.hpp"
#include "scenarios/shrink/judge.hpp"

namespace scenarios {

namespace {

/// A world that has not ended after this long without the plant will not.
constexpr std::chrono::milliseconds kAlone{60'000};

/// Does the run of this finding hold the property once the plant is away?
class Judge {
 public:
  Judge(const std::vector<Scenario>& scenarios, Chase& chase) : chase_(chase) {
    for (const Scenario& scenario : scenarios) variations_.emplace_back(scenario);
  }

  bool blames_plant(const Discovery& found) {
    const Scenario concrete = variations_[found.scenario].concrete(found.run);
    if (found.property == kTooLarge) return true;  // nobody but the pool of workers measures it
    const Judged alone = judge(concrete, {}, found.property, kAlone);
    const Violation* const same = alone.find(found.property);
    if (same == nullptr) return true;
    if (told_.insert({found.scenario, found.property}).second) {
      chase_.unrelated.push_back(
          {concrete.name, to_text(found.run), found.property, same->explanation});
    }
    return false;
  }

 private:
  Chase& chase_;
  std::deque<Variations> variations_;
  std::set<std::pair<std::size_t, std::string>> told_;
};

Chase chase(const std::vector<Scenario>& scenarios, const std::string& plant, std::uint64_t range,
            const HuntOptions& options, const std::function<bool()>& stop) {
  Chase chase;
  Judge judge(scenarios, chase);
  CampaignOptions campaign_options = options.campaign;
  campaign_options.plants = {plant};
  // Every range begins a million seeds behind the one before, so that none share a seed.
  const std::uint64_t first = range * 1'000'000 + 1;
  campaign_options.seeds = SeedRange{first, first + options.seeds - 1};
  campaign_options.runs_limit = options.seeds;
  campaign_options.stop_at_first = true;
  campaign_options.counts = [&judge](const Discovery& found) { return judge.blames_plant(found); };
  campaign_options.shrink = false;
  campaign_options.results.clear();
  campaign_options.findings.clear();
  Campaign campaign(scenarios, campaign_options);
  const CampaignResult result = campaign.run({}, stop);
  if (result.discoveries.empty()) return chase;
  const Discovery& first_found = result.discoveries.front();
  chase.runs = first_found.after_runs;
  chase.scenario = scenarios[first_found.scenario].name;
  chase.run = to_text(first_found.run);
  for (const Discovery& other : result.discoveries) {
    const bool same_run = other.scenario == first_found.scenario && other.run == first_found.run;
    if (same_run) chase.properties.push_back(other.property);
  }
  return chase;
}

}  // namespace

std::uint64_t Quarry::found() const {
  return static_cast<std::uint64_t>(std::count_if(
      chases.begin(), chases.end(), [](const Chase& each) { return each.runs.has_value(); }));
}

std::optional<std::uint64_t> Quarry::median() const {
  std::vector<std::uint64_t> runs;
  for (const Chase& each : chases) runs.push_back(each.runs.value_or(UINT64_MAX));
  std::sort(runs.begin(), runs.end());
  if (runs.empty() || runs[runs.size() / 2] == UINT64_MAX) return std::nullopt;
  return runs[runs.size() / 2];
}

std::set<std::string> Quarry::properties() const {
  std::set<std::string> all;
  for (const Chase& each : chases) all.insert(each.properties.begin(), each.properties.end());
  return all;
}

std::vector<Quarry> hunt(const std::vector<Scenario>& scenarios,
                         const std::vector<std::string>& plants, const HuntOptions& options,
                         const std::function<void(const Quarry&)>& told,
                         const std::function<bool()>& stop) {
  std::vector<Quarry> all;
  for (const Plant& plant : all_plants()) {
    const bool wanted =
        plants.empty() || std::find(plants.begin(), plants.end(), plant.name) != plants.end();
    if (!wanted) continue;
    all.push_back({plant.name, plant.what, plant.checker, {}});
    for (std::uint64_t range = 0; range < options.ranges; ++range) {
      if (stop && stop()) {
        all.pop_back();  // what was not measured to its end is no measurement
        return all;
      }
      all.back().chases.push_back(chase(scenarios, plant.name, range, options, stop));
      if (told) told(all.back());
    }
  }
  return all;
}

}  // namespace scenarios
