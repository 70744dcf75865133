// Cuts: what was in flight is lost, what was acknowledged has arrived, and a cut in one direction
// leaves a sender that does not know.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "tests/sim/net/testbed.hpp"

namespace sim {
namespace {

using namespace sim::literals;
using testing::Plan;
using testing::Story;
using testing::Testbed;

TEST(Cut, LosesWhatIsInFlightAndTheRetryAfterHealingSucceeds) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b", 10'000'000'000, 1_ms);
  bed.serve("b", story);
  Plan plan;
  plan.start = 10_ms;
  plan.sizes = {64};
  bed.client("a", "b", plan, story);
  bed.at(12'500_us, [&bed] { bed.network->cut("l"); });  // connected at 12 ms, arrival at 13 ms
  bed.at(1_s, [&bed] { bed.network->heal("l"); });
  bed.run(5_s);
  ASSERT_EQ(story.answered.size(), 1U);
  EXPECT_EQ(story.answered[0].status, StreamStatus::Ok);
  ASSERT_EQ(story.arrived.size(), 1U);
  // Retries 0.2, 0.6 and 1.4 s after the cut; the last one finds the link.
  EXPECT_NEAR(static_cast<double>(story.arrived[0].time.ns), 1.4135e9, 1e6);
  EXPECT_EQ(bed.log.link_states,
            (std::vector<std::string>{"l a b down", "l b a down", "l a b up", "l b a up"}));
}

TEST(Cut, SparesWhatHasLeftTheLink) {
  Testbed bed;
  Story story;
  bed.node("s", "switch");
  bed.link("l1", "a", "s", 10'000'000'000, 1_ms);
  bed.link("l2", "s", "b", 10'000'000'000, 1_ms);
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {64};
  bed.client("a", "b", plan, story);  // connected at 4 ms
  bed.at(5'500_us, [&bed] { bed.network->cut("l1", bed.id("a")); });
  bed.run(6'500_us);
  EXPECT_EQ(story.arrived.size(), 1U);
}

TEST(Cut, LongerThanThePatienceIsATimeoutAtBothEnds) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {64, 64};
  plan.pause_between = 2_s;
  bed.client("a", "b", plan, story);
  bed.at(1_s, [&bed] { bed.network->cut("l"); });
  bed.at(60_s, [&bed] { bed.network->heal("l"); });
  bed.run(100_s);
  ASSERT_EQ(story.answered.size(), 2U);
  EXPECT_EQ(story.answered[1].status, StreamStatus::TimedOut);
  EXPECT_EQ(story.answered[1].time.ns, 21'000'000'000);
  EXPECT_EQ(story.receiver_status, StreamStatus::TimedOut);
  EXPECT_EQ(story.receiver_ended_at.ns, 21'000'000'000);
  ASSERT_EQ(bed.log.closed.size(), 2U);
  EXPECT_EQ(bed.log.closed[0].reason, "timeout");
}

TEST(Cut, OfTheWayBackMeansReceivedButNotAcknowledged) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {64, 64};
  plan.pause_between = 2_s;
  bed.client("a", "b", plan, story);
  bed.at(1_s, [&bed] { bed.network->cut("l", bed.id("b")); });
  bed.run(100_s);
  EXPECT_TRUE(story.got(1));
  ASSERT_EQ(story.answered.size(), 2U);
  EXPECT_EQ(story.answered[1].status, StreamStatus::TimedOut);
}

TEST(Cut, OfTheWayBackThatHealsInTimeEndsInOkAfterOneDelivery) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {64, 1'000'000};
  plan.pause_between = 2_s;
  bed.client("a", "b", plan, story);
  bed.at(1_s, [&bed] { bed.network->cut("l", bed.id("b")); });
  bed.at(10_s, [&bed] { bed.network->heal("l", bed.id("b")); });
  bed.run(100_s);
  ASSERT_EQ(story.arrived.size(), 2U);
  EXPECT_LT(story.arrived[1].time.ns, 2'100'000'000);
  ASSERT_EQ(story.answered.size(), 2U);
  EXPECT_EQ(story.answered[1].status, StreamStatus::Ok);
  EXPECT_GT(story.answered[1].time.ns, 10'000'000'000);
}

TEST(Cut, InTheMiddleOfALargeMessageCostsOnlyTheRest) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b", 8'000'000'000, 0_ns);
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {6'400'000'000};
  bed.client("a", "b", plan, story);
  bed.at(3'200_ms, [&bed] { bed.network->cut("l"); });
  bed.at(3'300_ms, [&bed] { bed.network->heal("l"); });
  bed.run(100_s);
  ASSERT_EQ(story.arrived.size(), 1U);
  // Half of it had passed; 200 ms later the other half follows (one chunk of 64 rounds down).
  EXPECT_NEAR(static_cast<double>(story.arrived[0].time.ns), 6.6e9, 0.11e9);
}

TEST(Cut, OfOneOfTwoLinksMovesTrafficToTheOther) {
  Testbed bed;
  Story story;
  bed.link("l1", "a", "b");
  bed.link("l2", "a", "b");
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {64, 64};
  plan.pause_between = 2_s;
  bed.client("a", "b", plan, story);
  bed.at(1_s, [&bed] { bed.network->cut("l1"); });
  bed.run(10_s);
  ASSERT_EQ(story.answered.size(), 2U);
  EXPECT_EQ(story.answered[1].status, StreamStatus::Ok);
  EXPECT_LT(story.answered[1].time.ns, 2'010'000'000);
}

TEST(Cut, TwiceIsReportedOnce) {
  Testbed bed;
  bed.link("l", "a", "b");
  bed.network->cut("l");
  bed.network->cut("l", bed.id("a"));
  EXPECT_FALSE(bed.network->up("l", bed.id("a")));
  EXPECT_EQ(bed.log.link_states.size(), 2U);
  EXPECT_EQ(bed.network->path_rate(bed.id("a"), bed.id("b")), 0U);
  bed.network->heal("l", bed.id("b"));
  EXPECT_TRUE(bed.network->up("l", bed.id("b")));
  EXPECT_EQ(bed.log.link_states.size(), 3U);
}

RC_GTEST_PROP(Acknowledged, ImpliesReceivedOnceWithCutsAtRandomInstants, ()) {
  Testbed bed(*rc::gen::arbitrary<std::uint64_t>());
  Story story;
  bed.node("s", "switch");
  bed.link("l1", "a", "s", 10'000'000'000, 3_ms);
  bed.link("l2", "s", "b", 1'000'000'000, 2_ms);
  bed.serve("b", story);
  Plan plan;
  plan.patience = 2_s;
  plan.concurrent = *rc::gen::arbitrary<bool>();
  plan.sizes = *rc::gen::container<std::vector<std::uint64_t>>(
      *rc::gen::inRange<std::size_t>(1, 30), rc::gen::inRange<std::uint64_t>(64, 3'000'000));
  plan.linger = 60_s;
  bed.client("a", "b", plan, story);
  const auto cuts = *rc::gen::inRange(0, 6);
  for (int n = 0; n < cuts; ++n) {
    const std::string link = *rc::gen::element<std::string>("l1", "l2");
    const NodeId from = *rc::gen::element(NodeId{}, bed.id("s"));
    const Duration begin{*rc::gen::inRange<std::int64_t>(0, 400'000'000)};
    const Duration length{*rc::gen::inRange<std::int64_t>(0, 3'000'000'000)};
    bed.at(begin, [&bed, link, from] { bed.network->cut(link, from); });
    bed.at(begin + length, [&bed, link, from] { bed.network->heal(link, from); });
  }
  bed.run(100_s);
  for (const auto& answer : story.answered) {
    if (answer.status == StreamStatus::Ok) RC_ASSERT(story.got(answer.kind));
  }
  for (std::size_t n = 0; n < story.arrived.size(); ++n) RC_ASSERT(story.arrived[n].kind == n);
  // Whatever happened, every send has returned.
  if (story.connected && plan.concurrent) RC_ASSERT(story.answered.size() == plan.sizes.size());
  RC_ASSERT(story.connected || story.refused);
  RC_CLASSIFY(std::any_of(story.answered.begin(), story.answered.end(),
                          [&](const auto& answer) {
                            return answer.status != StreamStatus::Ok && story.got(answer.kind);
                          }),
              "in doubt");
}

}  // namespace
}  // namespace sim
