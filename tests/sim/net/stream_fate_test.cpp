// Nodes that die, come back, or stand still.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/sim/net/testbed.hpp"

namespace sim {
namespace {

using namespace sim::literals;
using testing::Plan;
using testing::Story;
using testing::Testbed;

TEST(KilledPeer, IsATimeoutForWhoeverSends) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {64, 64};
  plan.pause_between = 2_s;
  bed.client("a", "b", plan, story);
  bed.at(1_s, [&bed] { bed.world.kill(bed.node("b"), "test"); });
  bed.run(100_s);
  ASSERT_EQ(story.answered.size(), 2U);
  EXPECT_EQ(story.answered[1].status, StreamStatus::TimedOut);
  EXPECT_FALSE(story.got(1));
  ASSERT_EQ(bed.log.closed.size(), 1U);  // the dead say nothing
  EXPECT_EQ(bed.log.closed[0].node, bed.id("a"));
}

TEST(KilledPeer, IsATimeoutForWhoeverOnlyListens) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {64};
  plan.linger = 1000_s;
  bed.client("a", "b", plan, story);
  bed.at(1_s, [&bed] { bed.world.kill(bed.node("a"), "test"); });
  bed.run(100_s);
  EXPECT_EQ(story.receiver_status, StreamStatus::TimedOut);
  EXPECT_EQ(story.receiver_ended_at.ns, 21'000'000'000);
}

TEST(KilledPeer, ThatIsBackAnswersWithReset) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {64, 64};
  plan.pause_between = 5_s;
  bed.client("a", "b", plan, story);
  bed.at(1_s, [&bed] { bed.world.kill(bed.node("b"), "test"); });
  bed.at(3_s, [&bed] { bed.world.restart(bed.node("b")); });
  bed.run(100_s);
  ASSERT_EQ(story.answered.size(), 2U);
  EXPECT_EQ(story.answered[1].status, StreamStatus::Reset);
  EXPECT_LT(story.answered[1].time.ns, 5'010'000'000);
  EXPECT_FALSE(story.got(1));
}

TEST(KilledPeer, ThatIsBackRefusesUntilItListensAgain) {
  Testbed bed;
  Story story;
  Story later;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  bed.at(1_s, [&bed] { bed.world.kill(bed.node("b"), "test"); });
  bed.at(2_s, [&bed] { bed.world.restart(bed.node("b")); });
  bed.at(4_s, [&bed, &later] { bed.serve("b", later); });
  Plan plan;
  plan.start = 3_s;
  bed.client("a", "b", plan, story, 1);
  plan.start = 5_s;
  bed.client("a", "b", plan, later, 2);
  bed.run(10_s);
  EXPECT_TRUE(story.refused);
  EXPECT_TRUE(later.connected);
}

TEST(KilledSender, LosesWhatHadNotLeftItButNotWhatHad) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b", 8'000'000'000, 10_ms);
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {1'000'000, 1'000'000};
  plan.concurrent = true;
  plan.linger = 1_s;
  bed.client("a", "b", plan, story);  // connected at 20 ms; the first has left at 21 ms
  bed.at(21'500_us, [&bed] { bed.world.kill(bed.node("a"), "test"); });
  bed.run(5_s);
  ASSERT_EQ(story.arrived.size(), 1U);
  EXPECT_EQ(story.arrived[0].kind, 0U);
}

TEST(KilledSwitch, IsACutUntilItIsBack) {
  Testbed bed;
  Story story;
  bed.node("s", "switch");
  bed.link("l1", "a", "s");
  bed.link("l2", "s", "b");
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {64, 64};
  plan.pause_between = 2_s;
  bed.client("a", "b", plan, story);
  bed.at(1_s, [&bed] { bed.world.kill(bed.node("s"), "test"); });
  bed.at(6_s, [&bed] { bed.world.restart(bed.node("s")); });
  bed.run(100_s);
  ASSERT_EQ(story.answered.size(), 2U);
  EXPECT_EQ(story.answered[1].status, StreamStatus::Ok);
  EXPECT_GT(story.answered[1].time.ns, 6'000'000'000);
}

TEST(PausedReceiver, NeitherReceivesNorAcknowledgesUntilItGoesOn) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {64, 64, 64};
  plan.pause_between = 2_s;
  bed.client("a", "b", plan, story);
  bed.at(1_s, [&bed] { bed.world.pause(bed.node("b")); });
  bed.at(9_s, [&bed] { bed.world.resume(bed.node("b")); });
  bed.run(8'900_ms);
  EXPECT_EQ(story.arrived.size(), 1U);
  EXPECT_EQ(story.answered.size(), 1U);
  bed.run(30_s);
  ASSERT_EQ(story.arrived.size(), 3U);
  EXPECT_EQ(story.arrived[1].time.ns, 9'000'000'000);
  ASSERT_EQ(story.answered.size(), 3U);
  EXPECT_EQ(story.answered[1].status, StreamStatus::Ok);
}

TEST(PausedSender, LearnsOfTheAcknowledgementWhenItGoesOn) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b", 10'000'000'000, 10_ms);
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {64};
  plan.linger = 1_s;
  bed.client("a", "b", plan, story);                          // sends at 20 ms
  bed.at(35_ms, [&bed] { bed.world.pause(bed.node("a")); });  // answer at 40 ms
  bed.at(15_s, [&bed] { bed.world.resume(bed.node("a")); });
  bed.run(30_s);
  ASSERT_EQ(story.answered.size(), 1U);
  EXPECT_EQ(story.answered[0].status, StreamStatus::Ok);
  EXPECT_EQ(story.answered[0].time.ns, 15'000'000'000);
  EXPECT_EQ(story.arrived.size(), 1U);
}

TEST(PausedSender, DoesNotCountThePauseAsSilenceOfItsPeer) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b", 10'000'000'000, 10_ms);
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {64};
  plan.linger = 1_s;
  bed.client("a", "b", plan, story);
  bed.at(15_ms, [&bed] {
    LinkFaults faults;
    faults.loss = Chance::always();
    bed.network->set_faults({"l", bed.id("a")}, faults);
  });
  bed.at(10_s, [&bed] { bed.world.pause(bed.node("a")); });
  bed.at(12_s, [&bed] { bed.network->set_faults({"l", bed.id("a")}, {}); });
  bed.at(25_s, [&bed] { bed.world.resume(bed.node("a")); });  // past 20 s of patience
  bed.run(60_s);
  ASSERT_EQ(story.answered.size(), 1U);
  EXPECT_EQ(story.answered[0].status, StreamStatus::Ok);
}

TEST(PausedNode, ThatStaysPausedTooLongIsATimeoutForItsPeer) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  Plan plan;
  plan.linger = 1000_s;
  bed.client("a", "b", plan, story);
  bed.at(1_s, [&bed] { bed.world.pause(bed.node("a")); });
  bed.run(100_s);
  EXPECT_EQ(story.receiver_status, StreamStatus::TimedOut);
  EXPECT_EQ(story.receiver_ended_at.ns, 21'000'000'000);
}

TEST(EndedConnections, LeaveNothingToDoBehind) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {64};
  plan.close = true;
  bed.client("a", "b", plan, story);
  EXPECT_FALSE(bed.world.run_until(Time{60'000'000'000}));
}

RC_GTEST_PROP(Delivery, IsOnceAndInOrderWhateverHappensToNodesAndLinks, ()) {
  Testbed bed(*rc::gen::arbitrary<std::uint64_t>());
  Story story;
  bed.node("s", "switch");
  bed.link("l1", "a", "s", 10'000'000'000, 3_ms);
  bed.link("l2", "s", "b", 1'000'000'000, 2_ms);
  bed.serve("b", story);
  LinkFaults faults;
  faults.loss = Chance::per_million(*rc::gen::inRange<std::uint64_t>(0, 300'000));
  faults.reordering = Chance::per_million(*rc::gen::inRange<std::uint64_t>(0, 300'000));
  bed.network->set_faults({"l1", bed.id("a")}, faults);
  bed.network->set_faults({"l2", bed.id("b")}, faults);
  Plan plan;
  plan.patience = 3_s;
  plan.concurrent = *rc::gen::arbitrary<bool>();
  plan.close = *rc::gen::arbitrary<bool>();
  plan.sizes = *rc::gen::container<std::vector<std::uint64_t>>(
      *rc::gen::inRange<std::size_t>(1, 20), rc::gen::inRange<std::uint64_t>(64, 3'000'000));
  plan.linger = *rc::gen::element(0_s, 100_s);
  bed.client("a", "b", plan, story);
  const auto disturbances = *rc::gen::inRange(0, 10);
  for (int n = 0; n < disturbances; ++n) {
    const Duration when{*rc::gen::inRange<std::int64_t>(0, 600'000'000)};
    const std::string who = *rc::gen::element<std::string>("a", "b", "s");
    switch (*rc::gen::inRange(0, 6)) {
      case 0:
        bed.at(when, [&bed, who] { bed.world.kill(bed.node(who), "test"); });
        break;
      case 1:
        bed.at(when, [&bed, who] { bed.world.restart(bed.node(who)); });
        break;
      case 2:
        bed.at(when, [&bed, who] { bed.world.pause(bed.node(who)); });
        break;
      case 3:
        bed.at(when, [&bed, who] { bed.world.resume(bed.node(who)); });
        break;
      case 4:
        bed.at(when, [&bed] { bed.network->cut("l1", bed.id("s")); });
        break;
      default:
        bed.at(when, [&bed] { bed.network->heal("l1"); });
        break;
    }
  }
  bed.at(50_s, [&bed] {
    for (const char* who : {"a", "b", "s"}) bed.world.resume(bed.node(who));
  });
  bed.run(1000_s);
  for (const auto& answer : story.answered) {
    if (answer.status == StreamStatus::Ok) RC_ASSERT(story.got(answer.kind));
  }
  for (std::size_t n = 0; n < story.arrived.size(); ++n) RC_ASSERT(story.arrived[n].kind == n);
}

}  // namespace
}  // namespace sim
