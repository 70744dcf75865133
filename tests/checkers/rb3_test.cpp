#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/ring_stream.hpp"

namespace checkers {
namespace {

using testing::kToGuest;
using testing::kToHost;
using testing::RingStream;
using traces::Writer;

class Packets : public ::testing::Test {
 protected:
  void SetUp() override { stream.open(); }
  RingStream stream{make_rb3()};
};

TEST_F(Packets, RoundTripsHold) {
  stream.round_trip(0, 7);
  stream.round_trip(40, 8);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(Packets, SeveralPacketsReadInOneTurnHold) {
  stream.host_answers(0, 7);
  stream.host_answers(40, 8);
  stream.guest_reads(80);
  stream.host_answers(80, 9);
  stream.guest_reads(120);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Packets, APacketThatTheHostSkipsIsBlamed) {
  stream.guest_sends(0, 7);
  stream.guest_sends(40, 8);
  EXPECT_TRUE(stream.blames(stream.host_takes(40, 8)));
}

TEST_F(Packets, APacketThatTheHostTakesTwiceIsBlamed) {
  stream.round_trip(0, 7);
  EXPECT_TRUE(stream.blames(stream.host_takes(0, 7)));
}

TEST_F(Packets, APacketTakenWithoutAccountIsBlamedAtTheEnd) {
  stream.guest_sends(0, 7);
  stream.word(kToHost, Writer::Host, ring_word::kRead, 40);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

TEST_F(Packets, APacketTakenWithoutAccountIsBlamedWhenItsPartitionGoes) {
  stream.guest_sends(0, 7);
  stream.word(kToHost, Writer::Host, ring_word::kRead, 40);
  EXPECT_TRUE(stream.blames(stream.add(traces::ev::PartitionState{
      2, traces::PartitionState::Finalized, traces::PartitionState::Deleted})));
}

TEST_F(Packets, OtherBytesThanInMemoryAreBlamed) {
  stream.guest_sends(0, 7);
  EXPECT_TRUE(stream.blames(stream.host_takes(0, 8)));
}

TEST_F(Packets, AWrongTrailerIsBlamed) { EXPECT_TRUE(stream.blames(stream.host_answers(0, 7, 8))); }

TEST_F(Packets, AGuestThatStopsInsideAPacketIsBlamed) {
  stream.host_answers(0, 7);
  EXPECT_TRUE(stream.blames(stream.guest_reads(24)));
}

TEST_F(Packets, AMovedRingGoesOnWhereItStood) {
  stream.on(2);
  stream.open(400, 800);
  stream.guest_sends(400, 7);
  stream.host_takes(400, 7);
  stream.host_answers(800, 7);
  stream.guest_reads(840);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
