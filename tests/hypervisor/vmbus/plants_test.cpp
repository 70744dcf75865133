// Every planted bug of the library takes effect where its checker can see it.
#include "hypervisor/vmbus/plants.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/hypervisor/vmbus/echo_rig.hpp"

namespace {

using test::EchoRig;
using traces::VmbusMessage;

std::size_t count(const test::Collected<traces::ev::VmbusMessage>& messages, VmbusMessage type) {
  return static_cast<std::size_t>(
      std::count_if(messages.seen.begin(), messages.seen.end(),
                    [&](const auto& message) { return message.type == type; }));
}

/// A rig with one plant and everything its traffic left in the trace.
struct Planted {
  explicit Planted(const char* plant)
      : rig({plant}),
        messages(rig.world.recorder),
        channels(rig.world.recorder),
        consumed(rig.world.recorder),
        produced(rig.world.recorder),
        checks(rig.world.recorder) {
    rig.open();
  }
  void talk(int packets = 12) {
    for (int i = 1; i <= packets; ++i) {
      rig.send("payload.", static_cast<std::uint64_t>(i));
      rig.world.run_for({1'000'000});
    }
  }
  EchoRig rig;
  test::Collected<traces::ev::VmbusMessage> messages;
  test::Collected<traces::ev::VmbusChannel> channels;
  test::Collected<traces::ev::RingConsumed> consumed;
  test::Collected<traces::ev::RingProduced> produced;
  test::Collected<traces::ev::RingSignalCheck> checks;
};

TEST(VmbusPlants, OffersTwiceAndForgetsTheEnd) {
  EXPECT_EQ(count(Planted("vmbus.offers-twice").messages, VmbusMessage::Offer), 3u);
  EXPECT_EQ(count(Planted("vmbus.forgets-all-offers").messages, VmbusMessage::AllOffers), 0u);
}

TEST(VmbusPlants, AnswersTwiceOrNever) {
  EXPECT_EQ(count(Planted("vmbus.open-result-twice").messages, VmbusMessage::OpenResult), 2u);
  EXPECT_EQ(count(Planted("vmbus.forgets-gpadl-created").messages, VmbusMessage::GpadlCreated), 0u);
}

TEST(VmbusPlants, ServesAPacketWhileStillOpening) {
  Planted planted("vmbus.serves-before-open");
  planted.talk(1);
  ASSERT_EQ(planted.consumed.seen.size(), 1u);
  ASSERT_EQ(planted.channels.seen.back().to, traces::ChannelState::Open);
  EXPECT_LT(planted.consumed.indices[0], planted.channels.indices.back());
}

TEST(VmbusPlants, ChangesWhatBelongsToTheGuest) {
  Planted planted("vmbus.resets-guest-index");
  planted.talk(3);
  EXPECT_EQ(planted.rig.machine.word(sim::base_of({16})), 0u) << "the guest's write index";
  EXPECT_EQ(planted.rig.guest.received.size(), 3u);
}

TEST(VmbusPlants, WritesAWrongTrailer) {
  Planted planted("vmbus.wrong-trailer");
  planted.talk(1);
  ASSERT_EQ(planted.produced.seen.size(), 1u);
  const auto& packet = planted.produced.seen[0];
  const sim::Gpa data = sim::base_of({16 + 4 + 1});
  EXPECT_NE(planted.rig.machine.word(data + (packet.end - 4)), packet.start);
}

TEST(VmbusPlants, LosesAPacket) {
  Planted planted("vmbus.drops-packet");
  planted.talk();
  EXPECT_EQ(planted.consumed.seen.size(), 11u);
  EXPECT_NE(planted.consumed.seen[6].end, planted.consumed.seen[7].start);
}

TEST(VmbusPlants, SignalsWronglyOnTheRecord) {
  Planted silent("vmbus.forgets-signal");
  silent.talk(1);
  EXPECT_TRUE(silent.rig.guest.received.empty());
  Planted noisy("vmbus.extra-signal");
  noisy.rig.send("a.......", 1);
  noisy.rig.send("b.......", 2);
  noisy.rig.world.run();
  int extra = 0;
  for (const auto& check : noisy.checks.seen) {
    extra += check.to_guest && check.signalled && check.old_index != check.other_index;
  }
  EXPECT_EQ(extra, 1);
}

TEST(VmbusPlants, LeavesTheGuestMuted) {
  Planted planted("vmbus.forgets-unmask");
  planted.talk(2);
  EXPECT_EQ(planted.consumed.seen.size(), 1u) << "nobody rings for the second";
  EXPECT_EQ(planted.rig.machine.word(sim::base_of({16}) + 8), 1u);
}

/// One answered packet, one in the ring, then a move.
struct PlantedMove {
  explicit PlantedMove(const char* plant) : planted(plant), target(planted.rig.world, "b", guest) {
    target.server->add_device("echo", echo);
    target.server->add_device("second", second);
    planted.talk(1);
    planted.rig.send("waiting.", 2);
    const auto state = planted.rig.machine.suspend_and_save();
    before = planted.rig.machine.memory->digest();
    restored = target.restore(state, *planted.rig.machine.memory);
    after = target.memory->digest();
    target.partition->resume("moved");
    target.server->resume();
    planted.rig.world.run();
  }
  Planted planted;
  test::Guest guest;
  test::EchoDevice echo{1}, second{2};
  test::Machine target;
  traces::Digest before, after;
  bool restored = false;
};

TEST(VmbusPlants, RestoringTouchesMemory) {
  PlantedMove plain("none");
  ASSERT_TRUE(plain.restored);
  EXPECT_EQ(plain.before, plain.after);
  EXPECT_EQ(plain.echo.taken.size(), 1u);
  PlantedMove move("vmbus.restore-touches-ring");
  EXPECT_NE(move.before, move.after);
}

TEST(VmbusPlants, RestoringServesAPacketAgain) {
  PlantedMove move("vmbus.restore-replays-packet");
  ASSERT_EQ(move.echo.taken.size(), 2u);
  EXPECT_EQ(move.echo.taken[0].transaction, 1u) << "answered on the source already";
}

TEST(VmbusPlants, RestoringForgetsTheDoorbell) {
  // Rung and heard while quiesced: nobody but resume() would look.
  Planted planted("vmbus.restore-forgets-doorbell");
  planted.rig.host_hears_nothing();
  EXPECT_TRUE(planted.rig.echo.taken.empty());
  Planted plain("none");
  plain.rig.host_hears_nothing();
  EXPECT_EQ(plain.rig.echo.taken.size(), 1u);
}

TEST(VmbusPlants, AreAllNamedOnceWithTheirChecker) {
  std::set<std::string> names;
  for (const auto& plant : vmbus::kPlants) {
    EXPECT_TRUE(names.insert(plant.name).second) << plant.name;
    EXPECT_NE(std::string(plant.checker), "");
  }
}

}  // namespace
