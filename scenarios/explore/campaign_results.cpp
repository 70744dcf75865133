// An exploration and its results file.
#include <filesystem>
#include <string_view>
#include <system_error>

#include "scenarios/explore/campaign.hpp"
#include "scenarios/explore/results.hpp"
#include "scenarios/language/source.hpp"
#include "scenarios/runner/build_id.hpp"
#include "traces/text.hpp"

namespace scenarios {

namespace {

std::string text_of(const std::set<std::string, std::less<>>& plants) {
  std::string text;
  for (const std::string& plant : plants) text += (text.empty() ? "" : " ") + plant;
  return text;
}

StoredFinding stored(const Discovery& discovery) {
  StoredFinding finding;
  finding.property = discovery.property;
  finding.run = to_text(discovery.run);
  finding.story = discovery.finished.story;
  finding.yaml = discovery.finished.yaml;
  finding.trace = discovery.finished.trace;
  finding.command = discovery.finished.command;
  finding.explanation = discovery.violated.explanation;
  finding.runs = discovery.runs;
  return finding;
}

Discovery restored(std::size_t scenario, const StoredFinding& finding) {
  Discovery discovery;
  discovery.scenario = scenario;
  discovery.run = parse_run_name(finding.run).value_or(RunName{});
  discovery.property = finding.property;
  discovery.runs = finding.runs;
  discovery.violated.property = finding.property;
  discovery.violated.explanation = finding.explanation;
  discovery.finished.property = finding.property;
  discovery.finished.story = finding.story;
  discovery.finished.yaml = finding.yaml;
  discovery.finished.trace = finding.trace;
  discovery.finished.command = finding.command;
  discovery.ordered = discovery.settled = discovery.saved = true;
  return discovery;
}

}  // namespace

std::string Campaign::key_of(const Scenario& scenario) const {
  return scenario_key(scenario.text, text_of(options_.plants), build_id());
}

void Campaign::open_results(std::vector<SeedRanges>& done) {
  if (options_.results.empty()) return;
  results_ = std::make_unique<Results>(options_.results, Results::Mode::Create);
  campaign_id_ = new_campaign_id();
  for (std::size_t i = 0; i < scenarios_.size(); ++i) {
    const StoredScenario before = results_->scenario(key_of(scenarios_[i]));
    done[i] = before.done;
    reach_[i].before = !before.done.ranges().empty();
    states_[i].insert(before.states.begin(), before.states.end());
    points_.insert(before.points.begin(), before.points.end());
    for (const StoredFinding& finding : before.findings) {
      known_.emplace(std::make_pair(i, finding.property), discoveries_.size());
      discoveries_.push_back(restored(i, finding));
      put_back(discoveries_.back());
    }
  }
}

/// What an earlier exploration wrote may be gone, or on another machine: its command must work
/// here.
void Campaign::put_back(Discovery& discovery) {
  constexpr std::string_view kRun = "hvsim run ";
  const std::string& command = discovery.finished.command;
  if (options_.findings.empty() || discovery.finished.yaml.empty()) return;
  if (!command.starts_with(kRun)) return;
  const std::string file =
      command.substr(kRun.size(), command.find(' ', kRun.size()) - kRun.size());
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored)) return;
  discovery.finished.trace.clear();  // the command makes it anew
  const FinishRequest request = request_for(discovery);
  discovery.finished.command = command_for(request.yaml, request);
  if (discovery.stem.empty()) return;
  const std::string problem = shelf_.put(discovery.stem, discovery.finished.yaml);
  if (!problem.empty()) note(problem);
}

void Campaign::save(bool last) {
  saved_ = std::chrono::steady_clock::now();
  if (results_ == nullptr || (results_failed_ && !last)) return;
  std::vector<StoredScenario> more(scenarios_.size());
  std::vector<Discovery*> saving;
  for (std::size_t i = 0; i < scenarios_.size(); ++i) {
    const SeedRanges fresh = schedule_->take_done(i);
    for (const auto& [first, end] : fresh.ranges()) unsaved_done_[i].add({first, end});
    StoredScenario& stored_scenario = more[i];
    stored_scenario.plants = text_of(options_.plants);
    stored_scenario.key = key_of(scenarios_[i]);
    stored_scenario.name = scenarios_[i].name;
    stored_scenario.file = scenarios_[i].file;
    stored_scenario.done = unsaved_done_[i];
    stored_scenario.states = unsaved_states_[i];
    stored_scenario.points.assign(points_.begin(), points_.end());
  }
  for (Discovery& discovery : discoveries_) {
    if (!discovery.settled || discovery.saved) continue;
    more[discovery.scenario].findings.push_back(stored(discovery));
    saving.push_back(&discovery);
  }
  StoredCampaign campaign;
  campaign.id = campaign_id_;
  campaign.build = build_id();
  const CampaignProgress now = progress();
  campaign.runs = now.runs;
  campaign.seconds = now.seconds;
  campaign.virtual_seconds = now.virtual_seconds;
  try {
    results_->save(campaign, more);
  } catch (const UserError& error) {
    // What was found is printed anyway; seeds that are not in the file will be run again. The last
    // attempt decides what there is to say.
    if (last) note(error.what());
    results_failed_ = stopping_ = true;
    return;
  }
  if (results_failed_) {
    note(options_.results +
         ": could not be written for a while, so the exploration ended early; "
         "everything is in it now");
  }
  results_failed_ = false;
  for (SeedRanges& ranges : unsaved_done_) ranges = {};
  for (auto& states : unsaved_states_) states.clear();
  for (Discovery* discovery : saving) discovery->saved = true;
}

}  // namespace scenarios
