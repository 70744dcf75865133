// Loss, duplication, reordering: what the stream makes good, and what the choices depend on.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

#include "tests/sim/net/testbed.hpp"

namespace sim {
namespace {

using namespace sim::literals;
using testing::Plan;
using testing::Story;
using testing::Testbed;

LinkFaults losing(std::uint64_t per_million) {
  LinkFaults faults;
  faults.loss = Chance::per_million(per_million);
  return faults;
}

TEST(Loss, CostsTheTimeoutAndTheLostBytesAgain) {
  // Seeds differ in how often the one message is lost; each loss doubles the wait.
  std::set<std::uint32_t> seen;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Testbed bed(seed);
    Story story;
    bed.link("l", "a", "b", 8'000'000'000, 0_ns);
    bed.serve("b", story);
    Plan plan;
    plan.start = 0_s;
    plan.patience = 100_s;
    plan.sizes = {50'000};
    bed.client("a", "b", plan, story);
    bed.at(1_ms, [&bed] { bed.network->set_faults({"l", bed.id("a")}, losing(500'000)); });
    Plan later = plan;
    later.start = 2_ms;
    bed.network->set_faults({"l", bed.id("a")}, {});
    bed.run(300_s);
    ASSERT_EQ(bed.log.transfers.size(), 1U);
    EXPECT_EQ(bed.log.transfers[0].retries, 0U);  // the fault came after it

    Testbed lossy(seed);
    Story harmed;
    lossy.link("l", "a", "b", 8'000'000'000, 0_ns);
    lossy.serve("b", harmed);
    plan.pause_between = 10_ms;
    plan.sizes = {64, 50'000};
    lossy.client("a", "b", plan, harmed);
    lossy.at(5_ms, [&lossy] { lossy.network->set_faults({"l", lossy.id("a")}, losing(500'000)); });
    lossy.run(300_s);
    ASSERT_EQ(lossy.log.transfers.size(), 2U);
    const auto& transfer = lossy.log.transfers[1];
    // n losses: 200 ms (2^n - 1) of waiting, an acknowledgement's 64 ns each, n + 1 times the
    // bytes.
    const std::int64_t n = transfer.retries;
    EXPECT_EQ(transfer.took.ns,
              200'000'000 * ((std::int64_t{1} << n) - 1) + 64 * n + 50'000 * (n + 1));
    seen.insert(transfer.retries);
  }
  EXPECT_GE(seen.size(), 3U);
}

TEST(Loss, OfSomeChunksOfALargeMessageRepeatsOnlyThose) {
  Testbed bed(3);
  Story story;
  bed.link("l", "a", "b", 8'000'000'000, 0_ns);
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {64, 6'400'000'000};
  plan.pause_between = 10_ms;
  bed.client("a", "b", plan, story);
  bed.at(5_ms, [&bed] { bed.network->set_faults({"l", bed.id("a")}, losing(100'000)); });
  bed.run(100_s);
  ASSERT_EQ(bed.log.transfers.size(), 2U);
  const auto& transfer = bed.log.transfers[1];
  EXPECT_GE(transfer.retries, 1U);
  EXPECT_GT(transfer.took.ns, 6'400'000'000 + 200'000'000);
  EXPECT_LT(transfer.took.ns, 6'400'000'000 * 13 / 10 + 200'000'000 * transfer.retries);
}

TEST(Loss, OfEverythingEndsInATimeoutAtTheSenderAfterItsPatience) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {64, 64};
  plan.pause_between = 1_s;
  plan.patience = 7_s;
  bed.client("a", "b", plan, story);
  bed.at(500_ms, [&bed] {
    LinkFaults faults;
    faults.loss = Chance::always();
    bed.network->set_faults({"l", bed.id("a")}, faults);
  });
  bed.run(60_s);
  ASSERT_EQ(story.answered.size(), 2U);
  EXPECT_EQ(story.answered[1].status, StreamStatus::TimedOut);
  EXPECT_NEAR(static_cast<double>(story.answered[1].time.ns), 8e9, 1e7);
  EXPECT_FALSE(story.got(1));
}

TEST(Loss, OfAcknowledgementsDelaysTheSenderButDeliversOnce) {
  Testbed bed(5);
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  bed.network->set_faults({"l", bed.id("b")}, losing(600'000));
  Plan plan;
  plan.give_up = 1000_s;
  plan.patience = 1000_s;
  plan.sizes.assign(20, 100'000);
  bed.client("a", "b", plan, story);
  bed.run(3000_s);
  ASSERT_EQ(story.arrived.size(), 20U);
  for (std::uint32_t n = 0; n < 20; ++n) EXPECT_EQ(story.arrived[n].kind, n);
  EXPECT_GT(story.answered.back().time.ns, 1'000'000'000);
}

RC_GTEST_PROP(Delivery, IsExactlyOnceAndInOrderUnderAnyLossBelowOne, ()) {
  Testbed bed(*rc::gen::arbitrary<std::uint64_t>());
  Story story;
  bed.node("s", "switch");
  bed.link("l1", "a", "s");
  bed.link("l2", "s", "b", 1'000'000'000);
  const auto faults = [] {
    LinkFaults each;
    each.loss = Chance::per_million(*rc::gen::inRange<std::uint64_t>(0, 700'000));
    each.duplication = Chance::per_million(*rc::gen::inRange<std::uint64_t>(0, 500'000));
    each.reordering = Chance::per_million(*rc::gen::inRange<std::uint64_t>(0, 1'000'000));
    each.extra_delay = Duration{*rc::gen::inRange(0, 3'000'000)};
    return each;
  };
  bed.network->set_faults({"l1", bed.id("a")}, faults());
  bed.network->set_faults({"l2", bed.id("s")}, faults());
  bed.network->set_faults({"l2", bed.id("b")}, faults());
  bed.serve("b", story);
  Plan plan;
  plan.give_up = 1'000'000_s;
  plan.patience = 1'000'000_s;
  plan.concurrent = *rc::gen::arbitrary<bool>();
  plan.sizes = *rc::gen::container<std::vector<std::uint64_t>>(
      rc::gen::inRange<std::uint64_t>(1, 2'000'000));
  plan.linger = 1'000'000_s;
  bed.client("a", "b", plan, story);
  bed.run(2'000'000_s);
  RC_ASSERT(story.connected);
  RC_ASSERT(story.arrived.size() == plan.sizes.size());
  for (std::uint32_t n = 0; n < story.arrived.size(); ++n) RC_ASSERT(story.arrived[n].kind == n);
  RC_ASSERT(story.answered.size() == plan.sizes.size());
  for (const auto& answer : story.answered) RC_ASSERT(answer.status == StreamStatus::Ok);
}

/// Two links in a row; which faults fired, for one seed.
std::vector<std::string> fired(std::uint64_t seed, bool first_link_too, bool with_duplication) {
  Testbed bed(seed);
  Story story;
  bed.node("s", "switch");
  bed.link("l1", "a", "s");
  bed.link("l2", "s", "b");
  bed.serve("b", story);
  LinkFaults both = losing(300'000);
  if (with_duplication) both.duplication = Chance::per_million(300'000);
  if (first_link_too) {
    LinkFaults late;
    late.reordering = Chance::per_million(500'000);
    bed.network->set_faults({"l1", bed.id("a")}, late);
  }
  bed.network->set_faults({"l2", bed.id("s")}, both);
  Plan plan;
  plan.patience = 1000_s;
  plan.sizes.assign(30, 200'000);
  bed.client("a", "b", plan, story);
  bed.run(1000_s);
  return bed.log.faults;
}

std::vector<std::string> of_kind(const std::vector<std::string>& faults, const std::string& kind) {
  std::vector<std::string> chosen;
  for (const auto& fault : faults) {
    if (fault.starts_with(kind + "|")) chosen.push_back(fault);
  }
  return chosen;
}

TEST(Choices, OfOneFaultStayWhenAnotherIsTakenAway) {
  const auto all = fired(11, true, true);
  EXPECT_FALSE(of_kind(all, "net.reordering").empty());
  EXPECT_FALSE(of_kind(all, "net.duplication").empty());
  EXPECT_FALSE(of_kind(all, "net.loss").empty());
  const auto without_reordering = fired(11, false, true);
  const auto without_duplication = fired(11, true, false);
  EXPECT_EQ(of_kind(without_reordering, "net.loss"), of_kind(all, "net.loss"));
  EXPECT_EQ(of_kind(without_reordering, "net.duplication"), of_kind(all, "net.duplication"));
  EXPECT_EQ(of_kind(without_duplication, "net.loss"), of_kind(all, "net.loss"));
  EXPECT_TRUE(of_kind(without_duplication, "net.duplication").empty());
}

TEST(Choices, OfTwoFaultsOfOneLinkAreNotTheSameChoices) {
  const auto attempts = [](const std::vector<std::string>& faults) {
    std::vector<std::string> details;
    for (const auto& fault : faults) details.push_back(fault.substr(fault.rfind('|')));
    return details;
  };
  const auto all = fired(11, false, true);
  EXPECT_NE(attempts(of_kind(all, "net.loss")), attempts(of_kind(all, "net.duplication")));
}

/// A run over two links with every fault on, its script and its history.
struct Disturbed {
  explicit Disturbed(std::uint64_t seed, bool faults, std::optional<DecisionSet> script = {})
      : bed(seed, std::move(script)) {
    bed.node("s", "switch");
    bed.link("l1", "a", "s");
    bed.link("l2", "s", "b");
    bed.serve("b", story);
    LinkFaults all = losing(200'000);
    all.duplication = all.reordering = Chance::per_million(200'000);
    for (const LinkEnd& end : {LinkEnd{"l1", bed.id("a")}, LinkEnd{"l1", bed.id("s")},
                               LinkEnd{"l2", bed.id("s")}, LinkEnd{"l2", bed.id("b")}}) {
      if (faults) bed.network->set_faults(end, all);
    }
    Plan plan;
    plan.patience = 1000_s;
    plan.sizes.assign(20, 200'000);
    bed.client("a", "b", plan, story);
    bed.run(1000_s);
  }
  Testbed bed;
  Story story;
};

TEST(Choices, OfARunGivenAsAScriptMakeTheSameRunWhateverTheChances) {
  const Disturbed drawn(5, true);
  const DecisionSet& decisions = drawn.bed.log.decisions;
  EXPECT_FALSE(of_kind(drawn.bed.log.faults, "net.loss").empty());
  EXPECT_FALSE(of_kind(drawn.bed.log.faults, "net.duplication").empty());
  EXPECT_FALSE(of_kind(drawn.bed.log.faults, "net.reordering").empty());
  EXPECT_TRUE(std::any_of(decisions.begin(), decisions.end(), [](const Decision& each) {
    return each.stream.starts_with("net.ack_loss");
  }));
  const Disturbed with_chances(5, true, decisions);
  EXPECT_EQ(with_chances.bed.recorder.hash(), drawn.bed.recorder.hash());
  const Disturbed without_chances(5, false, decisions);
  EXPECT_EQ(without_chances.bed.recorder.hash(), drawn.bed.recorder.hash());
}

TEST(Choices, DroppedFromAScriptDoNotHappenAndLeaveTheOthers) {
  const Disturbed drawn(5, true);
  const DecisionSet& all = drawn.bed.log.decisions;
  // The last message's choices have nothing after them that could come out differently.
  DecisionSet fewer = all;
  std::erase_if(fewer, [](const Decision& each) { return each.operation[1] > 10; });
  ASSERT_LT(fewer.size(), all.size());
  const Disturbed again(5, true, fewer);
  EXPECT_EQ(again.bed.log.decisions, fewer);
  EXPECT_EQ(again.story.arrived.size(), 20u);
  const Disturbed quiet(5, true, DecisionSet{});
  EXPECT_TRUE(quiet.bed.log.faults.empty());
}

TEST(Choices, DependOnTheSeed) { EXPECT_NE(fired(1, true, true), fired(2, true, true)); }

TEST(Choices, AreTheSameInEveryRun) { EXPECT_EQ(fired(7, true, true), fired(7, true, true)); }

TEST(Duplication, CostsBandwidthOnly) {
  const auto arrivals = [](Chance duplication) {
    Testbed bed;
    Story story;
    bed.link("l", "a", "b", 8'000'000'000, 0_ns);
    LinkFaults faults;
    faults.duplication = duplication;
    bed.network->set_faults({"l", bed.id("a")}, faults);
    bed.serve("b", story);
    Plan plan;
    plan.sizes = {1'000'000, 1'000'000};
    plan.concurrent = true;
    plan.linger = 1_s;
    bed.client("a", "b", plan, story);
    bed.run(2_s);
    std::vector<std::int64_t> times;
    for (const auto& each : story.arrived) times.push_back(each.time.ns - story.connected_at.ns);
    return times;
  };
  EXPECT_EQ(arrivals(Chance::never()), (std::vector<std::int64_t>{1'000'000, 2'000'000}));
  // The copy of the first message crosses before the second; the handshake's copy costs 64 ns.
  const auto doubled = arrivals(Chance::always());
  ASSERT_EQ(doubled.size(), 2U);
  EXPECT_EQ(doubled[1] - doubled[0], 2'000'000);
}

}  // namespace
}  // namespace sim
