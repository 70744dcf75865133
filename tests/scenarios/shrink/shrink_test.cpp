#include "scenarios/shrink/shrink.hpp"

#include <gtest/gtest.h>

#include "scenarios/language/parser.hpp"
#include "scenarios/language/source.hpp"
#include "scenarios/language/writer.hpp"
#include "scenarios/shrink/judge.hpp"

namespace scenarios {
namespace {

// A migration with more around it than any failure needs.
constexpr const char* kBusy = R"(
scenario: busy
description: Two hosts and two VMs.
seed: 9
end: 1500ms
hosts: {alpha: {memory: 2GiB}, beta: {memory: 2GiB}, gamma: {memory: 1GiB}}
networks:
  migration: {hosts: [alpha, beta, gamma], bandwidth: 1Gbit/s, latency: 40us, loss: 1%}
storage: {disk1: {size: 4MiB}}
vms:
  web:
    host: alpha
    memory: 16MiB
    guest: {model: worker, working-set: 4MiB, dirty-rate: 8}
    disks: [disk1]
  other: {host: gamma, memory: 16MiB, guest: {model: worker, working-set: 2MiB}}
timeline:
  - {at: 300ms, move-vm: web, to: beta}
  - {at: 700ms, move-vm: other, to: alpha}
faults:
  - {pause-host: gamma, at: 100ms, lasts: 20ms}
  - {cut-link: migration, at: CUT, lasts: 5s}
expect:
  - migrations-completed: 2
  - no-guest-panic: true
migration: {connect-timeout: 100ms, patience: 200ms, answer-timeout: 200ms, query-interval: 50ms,
            idle-timeout: 400ms}
)";

/// The network is cut at that instant: 310ms is in the middle of the first migration.
Scenario busy(const std::string& cut) {
  std::string text = kBusy;
  text.replace(text.find("CUT"), 3, cut);
  return parse_scenario("busy.yaml", text);
}

ShrinkOptions options_for(const std::string& property) {
  ShrinkOptions options;
  options.property = property;
  options.limit = std::chrono::minutes(10);
  return options;
}

TEST(Shrink, APlantedBugNeedsOneStepOnly) {
  ShrinkOptions options = options_for("MI-1");
  options.plants = {"migration.forgets-final-set"};
  const Shrunk shrunk = shrink(busy("1200ms"), options);
  EXPECT_TRUE(shrunk.minimal);
  ASSERT_EQ(shrunk.scenario.timeline.size(), 1U);
  EXPECT_TRUE(shrunk.scenario.faults.empty());
  EXPECT_EQ(shrunk.scenario.vms.size(), 1U);
  EXPECT_EQ(shrunk.scenario.hosts.size(), 2U);
  EXPECT_LE(shrunk.causes.size(), 4U);
  // No fault is needed, so that healing cannot help.
  EXPECT_EQ(shrunk.instant.kind, CriticalInstant::Kind::Inevitable);
  EXPECT_EQ(shrunk.critical, std::nullopt);
}

TEST(Shrink, TheFaultThatMattersIsWhatIsLeft) {
  const Shrunk shrunk = shrink(busy("310ms"), options_for("migrations-completed"));
  EXPECT_TRUE(shrunk.minimal);
  ASSERT_EQ(shrunk.scenario.expect.size(), 1U);
  ASSERT_EQ(shrunk.scenario.faults.size(), 1U);
  EXPECT_EQ(shrunk.scenario.faults[0].fault, "cut-link");
  // A world without the step, or one that is too short, would not complete two migrations either:
  // that is another failure, which no fault explains.
  EXPECT_EQ(shrunk.scenario.timeline.size(), 2U);
}

TEST(Shrink, TheResultFailsAlone) {
  ShrinkOptions options = options_for("MI-1");
  options.plants = {"migration.forgets-final-set"};
  options.critical_instant = false;
  const Shrunk shrunk = shrink(busy("1200ms"), options);
  const Scenario again = parse_scenario("min.yaml", write_scenario(shrunk.scenario));
  const Judged judged = judge(again, options.plants, "MI-1", std::chrono::minutes(1));
  EXPECT_NE(judged.find("MI-1"), nullptr);
  EXPECT_TRUE(judged.decisions.empty() || again.decisions.has_value());
  EXPECT_TRUE(again.vary.empty());
  EXPECT_FALSE(again.budget.has_value());
}

TEST(Shrink, TwoTimesGiveTheSame) {
  ShrinkOptions options = options_for("MI-1");
  options.plants = {"migration.forgets-final-set"};
  options.critical_instant = false;
  const Scenario scenario = busy("1200ms");
  EXPECT_EQ(write_scenario(shrink(scenario, options).scenario),
            write_scenario(shrink(scenario, options).scenario));
}

TEST(Shrink, WhatDoesNotFailIsRefused) {
  EXPECT_THROW(shrink(busy("1200ms"), options_for("MI-1")), UserError);
}

TEST(Shrink, WithoutTimeItSaysThatItIsNotMinimal) {
  ShrinkOptions options = options_for("MI-1");
  options.plants = {"migration.forgets-final-set"};
  options.limit = std::chrono::milliseconds(1);
  const Shrunk shrunk = shrink(busy("1200ms"), options);
  EXPECT_FALSE(shrunk.minimal);
}

// A cut that begins with the migration ends it; healed before the migration has given up, it would
// have gone through.
constexpr const char* kCut = R"(
scenario: cut
end: 1500ms
hosts: {alpha: {memory: 1GiB}, beta: {memory: 1GiB}}
networks: {migration: {hosts: [alpha, beta]}}
vms: {web: {host: alpha, memory: 16MiB, guest: {model: worker, working-set: 4MiB}}}
timeline: [{at: 300ms, move-vm: web, to: beta}]
faults:
  - cut-link: migration
    when: {event: migration.phase, phase: precopy}
expect: [{migrations-completed: 1}]
migration: {connect-timeout: 100ms, patience: 200ms, answer-timeout: 200ms, query-interval: 50ms,
            idle-timeout: 400ms}
)";

TEST(CriticalInstant, LiesBetweenTheFaultAndTheGivingUp) {
  const Scenario scenario = parse_scenario("cut.yaml", kCut);
  const Judged judged = judge(scenario, {}, "migrations-completed", std::chrono::minutes(1));
  const Violation* violation = judged.find("migrations-completed");
  ASSERT_NE(violation, nullptr);
  const CriticalInstant instant =
      find_critical_instant(scenario, {}, *violation, std::chrono::minutes(1));
  ASSERT_EQ(instant.kind, CriticalInstant::Kind::Found);
  EXPECT_GE(instant.last_chance, sim::Time{300'000'000});
  EXPECT_LE(instant.last_chance, instant.too_late);
  EXPECT_LE(instant.too_late, sim::Time{900'000'000});
  ASSERT_GE(instant.chance, 1U);
  EXPECT_LT(instant.chance, instant.around.size());
}

}  // namespace
}  // namespace scenarios
