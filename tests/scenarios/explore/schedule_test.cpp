// Seeds as ranges, names of runs, and the order in which an exploration takes them.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <set>

#include "scenarios/explore/points.hpp"
#include "scenarios/explore/run_name.hpp"
#include "scenarios/explore/schedule.hpp"
#include "scenarios/explore/seed_ranges.hpp"

namespace {

using scenarios::Item;
using scenarios::RunName;
using scenarios::Schedule;
using scenarios::SeedRange;
using scenarios::SeedRanges;

/// Takes everything there is; no run reaches anything new.
std::set<std::pair<std::size_t, std::uint64_t>> drain(Schedule& schedule) {
  std::set<std::pair<std::size_t, std::uint64_t>> seen;
  while (const auto item = schedule.next()) {
    EXPECT_TRUE(seen.emplace(item->scenario, item->name.seed).second)
        << "a run was handed out twice";
    schedule.finished(*item, 0);
  }
  return seen;
}

RC_GTEST_PROP(SeedRanges, HoldExactlyWhatWasAdded, ()) {
  SeedRanges ranges;
  std::set<std::uint64_t> model;
  const auto count = *rc::gen::inRange(0, 20);
  for (int i = 0; i < count; ++i) {
    const auto first = static_cast<std::uint64_t>(*rc::gen::inRange(0, 60));
    const auto last = first + static_cast<std::uint64_t>(*rc::gen::inRange(0, 9));
    ranges.add({first, last});
    for (std::uint64_t seed = first; seed <= last; ++seed) model.insert(seed);
  }
  RC_ASSERT(ranges.size() == model.size());
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    RC_ASSERT(ranges.contains(seed) == (model.count(seed) != 0));
  }
  std::uint64_t before = 0;
  for (const auto& [first, last] : ranges.ranges()) {
    RC_ASSERT(first <= last);
    RC_ASSERT(before == 0 || first > before + 1);  // what touches is one range
    before = last;
  }
}

TEST(SeedRanges, AreReadAsARangeOrACount) {
  EXPECT_EQ(scenarios::parse_seed_range("3..7")->first, 3U);
  EXPECT_EQ(scenarios::parse_seed_range("3..7")->size(), 5U);
  EXPECT_EQ(scenarios::parse_seed_range("100")->last, 100U);
  for (const char* wrong : {"", "0", "7..3", "1..", "..4", "a..b", "1...3", "-1..4"}) {
    EXPECT_FALSE(scenarios::parse_seed_range(wrong)) << wrong;
  }
}

RC_GTEST_PROP(Shards, TogetherAreTheWholeAndShareNothing, ()) {
  const auto first = static_cast<std::uint64_t>(*rc::gen::inRange(0, 50));
  const auto size = static_cast<std::uint64_t>(*rc::gen::inRange(1, 200));
  const auto count = static_cast<std::uint64_t>(*rc::gen::inRange(1, 12));
  std::uint64_t next = first;
  for (std::uint64_t i = 1; i <= count; ++i) {
    const SeedRange shard = scenarios::shard_of({first, first + size - 1}, i, count);
    RC_ASSERT(shard.first == next);
    next += shard.size();
  }
  RC_ASSERT(next == first + size);
}

TEST(RunNames, ReadAsTheyAreWritten) {
  for (const RunName& name : {RunName{17, {}}, RunName{0, {3, 0, 12}}}) {
    EXPECT_EQ(scenarios::parse_run_name(to_text(name)), name);
  }
  for (const char* wrong : {"", ".", "1.", "x", "1.2.", "1+", "1+no.such.point.3", "1..2"}) {
    EXPECT_FALSE(scenarios::parse_run_name(wrong)) << wrong;
  }
}

TEST(RunNames, NameThePointThatAWorldWasForkedAt) {
  ASSERT_FALSE(scenarios::sometimes_points().empty());
  for (const std::string& point : scenarios::sometimes_points()) {
    const RunName name{5, {2, scenarios::fork_mutant(point, 3), 1}};
    EXPECT_EQ(to_text(name), "5.2+" + point + ".3.1");
    EXPECT_EQ(scenarios::parse_run_name(to_text(name)), name);
  }
}

TEST(Schedule, RunsEverySeedOfEveryScenarioOnce) {
  Schedule schedule({{1, 10}}, {true, false}, std::vector<SeedRanges>(2));
  EXPECT_EQ(drain(schedule).size(), 20U);
  EXPECT_TRUE(schedule.exhausted());
  EXPECT_EQ(schedule.seeds_done(), 20U);
  EXPECT_EQ(schedule.take_done(0).text(), "1..10");
  EXPECT_EQ(schedule.take_done(0).text(), "none");
}

TEST(Schedule, LeavesOutWhatIsDone) {
  std::vector<SeedRanges> done(2);
  done[0].add({1, 4});
  done[1].add({3, 100});
  Schedule schedule({{1, 10}}, {true, true}, done);
  EXPECT_EQ(schedule.seeds_done(), 12U);
  const auto seen = drain(schedule);
  EXPECT_EQ(seen.size(), 8U);
  EXPECT_EQ(seen.count({0, 4}), 0U);
  EXPECT_EQ(seen.count({0, 5}), 1U);
  EXPECT_EQ(seen.count({1, 3}), 0U);
}

TEST(Schedule, TriesMutantsOfWhatReachedSomethingNew) {
  Schedule schedule({{1, 1}}, {true}, std::vector<SeedRanges>(1));
  const Item seed = *schedule.next();
  EXPECT_FALSE(schedule.next());
  EXPECT_FALSE(schedule.exhausted());
  schedule.finished(seed, 1);
  EXPECT_EQ(schedule.take_done(0).text(), "none") << "its mutants are not done";
  std::set<std::string> names;
  while (const auto item = schedule.next()) {
    names.insert(to_text(item->name));
    schedule.finished(*item, 0);
  }
  EXPECT_EQ(names, (std::set<std::string>{"1.0", "1.1"}));
  EXPECT_EQ(schedule.take_done(0).text(), "1");
}

TEST(Schedule, TriesNoMutantsOfAScenarioThatDoesNotVary) {
  Schedule schedule({{1, 1}}, {false}, std::vector<SeedRanges>(1));
  schedule.finished(*schedule.next(), 100);
  EXPECT_FALSE(schedule.next());
  EXPECT_TRUE(schedule.exhausted());
}

TEST(Schedule, EndsHoweverMuchIsNew) {
  Schedule schedule({{1, 3}}, {true}, std::vector<SeedRanges>(1));
  std::size_t runs = 0;
  while (const auto item = schedule.next()) {
    schedule.finished(*item, 50);
    ASSERT_LT(++runs, 100'000U);
  }
  EXPECT_TRUE(schedule.exhausted());
  EXPECT_GT(runs, 3U);
}

TEST(Schedule, RepeatsARunThatDidNotEnd) {
  Schedule schedule({{1, 2}}, {true}, std::vector<SeedRanges>(1));
  const Item lost = *schedule.next();
  schedule.again(lost);
  EXPECT_EQ(schedule.next()->name, lost.name);
}

TEST(Schedule, WithAnOpenEndSharesOutBlocks) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t shard = 1; shard <= 3; ++shard) {
    Schedule::Plan plan;
    plan.seeds = {1, 1};
    plan.open_ended = true;
    plan.shard = shard;
    plan.shards = 3;
    Schedule schedule(plan, {false}, std::vector<SeedRanges>(1));
    for (int i = 0; i < 128; ++i) {
      const Item item = *schedule.next();
      EXPECT_TRUE(seen.insert(item.name.seed).second);
      schedule.finished(item, 0);
    }
  }
  EXPECT_EQ(seen.size(), 384U);
  EXPECT_EQ(*seen.rbegin(), 384U);
}

TEST(Schedule, WithAnOpenEndSharesTheTimeAmongScenarios) {
  Schedule::Plan plan;
  plan.open_ended = true;
  Schedule schedule(plan, {false, false}, std::vector<SeedRanges>(2));
  std::array<int, 2> runs{};
  for (int i = 0; i < 110; ++i) {
    const Item item = *schedule.next();
    ++runs[item.scenario];
    schedule.finished(item, 0, item.scenario == 0 ? 0.1 : 1.0);
  }
  EXPECT_NEAR(runs[0], 100, 5);
  EXPECT_NEAR(runs[1], 10, 5);
}

}  // namespace
