#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/vmbus_stream.hpp"

namespace checkers {
namespace {

using testing::VmbusStream;
using Message = VmbusStream::Message;
using Channel = VmbusStream::Channel;

class Offers : public ::testing::Test {
 protected:
  Offers() { stream.vp(2, traces::VpState::Running); }
  void ask() {
    stream.from_guest(Message::RequestOffers);
    stream.channel(1, Channel::Released, Channel::Closed);
    stream.channel(2, Channel::Released, Channel::Closed);
  }
  VmbusStream stream{make_vb3()};
};

TEST_F(Offers, EachChannelOnceAndThenTheEndHolds) {
  ask();
  stream.to_guest(Message::Offer, 1);
  stream.to_guest(Message::Offer, 2);
  stream.to_guest(Message::AllOffers);
  stream.at_ms(10);
  stream.channel(3, Channel::Released, Channel::Closed);
  stream.to_guest(Message::Offer, 3);  // a device that came later
  stream.at_ms(500);
  EXPECT_EQ(stream.verdict(false), Verdict::Holds);
}

TEST_F(Offers, AChannelOfferedTwiceIsBlamed) {
  ask();
  stream.to_guest(Message::Offer, 1);
  EXPECT_TRUE(stream.blames(stream.to_guest(Message::Offer, 1)));
}

TEST_F(Offers, AnEndWithAChannelMissingIsBlamed) {
  ask();
  stream.to_guest(Message::Offer, 1);
  EXPECT_TRUE(stream.blames(stream.to_guest(Message::AllOffers)));
}

TEST_F(Offers, ASecondEndIsBlamed) {
  ask();
  stream.to_guest(Message::Offer, 1);
  stream.to_guest(Message::Offer, 2);
  stream.to_guest(Message::AllOffers);
  EXPECT_TRUE(stream.blames(stream.to_guest(Message::AllOffers)));
}

TEST_F(Offers, AnEndThatNeverComesIsBlamed) {
  ask();
  stream.at_ms(90);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.at_ms(110);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

TEST_F(Offers, AGuestThatTakesNoMessagesIsOwedNone) {
  ask();
  traces::ev::MessagePosted refused;
  refused.partition = 2;
  refused.to_guest = true;
  refused.status = 0x18;
  stream.add(refused);
  stream.at_ms(500);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Offers, ANewConnectionBeginsAnew) {
  ask();
  stream.to_guest(Message::Offer, 1);
  stream.from_guest(Message::InitiateContact);
  stream.channel(1, Channel::Closed, Channel::Released);
  stream.channel(2, Channel::Closed, Channel::Released);
  ask();
  stream.to_guest(Message::Offer, 1);
  stream.to_guest(Message::Offer, 2);
  stream.to_guest(Message::AllOffers);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
