// The hunt for planted bugs credits a plant with what it breaks, and with nothing else.
#include <gtest/gtest.h>

#include <algorithm>

#include "scenarios/explore/hunt.hpp"
#include "scenarios/language/parser.hpp"

namespace {

using scenarios::Chase;
using scenarios::Quarry;
using scenarios::Scenario;

/// `wish` is a property that the run may break by itself.
Scenario moving(const std::string& wish) {
  return scenarios::parse_scenario("moving.yaml", R"(
scenario: moving
end: 600ms
hosts: {alpha: {memory: 1GiB}, beta: {memory: 1GiB}}
networks:
  migration: {hosts: [alpha, beta], bandwidth: 10Gbit/s, latency: 40us}
vms:
  web:
    host: alpha
    memory: 64MiB
    guest: {model: worker, working-set: 4MiB, dirty-rate: 8}
timeline:
  - {at: 300ms, move-vm: web, to: beta}
expect:
  - )" + wish);
}

constexpr const char* kNeverHolds = "migrations-completed: 2";

Chase chase(const Scenario& scenario, const std::string& plant, std::uint64_t seeds) {
  scenarios::HuntOptions options;
  options.seeds = seeds;
  options.ranges = 1;
  options.campaign.twin_every = 0;
  options.campaign.twice_every = 0;
  const std::vector<Quarry> all = scenarios::hunt({scenario}, {plant}, options, {}, {});
  EXPECT_EQ(all.size(), 1U);
  return all.front().chases.front();
}

TEST(Hunt, CreditsAPlantWithWhatHoldsWithoutIt) {
  const Chase found = chase(moving("migrations-completed: 1"), "migration.forgets-final-set", 5);
  EXPECT_EQ(found.runs, 1U);
  EXPECT_TRUE(found.unrelated.empty());
  EXPECT_TRUE(std::count(found.properties.begin(), found.properties.end(), "MI-1"));
}

TEST(Hunt, CreditsNoPlantWithWhatFailsAnyway) {
  // The VM has no disk, so nothing of this plant's can be seen.
  const Chase missed = chase(moving(kNeverHolds), "storvsp.short-dma", 5);
  EXPECT_FALSE(missed.runs.has_value());
  EXPECT_TRUE(missed.properties.empty());
  ASSERT_EQ(missed.unrelated.size(), 1U);
  EXPECT_EQ(missed.unrelated.front().property, "migrations-completed");
  EXPECT_EQ(missed.unrelated.front().scenario, "moving");
  EXPECT_EQ(missed.unrelated.front().run, "1");
}

TEST(Hunt, SearchesOnPastWhatFailsAnyway) {
  const Chase found = chase(moving(kNeverHolds), "migration.forgets-final-set", 5);
  EXPECT_EQ(found.runs, 1U);
  EXPECT_FALSE(
      std::count(found.properties.begin(), found.properties.end(), "migrations-completed"));
  ASSERT_EQ(found.unrelated.size(), 1U);
  EXPECT_EQ(found.unrelated.front().property, "migrations-completed");
}

}  // namespace
