#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/ring_stream.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;
using testing::RingStream;

class Completions : public ::testing::Test {
 protected:
  void digest(traces::DigestPoint point) {
    ev::MemoryDigest event;
    event.vm = 1;
    event.partition = 2;
    event.point = point;
    stream.add(event);
  }
  RingStream stream{make_rb6()};
};

TEST_F(Completions, OneAnswerPerRequestHolds) {
  stream.host_takes(0, 7);
  stream.host_takes(40, 8);
  stream.host_answers(0, 8);
  stream.host_answers(40, 7);
  stream.host_takes(80, 7);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(Completions, ASecondAnswerIsBlamed) {
  stream.host_takes(0, 7);
  stream.host_answers(0, 7);
  EXPECT_TRUE(stream.blames(stream.host_answers(40, 7)));
}

TEST_F(Completions, AnAnswerToNobodyIsBlamed) {
  stream.host_takes(0, 7);
  EXPECT_TRUE(stream.blames(stream.host_answers(0, 8)));
}

TEST_F(Completions, AnIdThatIsUsedAgainTooEarlyIsBlamed) {
  stream.host_takes(0, 7);
  EXPECT_TRUE(stream.blames(stream.host_takes(40, 7)));
}

TEST_F(Completions, AnAnswerMayComeFromTheOtherHost) {
  stream.host_takes(0, 7);
  digest(traces::DigestPoint::Suspended);
  stream.on(2);
  digest(traces::DigestPoint::Resumed);
  stream.host_answers(0, 7);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(stream.host_answers(40, 7)));
}

TEST_F(Completions, ARequestThatIsNeverAnsweredIsBlamedInTheEnd) {
  stream.host_takes(0, 7);
  stream.at_ms(179'000);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.at_ms(181'000);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

TEST_F(Completions, AClosedChannelOwesNothing) {
  stream.host_takes(0, 7);
  stream.add(ev::VmbusChannel{2, 2, traces::ChannelState::Open, traces::ChannelState::Closing});
  stream.at_ms(181'000);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
