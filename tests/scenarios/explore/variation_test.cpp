// Concrete runs: functions of their names, within the budget, expressible as files; and worlds
// forked at rare moments, which are runs like any other.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "scenarios/explore/fork_points.hpp"
#include "scenarios/explore/mutation.hpp"
#include "scenarios/explore/points.hpp"
#include "scenarios/explore/probe.hpp"
#include "scenarios/explore/variation.hpp"
#include "scenarios/explore/vary.hpp"
#include "scenarios/language/parser.hpp"
#include "scenarios/language/units.hpp"
#include "scenarios/language/writer.hpp"
#include "scenarios/runner/budget.hpp"

namespace {

using scenarios::Probe;
using scenarios::RunName;
using scenarios::Scenario;
using scenarios::Variations;

constexpr const char* kVaried = R"(
vary:
  - {value: vms.web.memory, choice: [64MiB, 128MiB]}
  - {value: networks.migration.latency, log-range: [10us, 10ms]}
  - {value: vms.web.guest.dirty-rate, range: [1, 40]}
budget: {faults: 3, hosts-down: 1, from: 100ms, until: 1500ms}
)";

/// The scenario of all tests of exploring, with values that vary and a budget.
std::string text() {
  std::ifstream file(HVSIM_MOVING);
  std::ostringstream text;
  text << file.rdbuf() << kVaried;
  return text.str();
}

int sweep() {
  const char* text = std::getenv("HVSIM_SWEEP");
  return text == nullptr ? 200 : std::atoi(text);
}

class Variation : public testing::Test {
 protected:
  Scenario base = scenarios::parse_scenario("varied.yaml", text());
  Variations variations{base};
  std::vector<RunName> names() const {
    std::vector<RunName> all;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
      all.push_back({seed, {}});
      for (std::uint32_t mutant = 0; mutant < 4; ++mutant) {
        all.push_back({seed, {mutant}});
        all.push_back({seed, {mutant, mutant + 1}});
      }
      const auto& points = scenarios::sometimes_points();
      all.push_back({seed, {scenarios::fork_mutant(points[seed % points.size()], 0)}});
    }
    return all;
  }
};

TEST_F(Variation, IsAFunctionOfTheRunsName) {
  const Variations again(base);
  for (const RunName& name : names()) {
    const Scenario other = again.concrete(name);
    EXPECT_EQ(variations.concrete(name), other) << to_text(name);
  }
}

TEST_F(Variation, StaysWithinTheBudget) {
  std::set<std::size_t> counts;
  for (const RunName& name : names()) {
    const Scenario concrete = variations.concrete(name);
    const auto plan = scenarios::planned_faults(concrete, base.faults.size());
    EXPECT_TRUE(faults::within(scenarios::budget_of(base), plan)) << to_text(name);
    counts.insert(plan.size());
  }
  EXPECT_EQ(*counts.rbegin(), 3U) << "some run uses all of it";
}

TEST_F(Variation, DrawsOnlyMultiplesOfAValuesStep) {
  base.vary.push_back(
      {{}, "vms.web.guest.disk-interval", scenarios::VarySpec::Kind::LogRange, {"1us", "10ms"}});
  std::set<std::int64_t> intervals;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const std::int64_t ns = variations.concrete({seed, {}}).vms[0].guest.disk_interval.ns;
    EXPECT_EQ(ns % 1'000, 0) << ns;
    EXPECT_GE(ns, 1'000);
    EXPECT_LE(ns, 10'000'000);
    intervals.insert(ns);
  }
  EXPECT_GT(intervals.size(), 25U);
}

TEST_F(Variation, DrawsEveryValueWithinItsRange) {
  std::set<std::uint64_t> memories;
  std::set<std::int64_t> latencies;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Scenario concrete = variations.concrete({seed, {}});
    EXPECT_TRUE(concrete.vary.empty());
    memories.insert(concrete.vms[0].memory_bytes);
    latencies.insert(concrete.networks[0].latency.ns);
    EXPECT_GE(concrete.vms[0].guest.dirty_pages_per_ms, 1U);
    EXPECT_LE(concrete.vms[0].guest.dirty_pages_per_ms, 40U);
  }
  EXPECT_EQ(memories, (std::set<std::uint64_t>{64U << 20, 128U << 20}));
  EXPECT_GE(*latencies.begin(), 10'000);
  EXPECT_LE(*latencies.rbegin(), 10'000'000);
  // Even over the logarithm: half of them are below the geometric middle.
  const auto below = std::count_if(latencies.begin(), latencies.end(),
                                   [](std::int64_t ns) { return ns < 316'000; });
  EXPECT_GT(below, 60);
  EXPECT_LT(below, 140);
}

TEST_F(Variation, OfOneValueDoesNotChangeTheOthers) {
  Scenario fewer = base;
  fewer.vary.erase(fewer.vary.begin());
  const Variations other(fewer);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_EQ(variations.concrete({seed, {}}).networks[0].latency,
              other.concrete({seed, {}}).networks[0].latency);
    EXPECT_EQ(variations.concrete({seed, {}}).faults, other.concrete({seed, {}}).faults);
  }
}

TEST_F(Variation, InvitesTroubleInSomeRunsAtEachPoint) {
  std::map<std::string, int> runs;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    for (const auto& spec : variations.concrete({seed, {}}).buggify) {
      ++runs[spec.point];
      EXPECT_GE(spec.chance.numerator * 1000, spec.chance.denominator);
      EXPECT_LE(spec.chance.numerator * 10, spec.chance.denominator * 3);
    }
  }
  for (const std::string& point : scenarios::buggify_points()) {
    EXPECT_GT(runs[point], 20) << point;
    EXPECT_LT(runs[point], 80) << point;
  }
}

TEST_F(Variation, WithoutABudgetPlansNothing) {
  Scenario plain = base;
  plain.budget.reset();
  plain.vary.clear();
  const Variations other(plain);
  EXPECT_FALSE(other.varies());
  Scenario concrete = other.concrete({17, {}});
  EXPECT_TRUE(concrete.faults.empty());
  EXPECT_TRUE(concrete.buggify.empty());
  EXPECT_EQ(concrete.seed, 17U);
}

/// A finding is such a scenario, so a file must say all of it.
TEST_F(Variation, CanBeWrittenToAFileThatSaysTheSame) {
  for (const RunName& name : names()) {
    const Scenario concrete = variations.concrete(name);
    const Scenario read = scenarios::parse_scenario("x.yaml", scenarios::write_scenario(concrete));
    ASSERT_EQ(read, concrete) << to_text(name);
  }
}

TEST_F(Variation, MutatesMostRuns) {
  int changed = 0;
  int all = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    for (std::uint32_t mutant = 0; mutant < 4; ++mutant) {
      ++all;
      changed += variations.concrete({seed, {mutant}}) == variations.concrete({seed, {}}) ? 0 : 1;
    }
  }
  EXPECT_GT(changed, all * 6 / 10);
}

/// What a forked world told of itself.
struct Told {
  std::uint64_t high = 0, low = 0, events = 0;
};

Told told(const Probe& probe) { return {probe.hash.high, probe.hash.low, probe.events}; }

TEST_F(Variation, AWorldForkedAtAPointIsTheSameRunFromTheStart) {
  int forks = 0;
  for (std::uint64_t seed = 1; seed <= 200 && forks < sweep() / 5; ++seed) {
    scenarios::ForkCounts counts;  // afresh: every point of every seed is worth a fork
    int pipes[2];
    ASSERT_EQ(::pipe(pipes), 0);
    std::vector<RunName> children;
    const RunName name{seed, {}};
    Scenario scenario = variations.concrete(name);
    scenarios::ForkPoints::reserve_faults(scenario);
    scenarios::ForkPoints points(
        variations, scenario, name, counts,
        {[](const RunName&) {},
         [&children](const RunName& child, const std::string& death, bool) {
           EXPECT_EQ(death, "");
           children.push_back(child);
         }});
    scenarios::ProbeOptions options;
    options.prepare = [&points](scenarios::Simulation& simulation) {
      points.attach_to(simulation);
    };
    const Probe probe = scenarios::probe(scenario, options);
    if (points.forked()) {
      // Only the first generation writes; a child's own children would come before it.
      if (points.name().mutants.size() == 1) {
        const Told report = told(probe);
        if (::write(pipes[1], &report, sizeof report) != sizeof report) ::_exit(1);
      }
      ::_exit(0);
    }
    EXPECT_EQ(told(probe).low, told(scenarios::probe(variations.concrete(name), {})).low)
        << "forking changed the run that was forked";
    for (const RunName& child : children) {
      Told report;
      ASSERT_EQ(::read(pipes[0], &report, sizeof report), static_cast<ssize_t>(sizeof report));
      const Probe again = scenarios::probe(variations.concrete(child), {});
      EXPECT_EQ(report.high, again.hash.high) << to_text(child);
      EXPECT_EQ(report.low, again.hash.low) << to_text(child);
      EXPECT_EQ(report.events, again.events) << to_text(child);
      ++forks;
    }
    ::close(pipes[0]);
    ::close(pipes[1]);
  }
  EXPECT_GE(forks, sweep() / 5);
}

TEST_F(Variation, RunsReachProtocolStatesThatOthersDoNot) {
  std::set<std::uint64_t> quiet;
  Scenario plain = base;
  plain.budget.reset();
  plain.vary.clear();
  const Probe first = scenarios::probe(plain, {});
  quiet.insert(first.states.begin(), first.states.end());
  EXPECT_GT(quiet.size(), 20U);
  EXPECT_TRUE(std::is_sorted(first.states.begin(), first.states.end()));
  std::set<std::uint64_t> all;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Probe probe = scenarios::probe(variations.concrete({seed, {}}), {});
    all.insert(probe.states.begin(), probe.states.end());
  }
  EXPECT_GT(all.size(), quiet.size());
  EXPECT_LT(all.size(), 5'000U);
}

}  // namespace
