#include "scenarios/runner/expectations.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "checkers/pattern.hpp"
#include "scenarios/runner/budget.hpp"
#include "scenarios/runner/run.hpp"
#include "scenarios/runner/simulation.hpp"
#include "traces/assert.hpp"

namespace scenarios {

namespace {

bool is_liveness(const ExpectSpec& spec) {
  if (spec.pattern) return checkers::is_liveness(*spec.pattern);
  const auto& all = checkers::expectations();
  return std::any_of(all.begin(), all.end(), [&spec](const checkers::ExpectationInfo& known) {
    return spec.name == known.name && known.liveness;
  });
}

/// The pattern under a name that no other has: reports and searches tell properties by name.
checkers::Pattern named(checkers::Pattern pattern, std::set<std::string>& names) {
  if (pattern.name.empty()) pattern.name = checkers::default_name(pattern);
  const std::string first = pattern.name;
  for (int number = 2; !names.insert(pattern.name).second; ++number) {
    pattern.name = first + " (" + std::to_string(number) + ")";
  }
  return pattern;
}

bool within_budget(const Scenario& scenario) {
  if (!scenario.budget) return true;
  return faults::within(budget_of(scenario), {scenario.faults.begin(), scenario.faults.end()});
}

}  // namespace

std::vector<std::unique_ptr<checkers::Checker>> expectation_checkers(const Scenario& scenario) {
  std::vector<std::unique_ptr<checkers::Checker>> all;
  std::set<std::string> names;
  for (const ExpectSpec& spec : scenario.expect) {
    if (spec.name == "twin-equal") continue;
    const std::uint32_t vm = Simulation::vm_number(scenario, spec.vm);
    if (spec.pattern) {
      all.push_back(checkers::make_pattern(named(*spec.pattern, names), vm));
      continue;
    }
    checkers::Expectation expectation;
    expectation.name = spec.name;
    expectation.vm = vm;
    expectation.host = spec.host;
    expectation.bound = spec.bound;
    auto checker = checkers::make_expectation(expectation);
    HVSIM_ASSERT(checker != nullptr, "the parser lets known expectations through only");
    all.push_back(std::move(checker));
  }
  return all;
}

bool expects_twin(const Scenario& scenario) {
  return std::any_of(scenario.expect.begin(), scenario.expect.end(),
                     [](const ExpectSpec& spec) { return spec.name == "twin-equal"; });
}

void excuse_liveness(const Scenario& scenario, std::vector<checkers::Finding>& findings) {
  if (within_budget(scenario)) return;
  std::vector<bool> liveness;
  for (const ExpectSpec& spec : scenario.expect) {
    if (spec.name != "twin-equal") liveness.push_back(is_liveness(spec));
  }
  HVSIM_ASSERT(findings.size() >= liveness.size(), "every expectation has a finding");
  const std::size_t first = findings.size() - liveness.size();
  for (std::size_t i = 0; i < liveness.size(); ++i) {
    checkers::Finding& finding = findings[first + i];
    if (!liveness[i] || finding.verdict != checkers::Verdict::Violated) continue;
    finding.verdict = checkers::Verdict::Unknown;
    finding.explanation =
        "the faults go beyond the budget, so only safety is judged: " + finding.explanation;
  }
}

}  // namespace scenarios
