// Storage through a migration: every command completes once, and memory and disk are the same as
// for a twin that was only paused (spec I.10, MI-1 and MI-4; design, twin).
#include <gtest/gtest.h>

#include "tests/hypervisor/vsp/storage_rig.hpp"

namespace {

using test::StorageHost;

/// A source and a target host with one disk between them.
struct Pair {
  Pair()
      : array(world.world.add_node("array", "storage")),
        disk(array, {.name = "disk", .number = 1, .sectors = 4096}),
        source(world, "source", disk),
        target(world, "target", disk) {
    source.boot();
  }
  /// Suspends, drains, saves; the target has the VM and the disk afterwards.
  bool move() {
    const auto state = source.machine.suspend_and_save();
    source.handle.close();
    return target.handle.open() && target.machine.restore(state, *source.machine.memory);
  }
  void go_on() {
    target.machine.partition->resume("moved");
    target.machine.server->resume();
  }
  test::World world;
  sim::Node& array;
  sim::SharedDisk disk;
  StorageHost source, target;
};

TEST(StorVspState, EveryCommandCompletesOnceWhereverTheMoveFalls) {
  for (std::int64_t delay = 0; delay <= 400'000; delay += 12'345) {
    Pair pair;
    test::Collected<traces::ev::ScsiCompletion> completions(pair.world.recorder);
    for (std::uint64_t tag = 1; tag <= 8; ++tag) {
      pair.source.write(tag, tag, 1, static_cast<int>(tag), tag);
    }
    pair.world.run_for({delay});
    ASSERT_TRUE(pair.move()) << delay;
    pair.go_on();
    pair.world.run();
    EXPECT_EQ(completions.seen.size(), 8u) << delay;
    for (std::uint64_t tag = 1; tag <= 8; ++tag) {
      EXPECT_EQ(pair.source.guest.times[tag] + pair.target.guest.times[tag], 1)
          << "tag " << tag << " after " << delay;
    }
    pair.target.read(100, 1, 8);
    pair.world.run();
    EXPECT_TRUE(pair.target.guest.results[100].good());
    EXPECT_TRUE(pair.target.all(64, 512, 1));
  }
}

TEST(StorVspState, DrainingLetsTheDiskFinishAndKeepsTheRest) {
  Pair pair;
  test::Collected<traces::ev::ScsiRequest> requests(pair.world.recorder);
  test::Collected<traces::ev::ScsiCompletion> completions(pair.world.recorder);
  for (std::uint64_t tag = 1; tag <= 4; ++tag) pair.source.write(tag, tag, 1, 1);
  pair.world.run_for({10'000});
  ASSERT_EQ(requests.seen.size(), 4u);
  ASSERT_TRUE(completions.seen.empty());
  pair.source.machine.suspend_and_drain();
  EXPECT_TRUE(pair.source.storvsp.idle());
  EXPECT_EQ(completions.seen.size(), 4u) << "what was accepted is finished before the save";
}

TEST(StorVspState, AMoveInTheMiddleOfTheHandshakeIsFinishedElsewhere) {
  for (std::int64_t delay = 0; delay <= 60'000; delay += 3'000) {
    test::World world;
    sim::Node& array = world.world.add_node("array", "storage");
    sim::SharedDisk disk(array, {.name = "disk", .number = 1, .sectors = 4096});
    StorageHost source(world, "source", disk), target(world, "target", disk);
    source.handle.open();
    source.machine.boot();
    source.guest.bus->connect();
    world.run_for({100'000 + delay});
    const auto state = source.machine.suspend_and_save();
    source.handle.close();
    target.handle.open();
    ASSERT_TRUE(target.machine.restore(state, *source.machine.memory));
    target.machine.partition->resume("moved");
    target.machine.server->resume();
    world.run();
    EXPECT_TRUE(target.guest.storage->ready()) << delay;
  }
}

/// The same run with a move or with a pause in place of the same length.
struct Story {
  explicit Story(bool moves, std::int64_t at) {
    StorageHost* owner = &pair.source;
    for (std::uint64_t tag = 1; tag <= 6; ++tag) {
      owner->write(tag, 8 * tag, 8, static_cast<int>(tag), tag);
    }
    pair.world.run_for({at});
    if (moves) {
      good = pair.move();
      owner = &pair.target;
    } else {
      pair.source.machine.suspend_and_drain();
    }
    const sim::Time resumed{300'000'000};
    pair.world.world.run_until(resumed);
    owner->machine.partition->resume("go on");
    owner->machine.server->resume();
    pair.world.run();
    for (std::uint64_t tag = 11; tag <= 16; ++tag) {
      owner->write(tag, 8 * tag, 8, static_cast<int>(tag), tag);
    }
    owner->read(20, 8, 64, 100);
    pair.world.run_for({150'000});
    owner->machine.partition->suspend("end");
    memory = owner->machine.memory->digest();
    content = pair.disk.digest();
    state = owner->guest.save();
    heartbeats = owner->guest.heartbeat->answered();
  }
  Pair pair;
  bool good = true;
  traces::Digest memory, content;
  std::vector<std::byte> state;
  std::uint64_t heartbeats = 0;
};

TEST(StorVspState, AMovedGuestIsTheTwinOfAPausedOne) {
  for (std::int64_t at = 0; at <= 300'000; at += 7'001) {
    const Story twin(false, at), moved(true, at);
    ASSERT_TRUE(moved.good);
    EXPECT_EQ(moved.memory, twin.memory) << "moved after " << at << " ns";
    EXPECT_EQ(moved.content, twin.content);
    EXPECT_EQ(moved.state, twin.state);
  }
}

TEST(StorVspState, RepliesWithoutRoomTravelAlong) {
  test::World world;
  sim::Node& array = world.world.add_node("array", "storage");
  sim::SharedDisk disk(array, {.name = "disk", .number = 1, .sectors = 4096});
  StorageHost source(world, "source", disk), target(world, "target", disk);
  source.guest.ring_pages = target.guest.ring_pages = 2;
  source.boot();
  source.guest.handshake = false;
  source.guest.reads = false;
  for (std::uint64_t tag = 1; tag <= 60; ++tag) source.write(tag, tag, 1, 1);
  world.run_for({100'000'000});
  test::Collected<traces::ev::ScsiCompletion> completions(world.recorder);
  const auto state = source.machine.suspend_and_save();
  source.handle.close();
  target.handle.open();
  ASSERT_TRUE(target.machine.restore(state, *source.machine.memory));
  target.machine.partition->resume("moved");
  target.machine.server->resume();
  world.run_for({100'000'000});
  EXPECT_EQ(completions.seen.size(), 60u - (4096 - 8) / 88) << "the rest was in the ring";
  for (std::uint64_t tag = 1; tag <= 60; ++tag) EXPECT_EQ(target.guest.times[tag], 1) << tag;
}

TEST(StorVspState, ForeignBytesAreRefused) {
  Pair pair;
  traces::ByteWriter out;
  pair.source.storvsp.save(out);
  for (std::size_t length = 0; length < out.bytes().size(); ++length) {
    traces::ByteReader in(std::span<const std::byte>(out.bytes()).first(length));
    EXPECT_FALSE(pair.target.storvsp.restore(in, nullptr)) << length;
  }
  traces::ByteReader in(out.bytes());
  EXPECT_FALSE(pair.target.storvsp.restore(in, nullptr)) << "ready, and no channel";
}

}  // namespace
