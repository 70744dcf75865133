#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/ring_stream.hpp"

namespace checkers {
namespace {

using testing::kToGuest;
using testing::kToHost;
using testing::RingStream;
using traces::Writer;

class RingIndices : public ::testing::Test {
 protected:
  void SetUp() override { stream.open(); }
  RingStream stream{make_rb1()};
};

TEST_F(RingIndices, TrafficAsItShouldBeHolds) {
  stream.round_trip(0, 7);
  stream.round_trip(40, 8);
  stream.word(kToHost, Writer::Host, ring_word::kMask, 1);
  stream.word(kToHost, Writer::Guest, ring_word::kPending, 64);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(RingIndices, WithoutDetailNothingIsKnown) {
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(RingIndices, AHostThatMovesTheGuestsWriteIndexIsBlamed) {
  stream.round_trip(0, 7);
  EXPECT_TRUE(stream.blames(stream.word(kToHost, Writer::Host, ring_word::kWrite, 0)));
}

TEST_F(RingIndices, AGuestThatMasksTheHostsRingIsBlamed) {
  EXPECT_TRUE(stream.blames(stream.word(kToHost, Writer::Guest, ring_word::kMask, 1)));
}

TEST_F(RingIndices, AHostThatReadsForTheGuestIsBlamed) {
  EXPECT_TRUE(stream.blames(stream.word(kToGuest, Writer::Host, ring_word::kRead, 0x28)));
}

TEST_F(RingIndices, AnIndexBeyondTheRingIsBlamed) {
  EXPECT_TRUE(stream.blames(stream.word(kToHost, Writer::Guest, ring_word::kWrite, 4096)));
}

TEST_F(RingIndices, AnOddIndexIsBlamed) {
  EXPECT_TRUE(stream.blames(stream.word(kToHost, Writer::Guest, ring_word::kWrite, 12)));
}

TEST_F(RingIndices, AClosedChannelIsForgotten) {
  stream.add(traces::ev::MemoryUnwatch{2, kToHost});
  stream.word(kToHost, Writer::Host, ring_word::kWrite, 4096);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(RingIndices, ADeadHostIsForgotten) {
  stream.add(traces::ev::NodeKilled{});
  stream.word(kToHost, Writer::Host, ring_word::kWrite, 4096);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
