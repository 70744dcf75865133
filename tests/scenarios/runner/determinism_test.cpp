// One world, one seed (law 1), as far as one process can see it. tests/scenarios/cli compares
// processes, builds and machines' habits.
#include <gtest/gtest.h>

#include <set>

#include "scenarios/language/parser.hpp"
#include "scenarios/runner/simulation.hpp"
#include "tests/scenarios/runner/worlds.hpp"

namespace {

scenarios::SimulationOptions options_for(std::uint64_t seed, bool detail) {
  scenarios::SimulationOptions options;
  options.seed = seed;
  options.detail = detail;
  return options;
}

traces::Digest hash_of(std::uint64_t seed, bool detail) {
  const auto scenario = scenarios::parse_scenario("test.yaml", worlds::moving_worker());
  scenarios::Simulation simulation(scenario, options_for(seed, detail));
  simulation.run();
  return simulation.recorder().hash();
}

TEST(Determinism, EverySeedPassesAndGivesItsOwnHashAgain) {
  std::set<traces::Digest> hashes;
  for (int seed = 1; seed <= worlds::sweep(); ++seed) {
    const auto number = static_cast<std::uint64_t>(seed);
    const auto outcome = worlds::run(worlds::moving_worker(), number);
    ASSERT_EQ(worlds::complaints(outcome), "") << "seed " << seed;
    ASSERT_EQ(outcome.hash, hash_of(number, true)) << "seed " << seed;
    hashes.insert(outcome.hash);
  }
  EXPECT_EQ(hashes.size(), static_cast<std::size_t>(worlds::sweep()));
}

TEST(Determinism, DetailDoesNotChangeTheWorld) { EXPECT_EQ(hash_of(3, true), hash_of(3, false)); }

TEST(Determinism, WorldsThatTakeTurnsInOneProcessAreAsAlone) {
  const auto scenario = scenarios::parse_scenario("test.yaml", worlds::moving_worker());
  scenarios::Simulation first(scenario, options_for(1, true));
  scenarios::Simulation second(scenario, options_for(2, true));
  bool more = true;
  for (sim::Time limit{7'000'000}; more; limit = limit + sim::Duration{7'000'000}) {
    more = first.run_until(limit);
    const bool also = second.run_until(limit);
    more = more || also;
  }
  first.finish();
  second.finish();
  EXPECT_EQ(first.recorder().hash(), hash_of(1, true));
  EXPECT_EQ(second.recorder().hash(), hash_of(2, true));
}

}  // namespace
