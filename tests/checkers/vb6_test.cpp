#include <gtest/gtest.h>

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

}  // namespace
}  // namespace checkers
