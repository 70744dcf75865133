// Saving and restoring of the server with its guest, in the middle of traffic (spec C.8).
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/hypervisor/vmbus/echo_rig.hpp"

namespace {

using test::EchoDevice;
using test::EchoRig;
using test::Guest;
using test::Machine;

/// A source with an open channel, and a machine of the same shape to move to.
struct Move {
  explicit Move(std::set<std::string, std::less<>> plants = {})
      : rig(std::move(plants)), target(rig.world, "target", guest, 1) {
    target.server->add_device("echo", echo);
    target.server->add_device("second", second);
    rig.open();
  }
  /// Moves everything; the source's guest is dead from here on.
  bool move() {
    const auto state = rig.machine.suspend_and_save();
    if (!target.restore(state, *rig.machine.memory)) return false;
    return true;
  }
  void boot() {
    target.partition->resume("moved");
    target.server->resume();
    rig.world.run();
  }
  EchoRig rig;
  Guest guest;
  EchoDevice echo{1}, second{2};
  Machine target;
};

TEST(ServerState, AnOpenChannelGoesOnAfterTheMove) {
  Move move;
  move.rig.echo.state = 77;
  ASSERT_TRUE(move.move());
  EXPECT_EQ(move.echo.state, 77u);
  move.boot();
  const auto payload = test::bytes_of("after...");
  vmbus::PacketOut out;
  out.completion_requested = true;
  out.transaction = 9;
  out.payload = payload;
  ASSERT_TRUE(move.guest.bus->send(1, out));
  move.rig.world.run();
  ASSERT_EQ(move.guest.received.size(), 1u);
  EXPECT_EQ(move.guest.received[0].transaction, 9u);
  EXPECT_EQ(move.echo.opens, 0) << "the device is restored, not opened again";
}

TEST(ServerState, ADoorbellInFlightIsNotLost) {
  Move move;
  test::Collected<traces::ev::VmbusSignal> signals(move.rig.world.recorder);
  move.rig.send("in flight", 3);  // rung, and suspended before the server hears it
  ASSERT_TRUE(move.move());
  EXPECT_TRUE(move.rig.echo.taken.empty());
  move.boot();
  ASSERT_EQ(move.guest.received.size(), 1u);
  EXPECT_EQ(move.guest.received[0].transaction, 3u);
  int restores = 0;
  for (const auto& signal : signals.seen)
    restores += signal.reason == traces::SignalReason::Restore;
  EXPECT_EQ(restores, 1) << "one open channel, one doorbell";
}

TEST(ServerState, AnAnswerWaitingInTheRingArrivesAfterTheMove) {
  Move move;
  move.rig.guest.reads = false;
  move.rig.send("answered", 4);
  move.rig.world.run();
  ASSERT_TRUE(move.rig.guest.received.empty());
  ASSERT_TRUE(move.move());
  move.boot();
  ASSERT_EQ(move.guest.received.size(), 1u);
  EXPECT_EQ(move.guest.received[0].transaction, 4u);
}

TEST(ServerState, EveryPacketIsTakenOnceWhereverTheMoveFalls) {
  for (std::int64_t delay = 0; delay <= 6'000; delay += 500) {
    Move move;
    for (std::uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(move.rig.send("payload.", i));
    move.rig.world.run_for({delay});
    ASSERT_TRUE(move.move());
    move.boot();
    const auto before = move.rig.guest.received.size();
    ASSERT_EQ(before + move.guest.received.size(), 5u) << "after " << delay << " ns";
    EXPECT_EQ(move.rig.echo.taken.size() + move.echo.taken.size(), 5u);
  }
}

TEST(ServerState, AGpadlHalfAnnouncedIsFinishedOnTheOtherHost) {
  for (std::int64_t delay = 1'000; delay <= 61'000; delay += 4'000) {
    Move move;
    ASSERT_TRUE(move.rig.guest.bus->open(2, {100}, 300, 300));
    move.rig.world.run_for({delay});
    ASSERT_TRUE(move.move());
    move.boot();
    move.rig.world.run();
    EXPECT_EQ(move.guest.bus->channel_state(2), vmbus::guest::Bus::ChannelState::Open)
        << "after " << delay << " ns";
  }
}

TEST(ServerState, NothingOfTheServerTouchesMemoryWhileQuiesced) {
  Move move;
  for (std::uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(move.rig.send("payload.", i));
  ASSERT_TRUE(move.rig.guest.bus->open(2, {100}, 4, 4));
  move.rig.world.run_for({1'500});
  move.rig.machine.suspend_and_drain();
  const auto before = move.rig.machine.memory->digest();
  move.rig.world.run();
  EXPECT_EQ(move.rig.machine.memory->digest(), before);
}

TEST(ServerState, AnAbortedMoveGoesOnAtTheSource) {
  Move move;
  move.rig.send("at home.", 3);
  move.rig.machine.suspend_and_save();
  move.rig.world.run();
  move.rig.machine.boot();
  move.rig.world.run();
  ASSERT_EQ(move.rig.guest.received.size(), 1u);
}

TEST(ServerState, TruncatedStatesAreRefusedAndLeaveAUsableServer) {
  Move move;
  move.rig.send("payload.", 1);
  move.rig.machine.suspend_and_drain();
  traces::ByteWriter out;
  move.rig.machine.server->save(out);
  const auto& bytes = out.bytes();
  move.target.memory->import_pages(
      move.rig.machine.memory->export_pages(move.rig.machine.memory->populated()));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    traces::ByteReader in(std::span<const std::byte>(bytes).first(length));
    EXPECT_FALSE(move.target.server->restore(in)) << length;
    EXPECT_FALSE(move.target.server->connected());
    EXPECT_EQ(move.echo.channel, nullptr);
  }
  traces::ByteReader in(bytes);
  EXPECT_TRUE(move.target.server->restore(in));
}

RC_GTEST_PROP(ServerStateProperty, ChangedBytesNeverBreakTheHost, ()) {
  Move move;
  move.rig.machine.suspend_and_drain();
  traces::ByteWriter out;
  move.rig.machine.server->save(out);
  auto bytes = out.take();
  move.target.memory->import_pages(
      move.rig.machine.memory->export_pages(move.rig.machine.memory->populated()));
  const auto changes = *rc::gen::container<std::vector<std::pair<std::size_t, std::uint8_t>>>(
      3, rc::gen::pair(rc::gen::inRange<std::size_t>(0, bytes.size()),
                       rc::gen::arbitrary<std::uint8_t>()));
  for (const auto& [at, value] : changes) bytes[at] = static_cast<std::byte>(value);
  traces::ByteReader in(bytes);
  if (move.target.server->restore(in)) {
    move.target.partition->resume("changed");
    move.target.server->resume();
    move.rig.world.run();
  } else {
    RC_ASSERT(!move.target.server->connected());
  }
}

TEST(ServerState, AStateOfOtherDevicesIsRefused) {
  EchoRig rig;
  rig.open();
  rig.machine.suspend_and_drain();
  traces::ByteWriter out;
  rig.machine.server->save(out);
  Guest guest;
  EchoDevice echo{1};
  Machine other(rig.world, "other", guest, 1);
  other.server->add_device("echo", echo);
  traces::ByteReader in(out.bytes());
  EXPECT_FALSE(other.server->restore(in));
}

}  // namespace
