#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

using traces::ChannelState;
using traces::GpadlState;

class RingMemory : public ::testing::Test {
 protected:
  std::uint64_t gpadl(GpadlState from, GpadlState to, std::uint32_t received = 32) {
    return stream.add(traces::ev::VmbusGpadl{2, 3, 10, from, to, 32, received});
  }
  void make() {
    gpadl(GpadlState::None, GpadlState::InProgress, 26);
    gpadl(GpadlState::InProgress, GpadlState::Offered);
    gpadl(GpadlState::Offered, GpadlState::Accepted);
  }
  void open() {
    channel(ChannelState::Closed, ChannelState::Opening);
    stream.add(traces::ev::VmbusOpened{2, 3, "class", 10});
    channel(ChannelState::Opening, ChannelState::Open);
  }
  void channel(ChannelState from, ChannelState to) {
    stream.add(traces::ev::VmbusChannel{2, 3, from, to});
  }
  testing::EventStream stream{make_vb7()};
};

TEST_F(RingMemory, ThatStaysUntilTheChannelIsClosedHolds) {
  make();
  open();
  gpadl(GpadlState::Accepted, GpadlState::TearingDown);
  channel(ChannelState::Open, ChannelState::Closing);
  channel(ChannelState::Closing, ChannelState::Closed);
  gpadl(GpadlState::TearingDown, GpadlState::None);
  make();
  EXPECT_EQ(stream.conclude().measured, "2 GPADLs");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(RingMemory, ThatGoesUnderAnOpenChannelIsBlamed) {
  make();
  open();
  gpadl(GpadlState::Accepted, GpadlState::TearingDown);
  EXPECT_TRUE(stream.blames(gpadl(GpadlState::TearingDown, GpadlState::None)));
}

TEST_F(RingMemory, WithAPageMissingIsBlamed) {
  gpadl(GpadlState::None, GpadlState::InProgress, 26);
  EXPECT_TRUE(stream.blames(gpadl(GpadlState::InProgress, GpadlState::Offered, 31)));
}

TEST_F(RingMemory, UnderAHandleThatIsTakenIsBlamed) {
  make();
  EXPECT_TRUE(stream.blames(gpadl(GpadlState::None, GpadlState::InProgress)));
}

TEST_F(RingMemory, OfAPartitionThatWasDeletedIsForgotten) {
  make();
  open();
  traces::ev::PartitionState gone;
  gone.partition = 2;
  gone.to = traces::PartitionState::Deleted;
  stream.add(gone);
  make();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(RingMemory, IsToldOfAnewWhereTheVmMoves) {
  stream.vp(2, traces::VpState::Running);
  make();
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kSaveCall, 0);
  stream.on(2);
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kRestoreCall, 0);
  make();
  open();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  gpadl(GpadlState::Accepted, GpadlState::TearingDown);
  EXPECT_TRUE(stream.blames(gpadl(GpadlState::TearingDown, GpadlState::None)));
}

}  // namespace
}  // namespace checkers
