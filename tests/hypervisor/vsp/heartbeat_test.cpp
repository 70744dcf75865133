// The heartbeat: versions, numbers, status, and instants of guest time.
#include "hypervisor/vsp/heartbeat.hpp"

#include <gtest/gtest.h>

#include "tests/hypervisor/vsp/storage_rig.hpp"

namespace {

using test::StorageRig;
using vsp::HeartbeatStatus;

constexpr sim::Duration kSeconds(std::int64_t n) { return {n * 1'000'000'000}; }

TEST(Heartbeat, GoesOutEveryIntervalAndComesBackPlusOne) {
  StorageRig rig;
  test::Collected<traces::ev::HeartbeatSent> sent(rig.world.recorder);
  test::Collected<traces::ev::HeartbeatReceived> received(rig.world.recorder);
  rig.host.boot();
  rig.world.run_for(kSeconds(9));
  ASSERT_EQ(sent.seen.size(), 5u);
  ASSERT_EQ(received.seen.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(sent.seen[i].sequence, i + 1);
    EXPECT_EQ(received.seen[i].sequence, i + 2);
    if (i == 0) continue;
    EXPECT_EQ(sent.times[i] - sent.times[i - 1], kSeconds(2));
  }
  EXPECT_EQ(rig.host.heartbeat.status(), HeartbeatStatus::Ok);
}

TEST(Heartbeat, HasNoContactBeforeTheFirstAnswer) {
  StorageRig rig;
  EXPECT_EQ(rig.host.heartbeat.status(), HeartbeatStatus::NoContact);
  rig.host.guest.heartbeat->set_silent(true);
  test::Collected<traces::ev::HeartbeatSent> sent(rig.world.recorder);
  rig.host.boot();
  rig.world.run_for(kSeconds(20));
  EXPECT_EQ(rig.host.heartbeat.status(), HeartbeatStatus::NoContact);
  EXPECT_TRUE(sent.seen.empty()) << "nothing before the versions are agreed";
}

TEST(Heartbeat, IsLostAfterThreeIntervalsWithoutAnAnswerAndFoundAgain) {
  StorageRig rig;
  rig.host.boot();
  rig.world.run_for(kSeconds(1));
  ASSERT_EQ(rig.host.heartbeat.status(), HeartbeatStatus::Ok);
  rig.host.guest.heartbeat->set_silent(true);
  rig.world.run_for(kSeconds(6));
  EXPECT_EQ(rig.host.heartbeat.status(), HeartbeatStatus::Ok) << "two intervals are over";
  rig.world.run_for(kSeconds(2));
  EXPECT_EQ(rig.host.heartbeat.status(), HeartbeatStatus::LostCommunication);
  rig.host.guest.heartbeat->set_silent(false);
  rig.world.run_for(kSeconds(2));
  EXPECT_EQ(rig.host.heartbeat.status(), HeartbeatStatus::Ok);
}

TEST(Heartbeat, KeepsGuestTimeThroughAPause) {
  StorageRig rig;
  test::Collected<traces::ev::HeartbeatSent> sent(rig.world.recorder);
  rig.host.boot();
  rig.world.run_for(kSeconds(3));
  ASSERT_EQ(sent.seen.size(), 2u);
  const sim::Time suspended = rig.world.world.now();
  rig.host.machine.suspend_and_drain();
  rig.world.run_for(kSeconds(10));
  EXPECT_EQ(sent.seen.size(), 2u) << "a paused guest gets none";
  const sim::Duration pause = rig.world.world.now() - suspended;
  rig.host.machine.boot();
  rig.world.run_for(kSeconds(4));
  ASSERT_EQ(sent.seen.size(), 4u);
  EXPECT_EQ(sent.times[2] - sent.times[1], kSeconds(2) + pause);
  EXPECT_EQ(sent.times[3] - sent.times[2], kSeconds(2));
}

TEST(Heartbeat, SurvivesAPauseThatNobodyToldItOf) {
  StorageRig rig;
  test::Collected<traces::ev::HeartbeatSent> sent(rig.world.recorder);
  rig.host.boot();
  rig.world.run_for(kSeconds(3));
  rig.host.machine.partition->suspend("test");
  rig.world.run_for(kSeconds(7));
  EXPECT_EQ(sent.seen.size(), 2u);
  rig.host.machine.partition->resume("test");
  rig.world.run_for(kSeconds(5));
  ASSERT_GE(sent.seen.size(), 4u);
  EXPECT_EQ(sent.times[2] - sent.times[1], kSeconds(2 + 7));
  EXPECT_EQ(sent.times[3] - sent.times[2], kSeconds(2));
  EXPECT_EQ(rig.host.heartbeat.status(), HeartbeatStatus::Ok);
}

TEST(Heartbeat, CountsOnAfterAMoveWithoutNegotiatingAgain) {
  test::World world;
  sim::Node& array = world.world.add_node("array", "storage");
  sim::SharedDisk disk(array, {.name = "disk", .number = 1, .sectors = 64});
  test::StorageHost source(world, "source", disk), target(world, "target", disk);
  test::Collected<traces::ev::HeartbeatSent> sent(world.recorder);
  source.boot();
  world.run_for(kSeconds(3));
  const sim::Time suspended = world.world.now();
  const auto state = source.machine.suspend_and_save();
  ASSERT_TRUE(target.machine.restore(state, *source.machine.memory));
  world.run_for(kSeconds(1));
  const sim::Duration blackout = world.world.now() - suspended;
  target.machine.boot();
  world.run_for(kSeconds(4));
  ASSERT_EQ(sent.seen.size(), 4u);
  EXPECT_EQ(sent.seen[2].sequence, 3u);
  EXPECT_EQ(sent.times[2] - sent.times[1], kSeconds(2) + blackout);
  EXPECT_EQ(target.heartbeat.status(), HeartbeatStatus::Ok);
}

TEST(Heartbeat, IgnoresNumbersThatWereNeverSent) {
  StorageRig rig;
  rig.host.boot();
  test::Collected<traces::ev::HeartbeatReceived> received(rig.world.recorder);
  // An answer to number 1000, with pipe and message header as the protocol asks.
  std::vector<std::byte> reply(8 + 20 + 40);
  const auto put = [&](std::size_t at, std::uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) reply[at + i] = static_cast<std::byte>(value >> (8 * i));
  };
  put(0, 1, 4);
  put(4, 60, 4);
  put(8 + 4, 1, 2);
  put(8 + 17, 5, 1);
  put(8 + 20, 1001, 8);
  vmbus::PacketOut out;
  out.payload = reply;
  ASSERT_TRUE(rig.host.guest.bus->send(rig.host.guest.beat_relid, out));
  out.payload = std::span<const std::byte>(reply).first(10);
  ASSERT_TRUE(rig.host.guest.bus->send(rig.host.guest.beat_relid, out));
  rig.world.run();
  EXPECT_TRUE(received.seen.empty());
}

TEST(Heartbeat, ThePlantSpeaksBeforeVersionsAreAgreed) {
  StorageRig rig({"heartbeat.before-negotiation"});
  rig.host.guest.heartbeat->set_silent(true);
  test::Collected<traces::ev::HeartbeatSent> sent(rig.world.recorder);
  rig.host.boot();
  EXPECT_EQ(sent.seen.size(), 1u);
}

}  // namespace
