// What a scenario promises holds within its budget: beyond it only safety is judged.
#include "scenarios/runner/expectations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "scenarios/language/parser.hpp"
#include "scenarios/runner/run.hpp"

namespace scenarios {
namespace {

using checkers::Verdict;
using ::testing::HasSubstr;

constexpr const char* kWorld = R"(
scenario: beyond
end: 2s
hosts: {alpha: {}, beta: {}}
networks: {net: {hosts: [alpha, beta]}}
vms: {web: {host: alpha, memory: 8MiB, guest: {model: dirtying}}}
timeline: [{at: 100ms, move-vm: web, to: beta}]
faults: [{at: 50ms, kill-host: beta, lasts: 900ms}]
expect:
  - eventually: {event: migration.finished, where: "outcome == in_doubt"}
  - migrations-completed: 7
  - never: {event: node.killed}
  - settles-within: 10ms
)";

std::vector<checkers::Finding> judged(const std::string& budget) {
  const Scenario scenario = parse_scenario("s.yaml", kWorld + budget);
  std::vector<checkers::Finding> all = run_scenario(scenario, RunOptions{}).findings;
  // After the expectations comes what is said about the faults.
  return {all.end() - 5, all.end() - 1};
}

void expect_verdicts(const std::string& budget, Verdict liveness) {
  const auto findings = judged(budget);
  EXPECT_EQ(findings[0].verdict, liveness) << findings[0].explanation;
  EXPECT_EQ(findings[1].verdict, liveness) << findings[1].explanation;
  EXPECT_EQ(findings[2].verdict, Verdict::Violated) << "safety holds whatever happens";
  EXPECT_EQ(findings[3].property, "settles-within");
}

TEST(Budget, WithoutOneEverythingIsJudged) { expect_verdicts("", Verdict::Violated); }

TEST(Budget, WithinItEverythingIsJudged) {
  expect_verdicts("budget: {faults: 1, of: [host], until: 1s}\n", Verdict::Violated);
}

TEST(Budget, BeyondItWhatShouldComeAboutIsUnknown) {
  for (const char* budget :
       {"budget: {faults: 0, until: 1s}\n", "budget: {faults: 3, of: [network], until: 1s}\n",
        "budget: {faults: 3, without: [kill-host], until: 1s}\n",
        "budget: {faults: 3, from: 60ms, until: 1s}\n"}) {
    expect_verdicts(budget, Verdict::Unknown);
    EXPECT_THAT(judged(budget)[0].explanation, HasSubstr("only safety is judged")) << budget;
  }
}

}  // namespace
}  // namespace scenarios
