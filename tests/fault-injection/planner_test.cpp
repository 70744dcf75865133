// Plans keep to their budget whatever is drawn, and reach everything that the budget allows.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "fault-injection/planner.hpp"

namespace {

using faults::Budget;
using faults::Planned;
using faults::Stage;

Stage full_stage() {
  Stage stage;
  stage.hosts = {"alpha", "beta", "gamma"};
  stage.networks = {{"lan", {"alpha", "beta", "gamma"}}, {"san", {"alpha", "beta"}}};
  stage.storage = {"csv"};
  stage.vms = {"web", "db"};
  stage.moments = {{"migration.phase", {{"phase", "handover"}}}, {"migration.round", {}}};
  return stage;
}

Budget wide_budget() {
  Budget budget;
  budget.faults = 6;
  budget.hosts_down = 2;
  budget.from = sim::Time{100'000'000};
  budget.until = sim::Time{30'000'000'000};
  for (const faults::Fault& fault : faults::catalogue()) {
    if (fault.destructive) budget.with.emplace_back(fault.name);
  }
  return budget;
}

Budget any_budget() {
  Budget budget;
  budget.faults = *rc::gen::inRange<std::uint64_t>(0, 9);
  budget.hosts_down = *rc::gen::inRange<std::uint64_t>(0, 4);
  budget.from = sim::Time{*rc::gen::inRange<std::int64_t>(0, 1'000'000'000)};
  budget.until = budget.from + sim::Duration{*rc::gen::element<std::int64_t>(
                                   -5, 0, 1, 2, 7, 1'000, 999'999, 1'000'000, 20'000'000'000)};
  if (*rc::gen::arbitrary<bool>()) {
    budget.of = *rc::gen::container<std::vector<faults::Class>>(
        rc::gen::element(faults::Class::Network, faults::Class::Storage, faults::Class::Host,
                         faults::Class::Guest, faults::Class::Operator));
  }
  for (const faults::Fault& fault : faults::catalogue()) {
    if (*rc::gen::weightedElement<bool>({{1, true}, {4, false}})) {
      budget.without.emplace_back(fault.name);
    }
    if (*rc::gen::arbitrary<bool>()) budget.with.emplace_back(fault.name);
  }
  return budget;
}

/// A stage that may lack anything.
Stage any_stage() {
  Stage stage = full_stage();
  const auto keep = [] { return *rc::gen::weightedElement<bool>({{3, true}, {1, false}}); };
  if (!keep()) stage.hosts.clear();
  if (!keep()) stage.networks.clear();
  if (!keep()) stage.storage.clear();
  if (!keep()) stage.vms.clear();
  if (!keep()) stage.moments.clear();
  return stage;
}

sim::Random any_seed() { return sim::Random(*rc::gen::arbitrary<std::uint64_t>()); }

/// When an entry may have its host down, told again independently of the planner.
struct Outage {
  std::int64_t from, until;
  std::string host;
};
std::vector<Outage> outages(const std::vector<Planned>& plan) {
  std::vector<Outage> all;
  std::size_t number = 0;
  for (const Planned& planned : plan) {
    ++number;
    if (!faults::find(planned.fault)->hosts_down) continue;
    const bool timed = planned.trigger.at.has_value();
    const std::int64_t first = timed ? planned.trigger.at->ns : planned.trigger.earliest->ns;
    const std::int64_t last = timed ? first : planned.trigger.latest->ns;
    const Stage stage = full_stage();
    const bool named = std::count(stage.hosts.begin(), stage.hosts.end(), planned.target) != 0;
    all.push_back({first, last + planned.lasts->ns,
                   named ? planned.target : planned.target + std::to_string(number)});
  }
  return all;
}

RC_GTEST_PROP(Planner, NeverExceedsTheBudget, ()) {
  const Budget budget = any_budget();
  const auto plan = faults::plan(any_seed(), any_stage(), budget);
  RC_ASSERT(plan.size() <= budget.faults);
  RC_ASSERT(faults::within(budget, plan));
  for (const Planned& planned : plan) {
    const faults::Fault& fault = *faults::find(planned.fault);
    RC_ASSERT(planned.lasts.has_value() == fault.reversible);
    const sim::Duration lasts = planned.lasts.value_or(sim::Duration{});
    const sim::Time first = planned.trigger.at ? *planned.trigger.at : *planned.trigger.earliest;
    const sim::Time last = planned.trigger.at ? *planned.trigger.at : *planned.trigger.latest;
    RC_ASSERT(first >= budget.from && lasts >= sim::Duration{});
    RC_ASSERT(last >= first && last + lasts <= budget.until);
    RC_ASSERT(planned.amount >= fault.magnitude.low && planned.amount <= fault.magnitude.high);
    RC_ASSERT(planned.from.empty() || planned.from != planned.to);
    RC_ASSERT(planned.to.empty() == !fault.pair);
  }
}

RC_GTEST_PROP(Planner, NeverHasMoreHostsDownThanAllowed, ()) {
  Budget budget = any_budget();
  budget.of = {faults::Class::Host};
  budget.without.clear();
  const std::vector<Outage> all = outages(faults::plan(any_seed(), full_stage(), budget));
  for (const Outage& at : all) {
    std::set<std::string> down;
    for (const Outage& other : all) {
      if (other.from <= at.from && other.until >= at.from) down.insert(other.host);
    }
    RC_ASSERT(down.size() <= budget.hosts_down);
  }
}

RC_GTEST_PROP(Planner, EveryPartOfAPlanIsWithinTheBudgetToo, ()) {
  const Budget budget = any_budget();
  const auto plan = faults::plan(any_seed(), any_stage(), budget);
  RC_PRE(!plan.empty());
  auto rest = plan;
  const auto slot = *rc::gen::inRange<std::size_t>(0, plan.size());
  rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(slot));
  RC_ASSERT(faults::within(budget, rest));
}

RC_GTEST_PROP(Planner, SameSeedAndStageGiveTheSamePlan, ()) {
  const Budget budget = any_budget();
  const Stage stage = any_stage();
  const sim::Random seed = any_seed();
  RC_ASSERT(faults::plan(seed, stage, budget) == faults::plan(seed, stage, budget));
}

/// What one slot draws does not depend on what the others may do: a fault that is forbidden and
/// was drawn elsewhere only changes the slots that drew it, as long as the swarm stays.
RC_GTEST_PROP(Planner, ARedrawnSlotLeavesTheOthers, ()) {
  const Budget budget = any_budget();
  const Stage stage = any_stage();
  const sim::Random seed = any_seed();
  const auto plan = faults::plan(seed, stage, budget);
  RC_PRE(!plan.empty());
  const auto slot = *rc::gen::inRange<std::size_t>(0, plan.size());
  const auto variant = *rc::gen::arbitrary<std::uint64_t>();
  const auto changed = faults::replan(seed, stage, budget, plan, slot, variant);
  RC_ASSERT(faults::within(budget, changed));
  RC_ASSERT(changed.size() == plan.size());
  for (std::size_t other = 0; other < plan.size(); ++other) {
    if (other != slot) RC_ASSERT(changed[other] == plan[other]);
  }
}

RC_GTEST_PROP(Planner, ASlotAddedAtTheEndLeavesTheOthers, ()) {
  const Budget budget = any_budget();
  const Stage stage = any_stage();
  const sim::Random seed = any_seed();
  const auto plan = faults::plan(seed, stage, budget);
  const auto longer = faults::replan(seed, stage, budget, plan, plan.size(), 1);
  RC_ASSERT(faults::within(budget, longer));
  RC_ASSERT(longer.size() == plan.size() || longer.size() == plan.size() + 1);
  RC_ASSERT(std::equal(plan.begin(), plan.end(), longer.begin()));
}

TEST(Planner, DrawsEveryFaultThatHasATarget) {
  std::set<std::string> drawn, targets, events;
  bool at_an_instant = false;
  bool one_way = false;
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    for (const Planned& planned : faults::plan(sim::Random(seed), full_stage(), wide_budget())) {
      drawn.insert(planned.fault);
      targets.insert(planned.target);
      events.insert(planned.trigger.event);
      at_an_instant = at_an_instant || planned.trigger.at.has_value();
      one_way = one_way || (!planned.from.empty() && planned.to.empty());
    }
  }
  for (const faults::Fault& fault : faults::catalogue()) {
    EXPECT_EQ(drawn.count(fault.name), 1U) << fault.name;
  }
  for (const char* target : {"alpha", "beta", "gamma", "lan", "san", "csv"}) {
    EXPECT_EQ(targets.count(target), 1U) << target;
  }
  for (const faults::Role& role : faults::roles()) {
    EXPECT_EQ(targets.count(role.name), 1U) << role.name;
  }
  EXPECT_EQ(events.count("migration.phase"), 1U);
  EXPECT_EQ(events.count("migration.round"), 1U);
  EXPECT_TRUE(at_an_instant);
  EXPECT_TRUE(one_way);
}

TEST(Planner, ARunEnablesOnlySomeFaults) {
  // Enough slots to draw everything that is enabled: no run may reach the whole catalogue.
  Budget budget = wide_budget();
  budget.faults = 200;
  budget.hosts_down = 200;
  unsigned everything = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::set<std::string> drawn;
    for (const Planned& planned : faults::plan(sim::Random(seed), full_stage(), budget)) {
      drawn.insert(planned.fault);
    }
    EXPECT_FALSE(drawn.empty()) << seed;
    if (drawn.size() == faults::catalogue().size()) ++everything;
  }
  EXPECT_LT(everything, 25U);
}

TEST(Planner, PlansNothingWhereNothingHasATarget) {
  EXPECT_TRUE(faults::plan(sim::Random(1), Stage{}, wide_budget()).empty());
}

TEST(Planner, PlansDestructiveFaultsOnlyWhenTheyAreNamed) {
  Budget budget = wide_budget();
  budget.with.clear();
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    for (const Planned& planned : faults::plan(sim::Random(seed), full_stage(), budget)) {
      EXPECT_FALSE(faults::find(planned.fault)->destructive) << planned.fault;
    }
  }
}

Planned outage(const char* fault, const char* host, std::int64_t at, std::int64_t lasts) {
  Planned planned;
  planned.fault = fault;
  planned.target = host;
  planned.trigger.at = sim::Time{at};
  planned.lasts = sim::Duration{lasts};
  return planned;
}

Budget one_down() {
  Budget budget;
  budget.faults = 3;
  budget.from = sim::Time{10};
  budget.until = sim::Time{1'000};
  return budget;
}

TEST(Within, TwoHostsMayBeDownInTurnButNotTogether) {
  EXPECT_TRUE(faults::within(
      one_down(), {outage("kill-host", "alpha", 10, 90), outage("pause-host", "beta", 101, 50)}));
  EXPECT_FALSE(faults::within(
      one_down(), {outage("kill-host", "alpha", 10, 91), outage("pause-host", "beta", 101, 50)}));
  EXPECT_TRUE(faults::within(
      one_down(), {outage("kill-host", "alpha", 10, 91), outage("pause-host", "alpha", 101, 50)}));
}

TEST(Within, WhatWaitsForAnEventMayComeAtAnyInstant) {
  Planned waits = outage("kill-host", "alpha", 0, 100);
  waits.trigger.at.reset();
  waits.trigger.event = "migration.round";
  EXPECT_FALSE(faults::within(one_down(), {waits}));  // nothing says that it ends in time
  waits.trigger.earliest = sim::Time{10};
  waits.trigger.latest = sim::Time{900};
  EXPECT_TRUE(faults::within(one_down(), {waits}));
  EXPECT_FALSE(faults::within(one_down(), {waits, outage("kill-host", "beta", 990, 5)}));
  waits.trigger.latest = sim::Time{901};
  EXPECT_FALSE(faults::within(one_down(), {waits}));
}

TEST(Within, AFaultThatIsNotTakenBackInTimeIsOutside) {
  EXPECT_TRUE(faults::within(one_down(), {outage("cut-link", "lan", 10, 990)}));
  EXPECT_FALSE(faults::within(one_down(), {outage("cut-link", "lan", 10, 991)}));
  EXPECT_FALSE(faults::within(one_down(), {outage("cut-link", "lan", 9, 1)}));
  Planned for_ever = outage("cut-link", "lan", 10, 0);
  for_ever.lasts.reset();
  EXPECT_FALSE(faults::within(one_down(), {for_ever}));
}

TEST(Within, OnlyWhatTheBudgetAllows) {
  const std::vector<Planned> plan{outage("cut-link", "lan", 10, 5)};
  Budget budget = one_down();
  budget.of = {faults::Class::Storage};
  EXPECT_FALSE(faults::within(budget, plan));
  budget.of = {faults::Class::Network};
  EXPECT_TRUE(faults::within(budget, plan));
  budget.without = {"cut-link"};
  EXPECT_FALSE(faults::within(budget, plan));
  EXPECT_FALSE(faults::within(one_down(), {outage("no-such-fault", "lan", 10, 5)}));
  EXPECT_FALSE(faults::within(one_down(), {plan[0], plan[0], plan[0], plan[0]}));
}

}  // namespace
