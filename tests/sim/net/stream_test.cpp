#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "sim/net/link_calendar.hpp"
#include "tests/sim/net/testbed.hpp"

namespace sim {
namespace {

using namespace sim::literals;
using testing::Plan;
using testing::Story;
using testing::Testbed;

constexpr std::uint64_t kGiB = 1ULL << 30;

TEST(Stream, ConnectsInOneRoundTrip) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b", 10'000'000'000, 20_us);
  bed.serve("b", story);
  bed.client("a", "b", Plan{}, story);
  bed.run(1_s);
  EXPECT_TRUE(story.connected);
  EXPECT_EQ(story.connected_at.ns, 2 * (20'000 + 52));  // 64 bytes at 10 Gbit/s: 51.2 ns
  ASSERT_EQ(bed.log.opened.size(), 2U);
  EXPECT_EQ(bed.log.opened[0], bed.id("b"));
  EXPECT_EQ(bed.log.opened[1], bed.id("a"));
}

TEST(Stream, IsRefusedWhereNobodyListens) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.client("a", "b", Plan{}, story);
  bed.run(1_s);
  EXPECT_TRUE(story.refused);
  EXPECT_LT(story.connected_at.ns, 1'000'000);
  EXPECT_TRUE(bed.log.opened.empty());
  EXPECT_TRUE(bed.log.closed.empty());
}

TEST(Stream, ConnectGivesUpWhenNothingComesBack) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  bed.network->cut("l");
  Plan plan;
  plan.give_up = 3_s;
  bed.client("a", "b", plan, story);
  bed.run(10_s);
  EXPECT_TRUE(story.refused);
  EXPECT_EQ(story.connected_at.ns, 3'000'000'000);
}

TEST(Stream, OfOneGibibyteAtTenGigabitTakesWhatArithmeticSays) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b", 10'000'000'000, 20_us);
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {kGiB};
  bed.client("a", "b", plan, story);
  bed.run(5_s);
  ASSERT_EQ(story.arrived.size(), 1U);
  const Time begin = story.connected_at;
  EXPECT_EQ((story.arrived[0].time - begin).ns, 858'993'460 + 20'000);
  ASSERT_EQ(story.answered.size(), 1U);
  EXPECT_EQ((story.answered[0].time - begin).ns, 858'993'460 + 20'000 + 52 + 20'000);
}

TEST(Stream, OverASwitchPaysSerialisationOnceAndOneFrameMore) {
  Testbed bed;
  Story story;
  bed.node("s", "switch");
  bed.link("l1", "a", "s", 10'000'000'000, 20_us);
  bed.link("l2", "s", "b", 10'000'000'000, 20_us);
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {kGiB};
  bed.client("a", "b", plan, story);
  bed.run(5_s);
  ASSERT_EQ(story.arrived.size(), 1U);
  EXPECT_EQ((story.arrived[0].time - story.connected_at).ns, 858'993'460 + 40'000 + 1200);
}

TEST(Stream, RunsAtTheSlowestLinkOfItsPath) {
  for (const bool slow_first : {true, false}) {
    Testbed bed;
    Story story;
    bed.node("s", "switch");
    bed.link("l1", "a", "s", slow_first ? 1'000'000'000 : 10'000'000'000, 0_ns);
    bed.link("l2", "s", "b", slow_first ? 10'000'000'000 : 1'000'000'000, 0_ns);
    bed.serve("b", story);
    Plan plan;
    plan.sizes = {1'000'000'000};
    bed.client("a", "b", plan, story);
    bed.run(20_s);
    ASSERT_EQ(story.arrived.size(), 1U);
    const Duration took = story.arrived[0].time - story.connected_at;
    EXPECT_GE(took.ns, 8'000'000'000);
    EXPECT_LE(took.ns, 8'000'000'000 + 1500 * 8);
    EXPECT_EQ(bed.network->path_rate(bed.id("a"), bed.id("b")), 125'000'000U);
  }
}

TEST(Stream, TwoSlowSourcesFillAFastLinkTogether) {
  Testbed bed;
  Story first;
  Story second;
  bed.node("s", "switch");
  bed.link("l1", "a", "s", 1'000'000'000, 0_ns);
  bed.link("l2", "c", "s", 1'000'000'000, 0_ns);
  bed.link("l3", "s", "b", 2'000'000'000, 0_ns);
  bed.serve("b", first, "one");
  bed.serve("b", second, "two");
  Plan plan;
  plan.sizes = {125'000'000};
  plan.service = "one";
  bed.client("a", "b", plan, first);
  plan.service = "two";
  bed.client("c", "b", plan, second);
  bed.run(10_s);
  ASSERT_EQ(first.arrived.size(), 1U);
  ASSERT_EQ(second.arrived.size(), 1U);
  const Time last = std::max(first.arrived[0].time, second.arrived[0].time);
  EXPECT_LE(last.ns, 1'510'000'000);  // not 2 s; the second waits for the first's last half
}

TEST(Stream, MessagesOnTheirWayTogetherArriveInTheOrderOfSending) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {1'000'000, 64, 500'000, 64};
  plan.concurrent = true;
  bed.client("a", "b", plan, story);
  bed.run(1_s);
  ASSERT_EQ(story.arrived.size(), 4U);
  for (std::uint32_t n = 0; n < 4; ++n) EXPECT_EQ(story.arrived[n].kind, n);
}

TEST(Stream, SendersTakeTurnsOnASharedLink) {
  Testbed bed;
  Story one;
  Story two;
  bed.link("l", "a", "b");
  bed.serve("b", one, "one");
  bed.serve("b", two, "two");
  Plan plan;
  plan.sizes.assign(10, 10'000'000);
  plan.service = "one";
  bed.client("a", "b", plan, one, 1);
  plan.service = "two";
  bed.client("a", "b", plan, two, 2);
  bed.run(1_s);
  ASSERT_EQ(one.arrived.size(), 10U);
  ASSERT_EQ(two.arrived.size(), 10U);
  for (std::size_t n = 1; n < 10; ++n) {
    EXPECT_LT(one.arrived[n - 1].time, two.arrived[n].time);
    EXPECT_LT(two.arrived[n - 1].time, one.arrived[n].time);
  }
}

TEST(Stream, GoodbyeComesAfterWhatWasSentBefore) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {1'000'000, 1'000'000};
  plan.close = true;
  bed.client("a", "b", plan, story);
  bed.run(1_s);
  EXPECT_EQ(story.arrived.size(), 2U);
  EXPECT_TRUE(story.receiver_ended);
  EXPECT_EQ(story.receiver_status, StreamStatus::Closed);
  ASSERT_EQ(bed.log.closed.size(), 2U);
  EXPECT_EQ(bed.log.closed[0].node, bed.id("a"));
  EXPECT_EQ(bed.log.closed[1].node, bed.id("b"));
  EXPECT_EQ(bed.log.closed[1].reason, "closed");
}

TEST(Stream, DestroyedWithoutGoodbyeIsSilence) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  Plan plan;
  plan.sizes = {64};
  bed.client("a", "b", plan, story);  // ends without close
  bed.run(10_s);
  EXPECT_FALSE(story.receiver_ended);
  bed.run(60_s);
  EXPECT_TRUE(story.receiver_ended);
  EXPECT_EQ(story.receiver_status, StreamStatus::TimedOut);
  EXPECT_NEAR(static_cast<double>(story.receiver_ended_at.ns), 20e9, 1e6);
}

TEST(Stream, ToTheSameNodeNeedsNoLink) {
  Testbed bed;
  Story story;
  bed.serve("a", story);
  Plan plan;
  plan.sizes = {1'000'000};
  plan.close = true;
  bed.client("a", "a", plan, story);
  bed.run(1_s);
  EXPECT_EQ(story.arrived.size(), 1U);
  EXPECT_EQ(story.answered.at(0).status, StreamStatus::Ok);
  EXPECT_EQ(bed.network->path_rate(bed.id("a"), bed.id("a")), kLoopbackRate);
}

Task<> receive_twice(World* world, std::shared_ptr<Stream> stream, Story* story) {
  const Stream::Received early = co_await stream->receive(Time{500'000'000});
  story->receiver_status = early.status;
  story->receiver_ended_at = world->now();
  story->receiver_ended = stream->status() != StreamStatus::Ok;
  const Stream::Received later = co_await stream->receive(Time{2'000'000'000});
  if (later.status == StreamStatus::Ok) {
    story->arrived.push_back({world->now(), later.message.kind, later.message.bytes});
  }
}

Task<> send_late(Node* node, Network* network, NodeId to) {
  std::shared_ptr<Stream> stream = co_await network->connect(*node, to, "echo", 1_s);
  co_await node->sleep(1_s);
  Message message;
  message.kind = 7;
  co_await stream->send(std::move(message));
}

TEST(Stream, ReceiveWhoseDeadlinePassesLeavesTheStreamUsable) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  Node& a = bed.node("a");
  Node& b = bed.node("b");
  bed.network->listen(b, "echo", [&b, &story](std::shared_ptr<Stream> stream) {
    b.spawn("server", receive_twice(&b.world(), std::move(stream), &story));
  });
  a.spawn("client", send_late(&a, bed.network.get(), b.id()));
  bed.run(3_s);
  EXPECT_EQ(story.receiver_status, StreamStatus::TimedOut);
  EXPECT_EQ(story.receiver_ended_at.ns, 500'000'000);
  EXPECT_FALSE(story.receiver_ended);
  ASSERT_EQ(story.arrived.size(), 1U);
  EXPECT_EQ(story.arrived[0].kind, 7U);
}

TEST(Stream, CostsAHandfulOfEventsPerMessageHoweverLarge) {
  for (const std::uint64_t size : {std::uint64_t{64}, 64 * kGiB}) {
    Testbed bed;
    Story story;
    bed.link("l", "a", "b", 100'000'000'000);
    bed.serve("b", story);
    Plan plan;
    plan.sizes.assign(100, size);
    bed.client("a", "b", plan, story);
    bed.run(1000_s);
    EXPECT_EQ(story.arrived.size(), 100U);
    EXPECT_LE(bed.world.dispatched(), 100U * 5 + 20);
  }
}

TEST(Stream, NumbersDoNotDependOnOtherConnections) {
  const auto number_with = [](bool crowd) {
    Testbed bed;
    Story story;
    bed.link("l", "a", "b");
    bed.serve("b", story, "echo");
    bed.serve("b", story, "other");
    Plan plan;
    plan.service = "other";
    if (crowd) bed.client("a", "b", plan, story, 1);
    plan.service = "echo";
    plan.start = 1_ms;
    plan.sizes = {64};
    bed.client("a", "b", plan, story, 2);
    bed.run(1_s);
    return bed.log.transfers.at(0).stream;
  };
  EXPECT_EQ(number_with(false), number_with(true));
}

RC_GTEST_PROP(Bandwidth, IsNeverExceededOverAnyWindow, ()) {
  const auto rate = *rc::gen::element<std::uint64_t>(1'000'000'000, 10'000'000'000);
  const auto clients = *rc::gen::inRange(1, 5);
  Testbed bed;
  Story story;
  bed.link("l", "a", "b", rate, 5_us);
  bed.serve("b", story);
  for (int n = 0; n < clients; ++n) {
    Plan plan;
    plan.start = Duration{*rc::gen::inRange(0, 1'000'000)};
    plan.concurrent = *rc::gen::arbitrary<bool>();
    plan.sizes = *rc::gen::container<std::vector<std::uint64_t>>(
        rc::gen::inRange<std::uint64_t>(64, 3'000'000));
    plan.linger = 10_s;
    bed.client("a", "b", plan, story, static_cast<std::uint64_t>(n));
  }
  bed.run(10_s);
  auto transfers = bed.log.transfers;
  std::sort(transfers.begin(), transfers.end(),
            [](const auto& x, const auto& y) { return x.time < y.time; });
  for (std::size_t i = 0; i < transfers.size(); ++i) {
    std::uint64_t bytes = 0;
    for (std::size_t j = i + 1; j < transfers.size(); ++j) {
      bytes += transfers[j].bytes;
      RC_ASSERT(net::serialisation_time(bytes, rate) <= transfers[j].time - transfers[i].time);
    }
  }
}

}  // namespace
}  // namespace sim
