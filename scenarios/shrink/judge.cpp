#include "scenarios/shrink/judge.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "scenarios/runner/run.hpp"
#include "scenarios/runner/simulation.hpp"
#include "scenarios/shrink/forked.hpp"
#include "sim/kernel/decision.hpp"

namespace scenarios {

namespace {

using nlohmann::json;

/// Notes every choice that happened, in the order in which it did.
class Decisions final : public traces::Observer {
 public:
  static traces::EventSet events() {
    traces::EventSet set;
    set.set(static_cast<std::size_t>(traces::ev::DecisionTaken::kType));
    set.set(static_cast<std::size_t>(traces::ev::BuggifyFired::kType));
    return set;
  }
  void on_event(const traces::Event& event) override {
    const auto decision = sim::decision_of(event);
    // An operation that asks twice is told the same.
    if (decision && seen_.insert(*decision).second) {
      list_.push_back(json::array({decision->stream, decision->operation}));
    }
  }
  json take() { return std::move(list_); }

 private:
  sim::DecisionSet seen_;
  json list_ = json::array();
};

std::string run(const Scenario& scenario, const PlantSet& plants, const std::string& property) {
  Decisions decisions;
  RunOptions options;
  options.seed = scenario.seed;
  options.plants = plants;
  options.twin = property.empty() || property == "twin-equal";
  options.twice = property == "MG-3";
  options.prepare = [&decisions](Simulation& simulation) {
    simulation.recorder().attach(decisions, Decisions::events());
  };
  const Outcome outcome = run_scenario(scenario, options);
  json answer;
  answer["end"] = outcome.end.ns;
  answer["decisions"] = decisions.take();
  answer["violations"] = json::array();
  for (const checkers::Finding& finding : outcome.findings) {
    if (finding.verdict != checkers::Verdict::Violated) continue;
    answer["violations"].push_back(
        {finding.property, finding.explanation, finding.event, finding.time.ns});
  }
  return answer.dump(-1, ' ', false, json::error_handler_t::replace);
}

void read(const std::string& text, Judged& judged) {
  const json answer = json::parse(text);
  judged.end = traces::Time{answer["end"].get<std::int64_t>()};
  for (const json& entry : answer["violations"]) {
    judged.violations.push_back({entry[0], entry[1], entry[2], traces::Time{entry[3]}});
  }
  for (const json& entry : answer["decisions"]) {
    DecisionSpec decision;
    decision.stream = entry[0];
    decision.operation = entry[1];
    judged.decisions.push_back(std::move(decision));
  }
}

}  // namespace

const Violation* Judged::find(const std::string& property) const {
  const auto found =
      std::find_if(violations.begin(), violations.end(),
                   [&property](const Violation& one) { return one.property == property; });
  return found == violations.end() ? nullptr : &*found;
}

Judged judge(const Scenario& scenario, const PlantSet& plants, const std::string& property,
             std::chrono::milliseconds limit) {
  const auto begin = std::chrono::steady_clock::now();
  const Forked forked = run_forked([&] { return run(scenario, plants, property); }, limit);
  Judged judged;
  switch (forked.end) {
    case Forked::End::Answered:
      read(forked.text, judged);
      break;
    case Forked::End::Crashed:
      judged.violations.push_back({kCrash, forked.text, 0, {}});
      break;
    case Forked::End::TimedOut:
      judged.violations.push_back({kHang, "no end within the time limit", 0, {}});
      break;
  }
  judged.took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begin);
  return judged;
}

}  // namespace scenarios
