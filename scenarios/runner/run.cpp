#include "scenarios/runner/run.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "scenarios/language/reader.hpp"
#include "scenarios/runner/build_id.hpp"
#include "scenarios/runner/expectations.hpp"
#include "scenarios/runner/retold.hpp"
#include "scenarios/runner/simulation.hpp"
#include "scenarios/runner/story.hpp"
#include "traces/assert.hpp"

namespace scenarios {

using checkers::Finding;
using checkers::Verdict;

namespace {

using CheckerList = std::vector<std::unique_ptr<checkers::Checker>>;

CheckerList checkers_for(const Scenario& scenario) {
  CheckerList all = checkers::all_checkers();
  for (auto& expectation : expectation_checkers(scenario)) all.push_back(std::move(expectation));
  return all;
}

std::vector<Finding> conclude(const Scenario& scenario, const CheckerList& list, traces::Time end,
                              bool detail) {
  std::vector<Finding> findings;
  for (const auto& checker : list) findings.push_back(checker->conclude(end, detail));
  excuse_liveness(scenario, findings);
  return findings;
}

SimulationOptions simulation_options(const RunOptions& options) {
  SimulationOptions result;
  result.seed = options.seed;
  result.plants = options.plants;
  result.detail = options.detail;
  return result;
}

/// Feeds a stored trace to whoever would have watched the run.
class Fan final : public traces::Observer {
 public:
  void add(traces::Observer& observer, const traces::EventSet& events) {
    all_.emplace_back(&observer, events);
  }
  void on_event(const traces::Event& event) override {
    end_ = std::max(end_, event.time);
    for (const auto& [observer, events] : all_) {
      if (events.test(static_cast<std::size_t>(event.type))) observer->on_event(event);
    }
  }
  traces::Time end() const { return end_; }

 private:
  std::vector<std::pair<traces::Observer*, traces::EventSet>> all_;
  traces::Time end_{};
};

/// The twin of a run (design §4), which has had these faults and these jobs.
Finding twin_finding(const Scenario& scenario, const RunOptions& options,
                     checkers::TwinCheck& check, const std::vector<checkers::Hold>& holds,
                     const std::vector<Struck>& struck,
                     const std::vector<std::uint64_t>& step_jobs) {
  SimulationOptions twin = simulation_options(options);
  twin.plants.clear();  // a planted bug is in the run, not in what it is held against
  twin.twin = true;
  twin.holds = holds;
  twin.struck = struck;
  twin.step_jobs = step_jobs;
  Simulation simulation(scenario, twin);
  simulation.recorder().attach(check.twin(), checkers::TwinCheck::events());
  simulation.run();
  Finding finding = check.conclude();
  for (const Struck& strike : struck) {
    // A paused or slowed host makes guests act at instants that no twin is told of.
    if (finding.verdict != Verdict::Violated) break;
    const std::string& fault = scenario.faults[strike.fault].fault;
    if (!faults::find(fault)->untwinned) continue;
    finding.verdict = Verdict::Unknown;
    finding.explanation =
        "`" + fault + "` struck, which a twin cannot repeat: " + finding.explanation;
  }
  return finding;
}

/// The same run once more, in the same process: whatever the first one left behind would show.
Finding determinism_finding(const Scenario& scenario, const RunOptions& options,
                            checkers::DeterminismCheck& check) {
  Simulation again(scenario, simulation_options(options));
  again.recorder().attach(check.second(), checkers::DeterminismCheck::events());
  again.run();
  return check.conclude();
}

}  // namespace

namespace {

/// A fault scenario whose fault never struck has shown nothing.
Finding strikes_finding(const Scenario& scenario, const std::vector<Struck>& struck) {
  Finding finding;
  finding.property = kFaultsStruck;
  finding.statement = "every fault of the scenario struck";
  finding.measured = std::to_string(struck.size());
  finding.bound = std::to_string(scenario.faults.size());
  finding.verdict = Verdict::Holds;
  for (std::size_t index = 0; index < scenario.faults.size(); ++index) {
    const bool hit = std::any_of(struck.begin(), struck.end(),
                                 [index](const Struck& strike) { return strike.fault == index; });
    if (hit) continue;
    finding.verdict = Verdict::Unknown;
    finding.explanation = scenario.faults[index].fault + " in line " +
                          std::to_string(scenario.faults[index].place.line) +
                          " did not strike: its event did not come in time, nobody played its "
                          "role, or there was nothing to strike";
    break;
  }
  return finding;
}

}  // namespace

namespace {

/// When the last job ended.
class LastJob final : public traces::Observer {
 public:
  static traces::EventSet events() {
    traces::EventSet set;
    set.set(static_cast<std::size_t>(traces::ev::VerbFinished::kType));
    return set;
  }
  void on_event(const traces::Event& event) override { time = event.time; }
  std::optional<traces::Time> time;
};

}  // namespace

Verdict Outcome::verdict() const {
  Verdict worst = Verdict::Holds;
  for (const Finding& finding : findings) {
    if (finding.verdict == Verdict::Violated) return Verdict::Violated;
    if (finding.verdict == Verdict::Unknown) worst = Verdict::Unknown;
  }
  return worst;
}

Outcome run_scenario(const Scenario& scenario, const RunOptions& options) {
  const CheckerList list = checkers_for(scenario);
  Simulation simulation(scenario, simulation_options(options));
  traces::Recorder& recorder = simulation.recorder();

  std::unique_ptr<Story> story;
  if (options.story != nullptr) {
    story = std::make_unique<Story>(*options.story);
    recorder.attach(*story, Story::events());
  }
  std::unique_ptr<traces::TraceWriter> writer;
  if (!options.trace.empty()) {
    writer = std::make_unique<traces::TraceWriter>(options.trace, header_of(scenario, options));
    recorder.attach(*writer, writer->types());
  }
  std::unique_ptr<traces::ReplayComparer> replay;
  if (options.replay != nullptr) {
    replay = std::make_unique<traces::ReplayComparer>(*options.replay, options.detail);
    recorder.attach(*replay, replay->types());
  }
  for (const auto& checker : list) recorder.attach(*checker, checker->events());
  LastJob last_job;
  recorder.attach(last_job, LastJob::events());
  Moves moves;
  if (options.moves) recorder.attach(moves, Moves::events());
  checkers::HoldCollector holds;
  checkers::TwinCheck twin;
  const bool wants_twin = options.twin && expects_twin(scenario);
  if (wants_twin) {
    recorder.attach(holds, checkers::HoldCollector::events());
    recorder.attach(twin.original(), checkers::TwinCheck::events());
  }
  checkers::DeterminismCheck determinism;
  if (options.twice) recorder.attach(determinism.first(), checkers::DeterminismCheck::events());

  if (options.prepare) options.prepare(simulation);
  simulation.run();
  if (options.ended) options.ended(simulation);

  Outcome outcome;
  outcome.hash = recorder.hash();
  outcome.events = recorder.events();
  outcome.end = simulation.world().now();
  outcome.jobs_done = last_job.time;
  outcome.findings = conclude(scenario, list, outcome.end, options.detail);
  outcome.moves = moves.conclude();
  for (const Struck& strike : simulation.struck()) outcome.struck.insert(strike.fault);
  if (!scenario.faults.empty()) {
    outcome.findings.push_back(strikes_finding(scenario, simulation.struck()));
  }
  if (writer != nullptr) writer->finish(recorder);
  if (replay != nullptr) {
    replay->finish();
    outcome.difference = replay->difference();
    outcome.compared = replay->equal_events();
  }
  if (wants_twin) {
    outcome.findings.push_back(twin_finding(scenario, options, twin, holds.holds(),
                                            simulation.struck(), simulation.step_jobs()));
  }
  if (options.twice) {
    outcome.findings.push_back(determinism_finding(scenario, options, determinism));
    outcome.repeatable = outcome.findings.back().verdict != Verdict::Violated;
  }
  return outcome;
}

traces::TraceHeader header_of(const Scenario& scenario, const RunOptions& options) {
  traces::TraceHeader header;
  header.build_id = build_id();
  header.scenario_name = scenario.file;
  header.scenario = scenario.text;
  header.seed = options.seed;
  for (const Override& change : options.overrides) {
    header.overrides.push_back(change.first + "=" + change.second);
  }
  header.plants.assign(options.plants.begin(), options.plants.end());
  header.inputs = Simulation::inputs(scenario);
  header.detail = options.detail;
  return header;
}

Recorded recorded_run(const traces::TraceHeader& header) {
  Recorded run;
  for (const std::string& text : header.overrides) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
      throw UserError("the trace's override `" + text + "` is not key=value");
    }
    run.options.overrides.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  run.scenario = parse_scenario(header.scenario_name, header.scenario, run.options.overrides);
  run.options.seed = header.seed;
  run.options.detail = header.detail;
  for (const std::string& plant : header.plants) {
    const auto& known = all_plants();
    const bool exists = std::any_of(known.begin(), known.end(),
                                    [&plant](const Plant& other) { return other.name == plant; });
    if (!exists) throw UserError("the trace has planted bug `" + plant + "`, unknown here");
    run.options.plants.insert(plant);
  }
  for (const auto& input : Simulation::inputs(run.scenario)) {
    const bool same =
        std::find(header.inputs.begin(), header.inputs.end(), input) != header.inputs.end();
    if (!same) {
      throw UserError("input `" + input.name +
                      "` is not the one of the trace; use the build that recorded it");
    }
  }
  return run;
}

std::vector<Finding> check_trace(traces::TraceReader& trace) {
  const Recorded run = recorded_run(trace.header());
  const CheckerList list = checkers_for(run.scenario);
  Retold retold(run.scenario);
  checkers::HoldCollector holds;
  checkers::TwinCheck twin;
  Fan fan;
  for (const auto& checker : list) fan.add(*checker, checker->events());
  fan.add(retold, Retold::events());
  fan.add(holds, checkers::HoldCollector::events());
  fan.add(twin.original(), checkers::TwinCheck::events());
  trace.read_all(fan);

  std::vector<Finding> findings = conclude(run.scenario, list, fan.end(), trace.header().detail);
  if (!run.scenario.faults.empty()) {
    findings.push_back(strikes_finding(run.scenario, retold.struck()));
  }
  if (!expects_twin(run.scenario)) return findings;
  findings.push_back(twin_finding(run.scenario, run.options, twin, holds.holds(), retold.struck(),
                                  retold.step_jobs()));
  Finding& equal = findings.back();
  if (equal.verdict == Verdict::Violated && trace.header().build_id != build_id()) {
    equal.verdict = Verdict::Unknown;
    equal.explanation = "the run is of another build, its twin of this one: " + equal.explanation;
  }
  return findings;
}

}  // namespace scenarios
