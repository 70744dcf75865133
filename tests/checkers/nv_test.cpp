// The properties of network adapters on hand-made events.
#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;
using testing::EventStream;

constexpr std::uint64_t kMac = 0x00155D00000A, kOther = 0x00155D00000B;

struct Stream : EventStream {
  using EventStream::EventStream;
  std::uint64_t control(std::uint32_t message, std::uint32_t status) {
    return add(ev::NicControl{2, 1, 1, message, status, 0});
  }
  std::uint64_t rndis(std::uint32_t message, std::uint32_t oid = 0, std::uint64_t value = 0) {
    return add(ev::NicRndis{2, 1, 1, message, oid, 0, value});
  }
  std::uint64_t sent(std::uint64_t hash, std::uint32_t bytes = 100) {
    return add(ev::NicSent{2, 1, 1, 5, bytes, 0, kOther, kMac, hash});
  }
  std::uint64_t delivered(std::uint64_t hash, std::uint64_t to = kMac, std::uint64_t from = kOther,
                          std::uint32_t vm = 1) {
    return add(ev::NicDelivered{2, 1, vm, 6, 0, 100, 0, to, from, hash});
  }
  void set_up() {
    control(1, 1);
    control(101, 1);
    rndis(2);
    rndis(5, 0x0001010E, 0xD);
  }
};

TEST(NV1, FramesOfAnAdapterThatIsSetUpHold) {
  Stream stream(make_nv1());
  stream.set_up();
  stream.sent(1);
  stream.delivered(2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST(NV1, AFrameBeforeAnyStepIsBlamed) {
  const auto story = [](unsigned left_out) {
    Stream stream(make_nv1());
    if (left_out != 0) stream.control(1, 1);
    if (left_out != 0 && left_out != 1) stream.control(101, 1);
    if (left_out != 2) stream.rndis(2);
    stream.rndis(5, 0x0001010E, 0xD);
    return stream.blames(stream.delivered(2));
  };
  EXPECT_TRUE(story(0));
  EXPECT_TRUE(story(1));
  EXPECT_TRUE(story(2));
}

TEST(NV1, AFrameWhileTheFilterIsZeroIsBlamed) {
  for (const std::uint32_t message : {3u, 6u}) {
    Stream stream(make_nv1());
    stream.set_up();
    stream.rndis(message);
    EXPECT_TRUE(stream.blames(stream.delivered(2))) << message;
  }
  Stream stream(make_nv1());
  stream.set_up();
  stream.rndis(5, 0x0001010E, 0);
  stream.sent(1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds) << "a deaf guest may speak";
  EXPECT_TRUE(stream.blames(stream.delivered(2)));
}

TEST(NV1, AMessageBeforeTheVersionIsBlamed) {
  Stream stream(make_nv1());
  stream.control(1, 3);
  EXPECT_TRUE(stream.blames(stream.control(101, 1)));
}

TEST(NV1, AClosedChannelBeginsAnew) {
  Stream stream(make_nv1());
  stream.set_up();
  stream.add(ev::VmbusChannel{2, 1, traces::ChannelState::Closing, traces::ChannelState::Closed});
  EXPECT_TRUE(stream.blames(stream.delivered(2)));
}

TEST(NV1, WhatWasSetUpTravelsWithTheVm) {
  Stream stream(make_nv1());
  stream.vp(2, traces::VpState::Running);
  stream.set_up();
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kSaveCall, 0);
  stream.on(2);
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kRestoreCall, 0);
  stream.add(ev::VmbusChannel{2, 1, traces::ChannelState::Released, traces::ChannelState::Closed});
  stream.delivered(2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

struct Sections : Stream {
  Sections() : Stream(make_nv2()) {}
  std::uint64_t lend(std::uint64_t transaction, std::uint32_t section) {
    ev::RingProduced produced;
    produced.partition = 2;
    produced.relid = 1;
    produced.type = 7;
    produced.transaction = transaction;
    add(produced);
    return add(ev::NicLent{2, 1, 1, transaction, section});
  }
  void give_back(std::uint64_t transaction) {
    ev::RingConsumed consumed;
    consumed.partition = 2;
    consumed.relid = 1;
    consumed.type = 0xB;
    consumed.transaction = transaction;
    add(consumed);
  }
};

TEST(NV2, ASectionThatWasGivenBackMayGoAgain) {
  Sections stream;
  stream.lend(1, 0);
  stream.lend(2, 1);
  stream.give_back(1);
  stream.lend(3, 0);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST(NV2, ASectionInTwoPacketsIsBlamed) {
  Sections stream;
  stream.lend(1, 0);
  stream.give_back(7);
  EXPECT_TRUE(stream.blames(stream.lend(2, 0)));
}

TEST(NV2, ASectionWithoutItsPacketIsBlamed) {
  Sections stream;
  EXPECT_TRUE(stream.blames(stream.add(ev::NicLent{2, 1, 1, 9, 0})));
}

struct FramesStream : Stream {
  FramesStream() : Stream(make_nv3()) {
    add(ev::SwitchPort{"external", 1, 1, kMac, true});
    add(ev::SwitchPort{"external", 2, 2, kOther, true});
  }
};

TEST(NV3, AFrameThatWasSentIsDeliveredOnce) {
  FramesStream stream;
  stream.sent(77);
  stream.delivered(77, kOther, kMac, 2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(stream.delivered(77, kOther, kMac, 2))) << "not twice";
}

TEST(NV3, AWireMayDoubleAFrame) {
  FramesStream stream;
  stream.sent(77);
  stream.add(ev::FaultFired{"net.duplication", "", ""});
  stream.delivered(77, kOther, kMac, 2);
  stream.delivered(77, kOther, kMac, 2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST(NV3, AFrameThatNobodySentLikeThatIsBlamed) {
  FramesStream stream;
  stream.sent(77);
  EXPECT_TRUE(stream.blames(stream.delivered(78, kOther, kMac, 2)));
}

TEST(NV3, AFrameForSomebodyElseIsBlamedUnlessTheGuestHearsEverything) {
  FramesStream stream;
  stream.sent(77);
  stream.rndis(5, 0x0001010E, 0x20);
  stream.delivered(77, kOther, kMac, 1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  FramesStream strict;
  strict.sent(77);
  EXPECT_TRUE(strict.blames(strict.delivered(77, kOther, kMac, 1)));
}

struct Move : Stream {
  Move() : Stream(make_nv5()) {
    add(ev::SwitchPort{"external", 1, 1, kMac, true});
    on(9).add(ev::SegmentLearned{"lan", kMac, 1});
    on(2).at_ms(100).add(ev::MigrationCommit{1, 1, traces::CommitStep::Committed, 2});
  }
};

TEST(NV5, ASwitchThatLearnsInTimeHolds) {
  Move move;
  move.on(9).at_ms(200).add(ev::SegmentLearned{"lan", kMac, 2});
  move.at_ms(5'000);
  EXPECT_EQ(move.verdict(), Verdict::Holds);
}

TEST(NV5, ASwitchThatLearnsTooLateOrNeverIsBlamed) {
  Move late;
  const std::uint64_t event = late.on(9).at_ms(1'200).add(ev::SegmentLearned{"lan", kMac, 2});
  EXPECT_TRUE(late.blames(event));
  Move never;
  never.at_ms(5'000);
  EXPECT_EQ(never.verdict(), Verdict::Violated);
}

TEST(NV5, ABrokenNetworkIsNotBlamed) {
  Move move;
  move.at_ms(150).add(ev::LinkState{"l", "a", "b", false});
  move.at_ms(5'000);
  EXPECT_EQ(move.verdict(), Verdict::Holds);
}

TEST(NV5, AFrameThatLeavesTheOldHostIsBlamed) {
  Move move;
  const auto frame = [&](std::uint32_t node) {
    return move.on(node).add(ev::SegmentSent{"lan", 1, 100, kOther, kMac, 5});
  };
  frame(2);
  EXPECT_EQ(move.verdict(), Verdict::Holds);
  EXPECT_TRUE(move.blames(frame(1)));
}

/// VM 1 on node 1 and VM 2 on node 2, both set up.
struct Loss : Stream {
  Loss() : Stream(make_nv4()) {
    for (const std::uint32_t vm : {1U, 2U}) {
      on(vm).add(ev::SwitchPort{"lan", 1, vm, vm == 1 ? kMac : kOther, true});
      runs(vm, traces::VpState::Running);
      add(ev::NicRndis{2, 1, vm, 5, 0x0001010E, 0, 0xD});
    }
  }
  void runs(std::uint32_t vm, traces::VpState state) {
    ev::VpState event;
    event.vm = vm;
    event.partition = 2;
    event.state = state;
    add(event);
  }
  /// VM 1 sends a frame to VM 2.
  std::uint64_t given(std::uint64_t hash) {
    return on(1).add(ev::NicSent{2, 1, 1, 5, 100, 0, kOther, kMac, hash});
  }
  void leaves(std::uint64_t hash) {
    on(1).add(ev::SegmentSent{"lan", hash, 100, kOther, kMac, hash});
  }
  std::uint64_t arrives(std::uint64_t hash) {
    return on(2).add(ev::SegmentArrived{"lan", 1, hash, 100, hash});
  }
  void received(std::uint64_t hash) {
    on(2);
    delivered(hash, kOther, kMac, 2);
  }
};

TEST(NV4, AFrameThatGoesAllTheWayHolds) {
  Loss stream;
  stream.given(7);
  stream.leaves(7);
  stream.arrives(7);
  stream.received(7);
  stream.at_ms(5'000);
  EXPECT_EQ(stream.conclude().measured, "1 frames, 0 counted as dropped");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST(NV4, AFrameThatNeverLeavesItsHostIsBlamed) {
  Loss stream;
  const std::uint64_t sent = stream.given(7);
  EXPECT_EQ(stream.verdict(), Verdict::Holds) << "there is time yet";
  stream.at_ms(2'000);
  EXPECT_TRUE(stream.blames(sent));
}

TEST(NV4, AFrameThatNeverReachesItsGuestIsBlamed) {
  Loss stream;
  stream.given(7);
  stream.leaves(7);
  const std::uint64_t arrived = stream.arrives(7);
  stream.at_ms(2'000);
  EXPECT_TRUE(stream.blames(arrived));
}

TEST(NV4, WhatIsCountedIsNotLostInSilence) {
  Loss stream;
  stream.given(7);
  stream.leaves(7);
  stream.arrives(7);
  stream.add(ev::NicDropped{2, 1, 2, traces::NicDrop::NoSection, 7});
  stream.given(8);
  stream.on(1).add(ev::SwitchDropped{"lan", 1, traces::SwitchDrop::QueueFull, 8});
  stream.at_ms(2'000);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST(NV4, WhoStandsStillOrDoesNotListenGetsNothing) {
  Loss stopped;
  stopped.given(7);
  stopped.leaves(7);
  stopped.arrives(7);
  stopped.runs(2, traces::VpState::Suspended);
  stopped.at_ms(2'000);
  EXPECT_EQ(stopped.verdict(), Verdict::Holds);
  Loss deaf;
  deaf.on(2).add(ev::NicRndis{2, 1, 2, 5, 0x0001010E, 0, 0});
  deaf.given(7);
  deaf.leaves(7);
  deaf.arrives(7);
  deaf.at_ms(2'000);
  EXPECT_EQ(deaf.verdict(), Verdict::Holds);
}

TEST(NV4, WhatAWireLosesIsTheWires) {
  Loss stream;
  stream.given(7);
  stream.leaves(7);
  stream.at_ms(2'000);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST(NV6, AForgedFrameThatIsStoppedHolds) {
  Stream stream(make_nv6());
  stream.add(ev::SwitchPort{"lan", 1, 1, kMac, true});
  stream.add(ev::NicSent{2, 1, 1, 5, 100, 0, kOther, kMac, 8});
  stream.add(ev::NicSent{2, 1, 1, 5, 100, 0, kMac, kOther, 7});
  stream.add(ev::SegmentSent{"lan", 1, 100, kOther, kMac, 8});
  EXPECT_EQ(stream.conclude().measured, "1 forged frames");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST(NV6, AForgedFrameThatCrossesASwitchIsBlamed) {
  for (const bool leaves : {true, false}) {
    Stream stream(make_nv6());
    stream.add(ev::SwitchPort{"lan", 1, 1, kMac, true});
    stream.add(ev::NicSent{2, 1, 1, 5, 100, 0, kMac, kOther, 7});
    EXPECT_TRUE(stream.blames(
        leaves ? stream.add(ev::SegmentSent{"lan", 1, 100, kMac, kOther, 7})
               : stream.add(ev::NicDelivered{2, 1, 2, 6, 0, 100, 0, kMac, kOther, 7})));
  }
}

}  // namespace
}  // namespace checkers
