#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/vmbus_stream.hpp"

namespace checkers {
namespace {

using testing::VmbusStream;
using Message = VmbusStream::Message;
using Channel = VmbusStream::Channel;

class ChannelAutomaton : public ::testing::Test {
 protected:
  VmbusStream stream{make_vb5()};
};

TEST_F(ChannelAutomaton, AWholeLifeHolds) {
  stream.open_channel(1);
  stream.to_guest(Message::OpenResult, 1, 5);
  stream.consumed(1, 6, 1);
  stream.produced(1, 11, 1);
  stream.channel(1, Channel::Open, Channel::Closing);
  stream.channel(1, Channel::Closing, Channel::Closed);
  stream.channel(1, Channel::Closed, Channel::Released);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(ChannelAutomaton, WithoutDetailNothingIsKnown) {
  stream.open_channel(1);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(ChannelAutomaton, OpeningWithoutAnOfferIsBlamed) {
  EXPECT_TRUE(stream.blames(stream.channel(1, Channel::Released, Channel::Opening)));
}

TEST_F(ChannelAutomaton, LeavingAStateThatItWasNotInIsBlamed) {
  EXPECT_TRUE(stream.blames(stream.channel(1, Channel::Open, Channel::Closing)));
}

TEST_F(ChannelAutomaton, APacketBeforeTheChannelIsOpenIsBlamed) {
  stream.channel(1, Channel::Released, Channel::Closed);
  stream.channel(1, Channel::Closed, Channel::Opening);
  EXPECT_TRUE(stream.blames(stream.consumed(1, 6, 1)));
}

TEST_F(ChannelAutomaton, APacketAfterTheCloseIsBlamed) {
  stream.open_channel(1);
  stream.channel(1, Channel::Open, Channel::Closing);
  EXPECT_TRUE(stream.blames(stream.produced(1, 11, 1)));
}

TEST_F(ChannelAutomaton, AnSrbOfAClosedChannelIsBlamed) {
  stream.open_channel(1);
  traces::ev::ScsiRequest request;
  request.partition = 2;
  request.relid = 2;
  EXPECT_TRUE(stream.blames(stream.add(request)));
}

TEST_F(ChannelAutomaton, SuccessBeforeTheChannelIsOpenIsBlamed) {
  stream.channel(1, Channel::Released, Channel::Closed);
  stream.channel(1, Channel::Closed, Channel::Opening);
  EXPECT_TRUE(stream.blames(stream.to_guest(Message::OpenResult, 1, 5)));
}

TEST_F(ChannelAutomaton, APowerLossReleasesEveryChannel) {
  stream.open_channel(1);
  stream.add(traces::ev::NodeKilled{});
  stream.open_channel(1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
