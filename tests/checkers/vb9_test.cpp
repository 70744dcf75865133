#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/vmbus_stream.hpp"

namespace checkers {
namespace {

using testing::VmbusStream;
using Channel = VmbusStream::Channel;

class Doorbells : public ::testing::Test {
 protected:
  std::uint64_t ring(std::uint16_t relid, std::uint16_t status = 0, std::uint8_t sint = 2) {
    traces::ev::EventFlag event;
    event.partition = 2;
    event.sint = sint;
    event.flag = relid;
    event.status = status;
    return stream.add(event);
  }
  VmbusStream stream{make_vb9()};
};

TEST_F(Doorbells, OfOpenChannelsHold) {
  stream.open_channel(1);
  ring(1);
  EXPECT_EQ(stream.conclude().measured, "1 doorbells");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Doorbells, OfChannelsThatAreOpeningAreBlamed) {
  stream.channel(1, Channel::Released, Channel::Closed);
  stream.channel(1, Channel::Closed, Channel::Opening);
  EXPECT_TRUE(stream.blames(ring(1)));
}

TEST_F(Doorbells, OfClosedChannelsAreBlamed) {
  stream.open_channel(1);
  stream.channel(1, Channel::Open, Channel::Closing);
  EXPECT_TRUE(stream.blames(ring(1)));
}

TEST_F(Doorbells, OfAnotherChannelAreBlamed) {
  stream.open_channel(1);
  EXPECT_TRUE(stream.blames(ring(2)));
}

TEST_F(Doorbells, OfAnInterruptPageAreWhatTheServerSaysAndFlagZeroIsNoChannel) {
  const auto signal = [this](std::uint32_t relid) {
    traces::ev::VmbusSignal event;
    event.partition = 2;
    event.relid = relid;
    return stream.add(event);
  };
  stream.from_guest(VmbusStream::Message::InitiateContact, 0, 0x10001);
  stream.open_channel(1);
  signal(1);
  ring(0);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "1 doorbells");
  EXPECT_TRUE(stream.blames(signal(2)));
}

TEST_F(Doorbells, FlagZeroIsBlamedWhereNoInterruptPageIs) {
  stream.open_channel(1);
  EXPECT_TRUE(stream.blames(ring(0)));
}

TEST_F(Doorbells, ThatTheGuestsSynicRefusesAreNone) {
  ring(1, 7);
  ring(1, 0, 3);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
