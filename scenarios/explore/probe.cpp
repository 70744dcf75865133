#include "scenarios/explore/probe.hpp"

#include <utility>

#include "scenarios/explore/coverage.hpp"
#include "scenarios/runner/run.hpp"
#include "scenarios/runner/simulation.hpp"

namespace scenarios {

Probe probe(const Scenario& concrete, const ProbeOptions& options) {
  Coverage coverage;
  RunOptions run;
  run.seed = concrete.seed;
  run.plants = options.plants;
  run.detail = options.detail;
  run.twin = options.twin;
  run.twice = options.twice;
  run.prepare = [&](Simulation& simulation) {
    simulation.recorder().attach(coverage, Coverage::events());
    if (options.prepare) options.prepare(simulation);
  };
  Outcome outcome = run_scenario(concrete, run);

  Probe result;
  result.hash = outcome.hash;
  result.events = outcome.events;
  result.end = outcome.end;
  result.struck = std::move(outcome.struck);
  for (checkers::Finding& finding : outcome.findings) {
    if (finding.verdict == checkers::Verdict::Unknown) {
      // Which faults never strike is told by their own names.
      if (finding.property != kFaultsStruck) result.undecided.push_back(std::move(finding));
      continue;
    }
    result.decided.push_back(finding.property);
    if (finding.verdict != checkers::Verdict::Violated) continue;
    result.verdict = checkers::Verdict::Violated;
    result.violated.push_back(std::move(finding));
  }
  result.states = coverage.states();
  result.points = coverage.points();
  return result;
}

}  // namespace scenarios
