// What a search needs to say and write down: values that vary, budgets, invited trouble, decisions,
// magnitudes and roles of faults. And every mistake in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "fault-injection/catalogue.hpp"
#include "scenarios/language/parser.hpp"
#include "scenarios/language/points.hpp"
#include "scenarios/language/values.hpp"
#include "tests/scenarios/language/complaint.hpp"
#include "tests/scenarios/language/library.hpp"

namespace scenarios {
namespace {

using test::complaint;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Scenario with(const std::string& more) {
  return parse_scenario("s.yaml", test::quickstart() + more);
}

std::string complaint_with(const std::string& more) { return complaint(test::quickstart() + more); }

/// Line of the quickstart's first line that is not there any more.
int last_line() {
  int lines = 1;
  for (const char c : test::quickstart()) lines += c == '\n' ? 1 : 0;
  return lines;
}

std::string at(int line, int column) {
  return "s.yaml:" + std::to_string(last_line() + line - 1) + ":" + std::to_string(column) + ": ";
}

/// The first fault of the catalogue whose magnitude has this unit.
const faults::Fault* fault_by(faults::Amount unit) {
  for (const faults::Fault& fault : faults::catalogue()) {
    if (fault.magnitude.unit == unit && !fault.pair) return &fault;
  }
  return nullptr;
}

std::string target_for(const faults::Fault& fault) {
  switch (fault.target) {
    case faults::Target::Host:
      return "alpha";
    case faults::Target::Network:
      return "migration";
    case faults::Target::Storage:
      return "disk1";
    case faults::Target::Vm:
      return "web";
  }
  return "";
}

TEST(Vary, ReadsChoicesAndRanges) {
  const Scenario scenario = with(
      "vary:\n"
      "  - {value: vms.web.memory, choice: [64MiB, 128MiB]}\n"
      "  - {value: networks.migration.latency, log-range: [10us, 10ms]}\n"
      "  - {value: vms.web.guest.dirty-rate, range: [1, 400]}\n");
  ASSERT_EQ(scenario.vary.size(), 3U);
  EXPECT_EQ(scenario.vary[0].key, "vms.web.memory");
  EXPECT_EQ(scenario.vary[0].kind, VarySpec::Kind::Choice);
  EXPECT_THAT(scenario.vary[0].values, ElementsAre("64MiB", "128MiB"));
  EXPECT_EQ(scenario.vary[1].kind, VarySpec::Kind::LogRange);
  EXPECT_EQ(scenario.vary[2].kind, VarySpec::Kind::Range);
  EXPECT_EQ(scenario.vary[2].place.line, last_line() + 3);
}

TEST(Vary, EveryMistakeHasItsPlace) {
  EXPECT_EQ(complaint_with("vary:\n  - {value: vms.web.memry, choice: [64MiB]}\n"),
            at(2, 13) + "there is no value `memry` here, did you mean `memory`?");
  EXPECT_EQ(complaint_with("vary:\n  - {value: vms.wob.memory, choice: [64MiB]}\n"),
            at(2, 13) + "there is no VM `wob`, did you mean `web`?");
  EXPECT_EQ(complaint_with("vary:\n  - {value: vms.web, choice: [64MiB]}\n"),
            at(2, 13) + "the path ends too early; a path is such as vms.web.memory");
  EXPECT_EQ(complaint_with("vary:\n  - {value: seed.x, choice: [1]}\n"),
            at(2, 13) + "nothing stands below `seed`");
  EXPECT_EQ(complaint_with("vary:\n  - {value: timeline.1.at, choice: [1ms]}\n"),
            at(2, 13) + "no entry `1` in a list of 1");
  EXPECT_EQ(complaint_with("vary:\n  - {value: vms.web.memory, choice: [64MiB, 65]}\n"),
            at(2, 45) + "`65` is not a size such as 64MiB");
  EXPECT_EQ(complaint_with("vary:\n  - {value: vms.web.memory, choice: [64MiB, 8GiB]}\n"),
            at(2, 45) +
                "with this value: vms.web.memory: VM `web` does not fit on host `alpha`: "
                "8192 MiB wanted, 4096 MiB free");
  EXPECT_EQ(complaint_with("vary:\n  - {value: vms.web.guest.dirty-rate, range: [1]}\n"),
            at(2, 46) + "a range is two values, the lowest and the highest");
  EXPECT_EQ(complaint_with("vary:\n  - {value: vms.web.guest.dirty-rate, range: [400, 1]}\n"),
            at(2, 46) + "a range is the lowest and the highest value, in this order");
  EXPECT_EQ(complaint_with("vary:\n  - {value: vms.web.host, range: [alpha, beta]}\n"),
            at(2, 34) + "`vms.web.host` is no number; use `choice`");
  EXPECT_EQ(complaint_with("vary:\n  - {value: seed, choice: []}\n"),
            at(2, 27) + "there is nothing to choose from");
  EXPECT_THAT(complaint_with("vary:\n  - {value: seed, choice: [1], range: [1, 2]}\n"),
              StartsWith(at(2, 5) + "two choice or ranges in one entry"));
  EXPECT_THAT(complaint_with("vary:\n  - {value: seed}\n"),
              HasSubstr("known: choice, range, log-range"));
  EXPECT_THAT(complaint_with("vary:\n  - {choice: [1]}\n"), HasSubstr("`value` is missing"));
  EXPECT_EQ(
      complaint_with("vary:\n  - {value: seed, choice: [1]}\n  - {value: seed, choice: [2]}\n"),
      at(3, 13) + "`seed` stands here twice; remove one");
}

TEST(Budget, ReadsItsLimits) {
  const Scenario scenario = with(
      "budget: {faults: 3, hosts-down: 2, of: [network, host], without: [kill-storage], "
      "from: 100ms, until: 1s}\n");
  ASSERT_TRUE(scenario.budget);
  EXPECT_EQ(scenario.budget->faults, 3U);
  EXPECT_EQ(scenario.budget->hosts_down, 2U);
  EXPECT_THAT(scenario.budget->of, ElementsAre("network", "host"));
  EXPECT_THAT(scenario.budget->without, ElementsAre("kill-storage"));
  EXPECT_EQ(scenario.budget->from.ns, 100'000'000);
  EXPECT_EQ(scenario.budget->until.ns, 1'000'000'000);
}

TEST(Budget, EveryMistakeHasItsPlace) {
  EXPECT_EQ(complaint_with("budget: {faults: 1, of: [netwrk], until: 1s}\n"),
            at(1, 26) + "there is no class of faults `netwrk`, did you mean `network`?");
  EXPECT_EQ(complaint_with("budget: {faults: 1, without: [kill-hosts], until: 1s}\n"),
            at(1, 31) + "there is no fault `kill-hosts`, did you mean `kill-host`?");
  EXPECT_THAT(complaint_with("budget: {faults: 1, with: [cut-link], until: 1s}\n"),
              StartsWith(at(1, 28) + "there is no destructive fault `cut-link`"));
  EXPECT_EQ(complaint_with("budget: {faults: 1, from: 1s, until: 1s}\n"),
            at(1, 38) + "faults must have time: `until` lies after `from`");
  EXPECT_EQ(complaint_with("budget: {faults: 1, until: 2s}\n"),
            at(1, 28) + "the world has ended by then (`end`)");
  EXPECT_THAT(complaint_with("budget: {faults: 1}\n"), HasSubstr("`until` is missing"));
  EXPECT_THAT(complaint_with("budget: {until: 1s}\n"), HasSubstr("`faults` is missing"));
  EXPECT_EQ(complaint_with("budget: {faults: many, until: 1s}\n"),
            at(1, 18) + "`many` is not a whole number from 0 to 1000");
}

TEST(Buggify, ReadsPointsAndChances) {
  for (const Point& point : all_buggify_points()) {
    const Scenario scenario = with("buggify:\n  - {point: " + point.name + ", chance: 5%}\n");
    ASSERT_EQ(scenario.buggify.size(), 1U);
    EXPECT_EQ(scenario.buggify[0].point, point.name);
    EXPECT_EQ(scenario.buggify[0].chance, sim::Chance::per_million(50'000));
  }
}

TEST(Buggify, EveryMistakeHasItsPlace) {
  const std::string known = all_buggify_points().front().name;
  EXPECT_EQ(complaint_with("buggify:\n  - {point: Vmbus late, chance: 5%}\n"),
            at(2, 13) + "`Vmbus late` is not a dotted name such as net.loss");
  EXPECT_EQ(complaint_with("buggify:\n  - {point: " + known + "r, chance: 5%}\n"),
            at(2, 13) + "there is no point `" + known + "r`, did you mean `" + known + "`?");
  EXPECT_EQ(complaint_with("buggify:\n  - {point: a.b, chance: 5%}\n"),
            at(2, 13) + "there is no point `a.b`; `hvsim list buggify` shows them");
  EXPECT_EQ(complaint_with("buggify:\n  - {chance: 5, point: a.b}\n"),
            at(2, 14) + "`5` is not a percentage such as 0.5%");
  EXPECT_THAT(complaint_with("buggify:\n  - {point: a.b}\n"), HasSubstr("`chance` is missing"));
  EXPECT_EQ(complaint_with("buggify:\n  - {point: " + known +
                           ", chance: 5%}\n  - {point: " + known + ", chance: 6%}\n"),
            at(3, 13) + "`" + known + "` stands here twice; remove one");
}

TEST(Decisions, AreNumbersOfSixtyFourBits) {
  const Scenario scenario =
      with("decisions: [{stream: net.loss, operation: [3, 18446744073709551615]}]\n");
  ASSERT_TRUE(scenario.decisions);
  ASSERT_EQ(scenario.decisions->size(), 1U);
  EXPECT_EQ(scenario.decisions->at(0).stream, "net.loss");
  EXPECT_THAT(scenario.decisions->at(0).operation, ElementsAre(3, UINT64_MAX, 0, 0));
}

TEST(Decisions, NoneListedIsNotTheSameAsNotListed) {
  EXPECT_TRUE(with("decisions: []\n").decisions);
  EXPECT_FALSE(with("").decisions);
}

TEST(Decisions, EveryMistakeHasItsPlace) {
  EXPECT_EQ(complaint_with("decisions: [{stream: net.loss, operation: [1, 2, 3, 4, 5]}]\n"),
            at(1, 43) + "expected a list of whole numbers, four at most, such as [3, 17, 0, 2]");
  EXPECT_EQ(complaint_with("decisions: [{stream: net.loss, operation: [1, -2]}]\n"),
            at(1, 43) + "`-2` is not a whole number of 64 bits");
  EXPECT_EQ(complaint_with("decisions: [{stream: net loss, operation: [1]}]\n"),
            at(1, 22) + "`net loss` is not a dotted name such as net.loss");
  EXPECT_THAT(complaint_with("decisions: [{stream: net.loss}]\n"),
              HasSubstr("`operation` is missing"));
}

TEST(Faults, MagnitudesAreReadInTheFaultsOwnUnit) {
  for (const faults::Fault& fault : faults::catalogue()) {
    if (fault.magnitude.unit == faults::Amount::None || fault.pair) continue;
    FaultSpec spec;
    spec.fault = fault.name;
    spec.target = target_for(fault);
    spec.trigger.at = sim::Time{1'000'000};
    Scenario scenario = with("");
    scenario.faults = {spec};
    for (const std::int64_t amount : {fault.magnitude.low, fault.magnitude.high}) {
      scenario.faults[0].amount = amount;
      EXPECT_FALSE(find_mistake(scenario)) << fault.name;
      const std::string by = *value_at(scenario, "faults.0.by");
      const Scenario read = with("faults:\n  - {at: 1ms, " + std::string(fault.name) + ": " +
                                 spec.target + ", by: " + by + "}\n");
      EXPECT_EQ(read.faults[0].amount, amount) << fault.name << " by " << by;
    }
    scenario.faults[0].amount = fault.magnitude.high + 1;
    EXPECT_TRUE(find_mistake(scenario)) << fault.name;
  }
}

TEST(Faults, MagnitudesThatDoNotFit) {
  EXPECT_EQ(complaint_with("faults:\n  - {at: 1ms, cut-link: migration, by: 3}\n"),
            at(2, 40) + "`cut-link` takes no `by`");
  if (const faults::Fault* fault = fault_by(faults::Amount::Chance)) {
    EXPECT_THAT(complaint_with("faults:\n  - {at: 1ms, " + std::string(fault->name) + ": " +
                               target_for(*fault) + ", by: 3ms}\n"),
                HasSubstr("`3ms` is not a percentage such as 0.5%"));
  }
}

TEST(Faults, ARoleStandsForATargetOfItsKind) {
  for (const faults::Role& role : faults::roles()) {
    const bool host = role.target == faults::Target::Host;
    const std::string text = "faults:\n  - {at: 1ms, kill-host: " + std::string(role.name) + "}\n";
    if (host) {
      EXPECT_EQ(complaint_with(text), "") << role.name;
    } else {
      EXPECT_THAT(complaint_with(text), HasSubstr("which `kill-host` cannot hit")) << role.name;
    }
    EXPECT_THAT(complaint(test::replaced(test::quickstart(), "  disk1:",
                                         "  " + std::string(role.name) +
                                             ": {size: 1MiB}\n"
                                             "  disk1:")),
                HasSubstr("is a role of faults; use another name"));
  }
}

TEST(Faults, EveryMistakeHasItsPlace) {
  EXPECT_EQ(complaint_with("faults:\n  - {at: 1ms, kill-host: alpa}\n"),
            at(2, 26) + "there is no host `alpa`, did you mean `alpha`?");
  EXPECT_EQ(complaint_with("faults:\n  - {at: 1ms, cut-link: migration, from: gamma}\n"),
            at(2, 42) + "host `gamma` is not on network `migration`, known: alpha, beta");
  EXPECT_EQ(complaint_with("faults:\n  - {at: 1ms, cut-link: migration, to: beta}\n"),
            at(2, 40) + "`cut-link` takes no `to`");
  EXPECT_EQ(complaint_with("faults:\n  - {at: 1ms, kill-host: alpha, from: beta}\n"),
            at(2, 39) + "`kill-host` takes no `from`");
  EXPECT_EQ(complaint_with("faults:\n  - {at: 2s, kill-host: alpha}\n"),
            at(2, 10) + "the world has ended by then (`end`)");
  EXPECT_EQ(complaint_with("faults:\n  - {at: 1ms, after: 1ms, kill-host: alpha}\n"),
            at(2, 22) + "`after` belongs to `when`");
  EXPECT_EQ(complaint_with("faults:\n  - {at: 1ms, latest: 1ms, kill-host: alpha}\n"),
            at(2, 23) + "`latest` belongs to `when`");
  EXPECT_THAT(complaint_with("faults:\n  - {kill-host: alpha}\n"),
              StartsWith(at(2, 5) + "a fault strikes either `at` an instant or `when`"));
  EXPECT_THAT(complaint_with("faults:\n  - {when: {phase: commit}, kill-host: alpha}\n"),
              StartsWith(at(2, 12) + "`when` names an `event`"));
  EXPECT_EQ(complaint_with("faults:\n  - {when: {event: migration.fase}, kill-host: alpha}\n"),
            at(2, 20) + "there is no event `migration.fase`, did you mean `migration.phase`?");
  EXPECT_EQ(complaint_with(
                "faults:\n  - {when: {event: migration.phase, phase: comit}, kill-host: alpha}\n"),
            at(2, 44) + "field `phase` has no value `comit`, did you mean `commit`?");
  EXPECT_EQ(
      complaint_with("faults:\n  - {when: {event: migration.phase, vn: 1}, kill-host: alpha}\n"),
      at(2, 41) + "event `migration.phase` has no field `vn`, did you mean `vm`?");
  EXPECT_THAT(complaint_with("faults:\n  - {when: {event: ring.produced}, kill-host: alpha}\n"),
              HasSubstr("is detail that may be off; a fault cannot wait for it"));
}

TEST(Values, AreSetByPath) {
  const Scenario base = with("faults:\n  - {at: 1ms, kill-host: alpha}\n");
  const Scenario changed = with_values(base, {{"vms.web.memory", "128MiB"},
                                              {"networks.migration.loss", "0.5%"},
                                              {"timeline.0.at", "1s"},
                                              {"faults.0.lasts", "2ms"},
                                              {"faults.0.kill-host", "beta"},
                                              {"expect.1.downtime-below", "7ms"},
                                              {"migration.round-limit", "3"},
                                              {"vms.web.guest.dirty-rate", "9"}});
  EXPECT_EQ(changed.vms[0].memory_bytes, 128ULL << 20);
  EXPECT_EQ(changed.networks[0].loss, sim::Chance::per_million(5'000));
  EXPECT_EQ(changed.timeline[0].at.ns, 1'000'000'000);
  EXPECT_EQ(changed.faults[0].lasts->ns, 2'000'000);
  EXPECT_EQ(changed.faults[0].target, "beta");
  EXPECT_EQ(changed.expect[1].bound, 7'000'000);
  EXPECT_EQ(changed.migration.round_limit, 3U);
  EXPECT_EQ(changed.vms[0].guest.dirty_pages_per_ms, 9U);
  EXPECT_EQ(base.vms[0].memory_bytes, 64ULL << 20);
  EXPECT_EQ(value_at(changed, "vms.web.memory"), "128MiB");
  EXPECT_EQ(value_at(changed, "networks.migration.loss"), "0.5%");
  EXPECT_FALSE(value_at(changed, "vms.web.memry"));
}

TEST(Values, SayTheSameAsOverridesOfTheText) {
  const std::vector<std::vector<Override>> all{
      {{"seed", "7"}, {"end", "2s"}},
      {{"vms.web.guest.working-set", "8MiB"}},
      {{"networks.migration.latency", "3us"}, {"networks.migration.bandwidth", "1Gbit/s"}},
      {{"vms.web.heartbeat", "50ms"}, {"storage.disk1.size", "8MiB"}, {"vms.web.host", "beta"}},
  };
  for (const auto& values : all) {
    EXPECT_EQ(with_values(with(""), values), parse_scenario("s.yaml", test::quickstart(), values));
  }
}

TEST(Values, WhatDoesNotFitTogetherIsRefused) {
  const Scenario base = with("");
  EXPECT_THROW(with_values(base, {{"vms.web.memory", "8GiB"}}), UserError);
  EXPECT_NO_THROW(with_values(base, {{"vms.web.memory", "8GiB"}, {"hosts.alpha.memory", "9GiB"}}));
  EXPECT_THROW(with_values(base, {{"vms.web.memory", "65"}}), UserError);
  EXPECT_THROW(with_values(base, {{"vms.web.disks", "disk1"}}), UserError);
  EXPECT_THROW(with_values(base, {{"", "1"}}), UserError);
}

}  // namespace
}  // namespace scenarios
