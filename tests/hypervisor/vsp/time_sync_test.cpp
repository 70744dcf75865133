// Time synchronization: when the host says what time it is, and what it says.
#include <gtest/gtest.h>

#include "tests/hypervisor/vsp/ic_rig.hpp"

namespace {

using test::IcGuest;
using test::IcPair;
using test::IcRig;
using test::seconds;
namespace icmsg = vsp::icmsg;

TEST(TimeSync, SetsTheClockAtOnceAndSendsASampleEvery5Seconds) {
  IcRig rig;
  test::Collected<traces::ev::TimeSync> sent(rig.world.recorder);
  rig.host.boot();
  rig.world.run_for(seconds(16));
  ASSERT_EQ(sent.seen.size(), 4u);
  EXPECT_TRUE(sent.seen[0].sync);
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_FALSE(sent.seen[i].sync);
    EXPECT_EQ(sent.times[i] - sent.times[i - 1], seconds(5));
    EXPECT_EQ(sent.seen[i].host_time - sent.seen[i - 1].host_time, 50'000'000u);
    EXPECT_EQ(sent.seen[i].reference - sent.seen[i - 1].reference, 50'000'000u);
  }
}

TEST(TimeSync, TheGuestReadsHostTimeAndItsOwnReferenceTime) {
  IcRig rig;
  test::Collected<traces::ev::TimeSync> sent(rig.world.recorder);
  rig.host.boot();
  rig.world.run();
  const auto seen = rig.host.guest.last<icmsg::TimeSync>(icmsg::Type::TimeSync);
  EXPECT_EQ(seen.flags, 1);
  EXPECT_EQ(seen.parent_time, sent.seen[0].host_time);
  EXPECT_EQ(seen.reference_time, sent.seen[0].reference);
  // 2012-09-04 in Windows' count, and a little later.
  EXPECT_GE(seen.parent_time, 129'911'904'000'000'000u);
  EXPECT_LT(seen.parent_time, 129'911'904'010'000'000u);
}

TEST(TimeSync, TheHostsTimeBeginsWhereTheScenarioSays) {
  test::World world;
  test::Guest guest;
  test::Machine machine(world, "host", guest);
  vsp::TimeSync time(*machine.partition, {.epoch = 1000});
  world.run_for(seconds(1));
  EXPECT_EQ(time.host_time(), 1000u + 10'000'000u);
}

TEST(TimeSync, AnOldGuestGetsTheOldMessage) {
  IcRig rig;
  rig.host.guest.services[IcGuest::kTime].messages = {{3, 0}};
  rig.host.guest.make_clients();
  test::Collected<traces::ev::TimeSync> sent(rig.world.recorder);
  rig.host.boot();
  rig.world.run();
  const auto seen = rig.host.guest.last<icmsg::TimeSyncOld>(icmsg::Type::TimeSync);
  EXPECT_EQ(seen.parent_time, sent.seen.at(0).host_time);
  EXPECT_EQ(seen.flags, 1);
  EXPECT_GE(rig.host.guest.questions.back().body.size(), 25u);
}

TEST(TimeSync, SetsTheClockAfterAPause) {
  IcRig rig;
  rig.host.boot();
  rig.world.run_for(seconds(2));
  test::Collected<traces::ev::TimeSync> sent(rig.world.recorder);
  rig.host.machine.suspend_and_drain();
  rig.world.run_for(seconds(30));
  EXPECT_TRUE(sent.seen.empty()) << "a paused guest is told nothing";
  rig.host.machine.boot();
  rig.world.run_for(seconds(4));
  ASSERT_EQ(sent.seen.size(), 2u);
  EXPECT_TRUE(sent.seen[0].sync);
  EXPECT_FALSE(sent.seen[1].sync);
  EXPECT_LT(sent.times[1] - sent.times[0], seconds(4)) << "samples keep guest time";
  EXPECT_GE(sent.seen[0].host_time - sent.seen[0].reference, 30u * 10'000'000);
}

TEST(TimeSync, SetsTheClockOnTheNextHost) {
  IcPair pair;
  pair.world.run_for(seconds(2));
  ASSERT_TRUE(pair.move());
  pair.world.run_for(seconds(1));
  test::Collected<traces::ev::TimeSync> sent(pair.world.recorder);
  pair.target.machine.boot();
  pair.world.run_for(seconds(4));
  ASSERT_EQ(sent.seen.size(), 2u);
  EXPECT_TRUE(sent.seen[0].sync);
  EXPECT_EQ(pair.target.guest.last<icmsg::TimeSync>(icmsg::Type::TimeSync).flags, 2);
}

TEST(TimeSync, AnOrderThatFoundNoRoomComesLater) {
  IcRig rig;
  rig.host.boot();
  rig.host.guest.reads = false;
  rig.world.run_for(seconds(5 * 300));  // until the ring is full of samples
  rig.host.machine.suspend_and_drain();
  test::Collected<traces::ev::TimeSync> sent(rig.world.recorder);
  rig.host.machine.boot();
  EXPECT_TRUE(sent.seen.empty());
  rig.host.guest.reads = true;
  rig.host.guest.readable(rig.host.guest.services[IcGuest::kTime].relid);
  rig.world.run();
  ASSERT_FALSE(sent.seen.empty());
  EXPECT_TRUE(sent.seen[0].sync);
}

TEST(TimeSync, ThePlantLeavesAPausedClockAlone) {
  IcRig rig({"timesync.forgets-after-pause"});
  rig.host.boot();
  rig.host.machine.suspend_and_drain();
  test::Collected<traces::ev::TimeSync> sent(rig.world.recorder);
  rig.host.machine.boot();
  rig.world.run();
  EXPECT_TRUE(sent.seen.empty());
}

}  // namespace
