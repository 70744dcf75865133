#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/ring_stream.hpp"

namespace checkers {
namespace {

using testing::kToGuest;
using testing::kToHost;
using testing::RingStream;
using traces::SignalReason;
using traces::Writer;

class Signalling : public ::testing::Test {
 protected:
  void SetUp() override { stream.open(); }
  /// The guest's ring is nearly full and it waits for 88 bytes.
  void fill_to_host() {
    stream.word(kToHost, Writer::Guest, ring_word::kWrite, 4040);
    stream.word(kToHost, Writer::Guest, ring_word::kPending, 88);
  }
  void take_40_bytes(std::uint32_t from) {
    stream.word(kToHost, Writer::Host, ring_word::kRead, from + 40);
    traces::ev::RingConsumed event;
    event.partition = 2;
    event.relid = 2;
    stream.add(event);
  }
  RingStream stream{make_rb4()};
};

TEST_F(Signalling, TheEdgeFromEmptyToNonEmptyIsSignalled) {
  stream.round_trip(0, 7);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(Signalling, AMissingSignalIsBlamed) {
  stream.host_answers(0, 7);
  EXPECT_TRUE(stream.blames(stream.check(true, false, 0, false)));
}

TEST_F(Signalling, ASignalForARingThatWasNotEmptyIsBlamed) {
  stream.host_answers(0, 7);
  stream.check(true, false, 0, true);
  stream.signal();
  stream.host_answers(40, 8);
  EXPECT_TRUE(stream.blames(stream.check(true, false, 40, true)));
}

TEST_F(Signalling, AMaskedReaderIsLeftAlone) {
  stream.word(kToGuest, Writer::Guest, ring_word::kMask, 1);
  stream.host_answers(0, 7);
  stream.check(true, false, 0, false);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Signalling, ASignalForAMaskedReaderIsBlamed) {
  stream.word(kToGuest, Writer::Guest, ring_word::kMask, 1);
  stream.host_answers(0, 7);
  EXPECT_TRUE(stream.blames(stream.check(true, false, 0, true)));
}

TEST_F(Signalling, ADecisionWithoutItsSignalIsBlamed) {
  stream.host_answers(0, 7);
  stream.check(true, false, 0, true);
  EXPECT_TRUE(stream.blames(stream.host_answers(40, 8)));
}

TEST_F(Signalling, ASignalWithoutDecisionIsBlamed) { EXPECT_TRUE(stream.blames(stream.signal())); }

TEST_F(Signalling, APacketWithoutCheckIsBlamed) {
  stream.host_answers(0, 7);
  EXPECT_TRUE(stream.blames(stream.host_answers(40, 8)));
}

TEST_F(Signalling, AfterAMoveEveryChannelMaySignalOnce) {
  stream.signal(SignalReason::Restore);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Signalling, AWriterThatWaitsForRoomIsWokenOnceWhenThereIsEnough) {
  fill_to_host();  // 56 bytes free, 88 wanted and more needed
  take_40_bytes(0);
  stream.check(false, true, 0, true);  // 96 bytes free
  stream.signal(SignalReason::Space);
  take_40_bytes(40);
  stream.check(false, true, 40, false);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Signalling, AWriterThatIsNotWokenIsBlamed) {
  fill_to_host();
  take_40_bytes(0);
  EXPECT_TRUE(stream.blames(stream.check(false, true, 0, false)));
}

}  // namespace
}  // namespace checkers
