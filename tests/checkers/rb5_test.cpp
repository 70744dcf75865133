#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/ring_stream.hpp"

namespace checkers {
namespace {

using testing::kToGuest;
using testing::kToHost;
using testing::RingStream;
using traces::Writer;

class NoDeadlock : public ::testing::Test {
 protected:
  void SetUp() override { stream.open(); }
  RingStream stream{make_rb5()};
};

TEST_F(NoDeadlock, WorkThatIsDoneAtOnceHolds) {
  stream.round_trip(0, 7);
  stream.at_ms(5000);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(NoDeadlock, APacketThatNobodyTakesIsBlamed) {
  stream.guest_sends(0, 7);
  stream.at_ms(200);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

TEST_F(NoDeadlock, ADoorbellThatChangesNothingIsBlamed) {
  stream.guest_sends(0, 7);
  stream.at_ms(90);
  stream.doorbell();
  stream.at_ms(300);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

TEST_F(NoDeadlock, AHostThatStillWorksOnARequestMayLetPacketsWait) {
  stream.guest_sends(0, 7);
  stream.host_takes(0, 7);
  stream.guest_sends(40, 8);
  stream.at_ms(5000);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.host_answers(0, 7);
  stream.signal();
  stream.at_ms(6000);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

TEST_F(NoDeadlock, AStoppedVmIsNotInAHurry) {
  stream.guest_sends(0, 7);
  stream.at_ms(1).vp(2, traces::VpState::Suspended);
  stream.at_ms(5000).vp(2, traces::VpState::Running);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(NoDeadlock, APausedHostIsNotInAHurry) {
  stream.guest_sends(0, 7);
  stream.at_ms(1).add(traces::ev::NodePaused{});
  stream.at_ms(5000).add(traces::ev::NodeResumed{});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(NoDeadlock, AGuestThatWasNotToldIsBlamed) {
  stream.host_answers(0, 7);
  stream.at_ms(1500);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

TEST_F(NoDeadlock, AGuestThatWasToldMayTakeItsTime) {
  stream.host_answers(0, 7);
  stream.signal();
  stream.at_ms(1500);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(NoDeadlock, AWriterThatIsNotToldOfRoomIsBlamed) {
  stream.word(kToHost, Writer::Guest, ring_word::kPending, 64);
  stream.at_ms(1500);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

TEST_F(NoDeadlock, AWriterThatWasToldOfRoomMayTakeItsTime) {
  stream.word(kToHost, Writer::Guest, ring_word::kPending, 64);
  stream.signal(traces::SignalReason::Space);
  stream.at_ms(1500);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
