#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/ring_stream.hpp"

namespace checkers {
namespace {

using testing::kToGuest;
using testing::kToHost;
using testing::RingStream;
using traces::Writer;

class UnreadBytes : public ::testing::Test {
 protected:
  void SetUp() override { stream.open(); }
  std::uint64_t scribble(std::uint32_t watch, Writer writer, std::uint32_t at) {
    return stream.word(watch, writer, ring_word::kData + at, 0xFFFF);
  }
  RingStream stream{make_rb2()};
};

TEST_F(UnreadBytes, FreeAndReadBytesMayChange) {
  for (std::uint32_t at = 0; at < 4000; at += RingStream::kPacket) stream.round_trip(at, at + 1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(UnreadBytes, AHostThatWritesOverAnUnreadPacketIsBlamed) {
  stream.host_answers(0, 7);
  EXPECT_TRUE(stream.blames(scribble(kToGuest, Writer::Host, 36)));
}

TEST_F(UnreadBytes, BytesBehindThePacketAreFree) {
  stream.host_answers(0, 7);
  scribble(kToGuest, Writer::Host, 40);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(UnreadBytes, AGuestThatChangesWhatItPublishedIsBlamed) {
  stream.guest_sends(0, 7);
  stream.at_ms(1);
  EXPECT_TRUE(stream.blames(scribble(kToHost, Writer::Guest, 8)));
}

TEST_F(UnreadBytes, WhatTheGuestPublishedAndWroteInOneTurnIsNotAChange) {
  // The witness reports the header first and the bytes behind it.
  stream.at_ms(1);
  stream.word(kToHost, Writer::Guest, ring_word::kWrite, 40);
  scribble(kToHost, Writer::Guest, 8);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(UnreadBytes, AReaderThatScribblesOnUnreadBytesIsBlamed) {
  stream.guest_sends(0, 7);
  EXPECT_TRUE(stream.blames(scribble(kToHost, Writer::Host, 0)));
}

TEST_F(UnreadBytes, AWriteIndexThatOvertakesTheReaderIsBlamed) {
  stream.word(kToGuest, Writer::Host, ring_word::kWrite, 4088);
  EXPECT_TRUE(stream.blames(stream.word(kToGuest, Writer::Host, ring_word::kWrite, 40)));
}

}  // namespace
}  // namespace checkers
