#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "checkers/makers.hpp"
#include "tests/checkers/vmbus_stream.hpp"

namespace checkers {
namespace {

using testing::VmbusStream;
using Message = VmbusStream::Message;
using Channel = VmbusStream::Channel;
using Gpadl = VmbusStream::Gpadl;

class LentPages : public ::testing::Test {
 protected:
  LentPages() {
    stream.vp(2, traces::VpState::Running);
    stream.gpadl(1, 77, Gpadl::None, Gpadl::Offered);
    stream.gpadl(1, 77, Gpadl::Offered, Gpadl::Accepted);
    stream.open_channel(1);
  }
  VmbusStream stream{make_vb6()};
};

TEST_F(LentPages, AccessesWhileTheyAreLentHold) {
  stream.access(1, 77, 0);
  stream.consumed(1, 9, 1);
  stream.access(1, 0, 1);
  stream.produced(1, 11, 1);
  stream.gpadl(1, 77, Gpadl::Accepted, Gpadl::TearingDown);
  stream.access(1, 77, 0);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(LentPages, WithoutDetailNothingIsKnown) {
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(LentPages, AnAccessAfterTheTeardownIsBlamed) {
  stream.gpadl(1, 77, Gpadl::Accepted, Gpadl::TearingDown);
  stream.gpadl(1, 77, Gpadl::TearingDown, Gpadl::None);
  EXPECT_TRUE(stream.blames(stream.access(1, 77, 0)));
}

TEST_F(LentPages, AnAccessAfterTheAnswerIsBlamedWhateverTheServerHoldsTheGpadlFor) {
  stream.to_guest(Message::GpadlTorndown, 1, 77);
  EXPECT_TRUE(stream.blames(stream.access(1, 77, 0)));
}

TEST_F(LentPages, AnAccessBeforeAcceptanceIsBlamed) {
  stream.gpadl(1, 78, Gpadl::None, Gpadl::InProgress);
  EXPECT_TRUE(stream.blames(stream.access(1, 78, 0)));
}

TEST_F(LentPages, AnAccessAfterTheCompletionIsBlamed) {
  stream.consumed(1, 9, 1);
  stream.produced(1, 11, 1);
  EXPECT_TRUE(stream.blames(stream.access(1, 0, 1)));
}

TEST_F(LentPages, AnAccessForAPacketWithoutRangesIsBlamed) {
  stream.consumed(1, 6, 1);
  EXPECT_TRUE(stream.blames(stream.access(1, 0, 1)));
}

TEST_F(LentPages, ARequestOfAClosedChannelLendsNothing) {
  stream.consumed(1, 9, 1);
  stream.channel(1, Channel::Open, Channel::Closing);
  stream.channel(1, Channel::Closing, Channel::Closed);
  EXPECT_TRUE(stream.blames(stream.access(1, 0, 1)));
}

TEST_F(LentPages, ARequestUnderWayStaysUnderWayAtTheTarget) {
  stream.consumed(1, 9, 1);
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kSaveCall, 0);
  stream.on(2);
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kRestoreCall, 0);
  stream.open_channel(1);
  stream.access(1, 0, 1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.produced(1, 11, 1);
  EXPECT_TRUE(stream.blames(stream.access(1, 0, 1)));
}

/// Page 100 stands on frame 40 and so on; packets lie in a watched ring.
class HostWrites : public LentPages {
 protected:
  HostWrites() {
    stream.add(traces::ev::GpaMapped{2, 100, 64, 40, true, true, true});
    stream.add(traces::ev::MemoryWatch{2, 4, traces::WatchPurpose::RingToHost, 0, 2, 1});
  }
  /// The host reads a packet that lends `bytes` from `offset` of page 100 on.
  void lend(std::uint64_t transaction, std::uint32_t offset, std::uint32_t bytes) {
    std::vector<std::byte> ring(2 * 4096);
    std::byte* packet = ring.data() + 4096;
    const std::uint16_t head[4] = {9, 6, 6, 1};
    const std::uint32_t range[4] = {0, 1, bytes, offset};
    const std::uint64_t pages[2] = {100, 101};
    std::memcpy(packet, head, 8);
    std::memcpy(packet + 8, &transaction, 8);
    std::memcpy(packet + 16, range, 16);
    std::memcpy(packet + 32, pages, 16);
    traces::ev::MemoryWatchedWrite content;
    content.partition = 2;
    content.watch = 4;
    content.data = ring;
    stream.add(content);
    stream.consumed(1, 9, transaction);
  }
  std::uint64_t writes(std::uint64_t frame, std::uint32_t offset, std::uint32_t bytes) {
    return stream.add(traces::ev::MemoryHostWrite{2, frame, offset, bytes});
  }
};

TEST_F(HostWrites, IntoWhatAPacketLendsHold) {
  lend(1, 512, 4096);
  writes(40, 512, 3584);
  writes(41, 0, 512);
  stream.produced(1, 11, 1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_NE(stream.conclude().measured.find("2 writes"), std::string::npos);
}

TEST_F(HostWrites, IntoABufferThatTheServerSaysItWritesHold) {
  const traces::ev::VmbusAccess first{2, 1, 77, 0, 104, 2, true};
  const traces::ev::VmbusAccess second{2, 1, 77, 0, 120, 1, true};
  stream.add(first);
  stream.add(second);
  writes(44, 100, 3996);
  writes(45, 0, 4096);
  writes(60, 0, 10);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.add(second);
  EXPECT_TRUE(stream.blames(writes(44, 0, 8))) << "that was another access";
}

TEST_F(HostWrites, IntoABufferThatTheServerOnlyReadsAreBlamed) {
  stream.add(traces::ev::VmbusAccess{2, 1, 77, 0, 104, 2, false});
  EXPECT_TRUE(stream.blames(writes(44, 100, 8)));
}

TEST_F(HostWrites, IntoTheInterruptPageHoldUntilTheNextContact) {
  stream.add(traces::ev::VmbusMessage{2, false, Message::InitiateContact, 0, 0x10001, 104});
  writes(44, 0, 1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.from_guest(Message::InitiateContact, 0, 0x20004);
  EXPECT_TRUE(stream.blames(writes(44, 0, 1)));
}

TEST_F(HostWrites, IntoAPageThatNobodyLentAreBlamed) {
  lend(1, 512, 4096);
  EXPECT_TRUE(stream.blames(writes(42, 0, 8)));
}

TEST_F(HostWrites, BeyondTheBytesOfAPacketAreBlamed) {
  lend(1, 512, 4096);
  EXPECT_TRUE(stream.blames(writes(41, 0, 513)));
}

TEST_F(HostWrites, BeforeTheBytesOfAPacketAreBlamed) {
  lend(1, 512, 4096);
  EXPECT_TRUE(stream.blames(writes(40, 511, 8)));
}

TEST_F(HostWrites, AfterTheCompletionAreBlamed) {
  lend(1, 512, 4096);
  stream.produced(1, 11, 1);
  EXPECT_TRUE(stream.blames(writes(40, 512, 8)));
}

TEST_F(HostWrites, OfAHypercallsOutputHoldOnce) {
  stream.add(traces::ev::HypercallOutput{2, 102 * 4096 + 16, 8});
  writes(42, 16, 8);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(writes(42, 16, 8)));
}

TEST_F(HostWrites, IntoFramesOfOverlaysHold) {
  writes(400, 0, 4096);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(HostWrites, IntoAGuestThatBreaksItsRingsAreNotJudged) {
  stream.add(traces::ev::VmCreated{1, "web", 2, 64, "worker"});
  stream.add(traces::ev::FaultFired{"hostile-rings", "web", "strikes"});
  writes(42, 0, 8);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
