#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/vmbus_stream.hpp"

namespace checkers {
namespace {

using testing::VmbusStream;
using Message = VmbusStream::Message;

class Relids : public ::testing::Test {
 protected:
  VmbusStream stream{make_vb2()};
};

TEST_F(Relids, OfTheirOwnHold) {
  stream.to_guest(Message::Offer, 1);
  stream.to_guest(Message::Offer, 2047);
  EXPECT_EQ(stream.conclude().measured, "2 offers");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Relids, OfTwoOffersAreBlamed) {
  stream.to_guest(Message::Offer, 1);
  EXPECT_TRUE(stream.blames(stream.to_guest(Message::Offer, 1)));
}

TEST_F(Relids, ThatWereRescindedStayTakenUntilTheGuestReleasesThem) {
  stream.to_guest(Message::Offer, 1);
  stream.to_guest(Message::Rescind, 1);
  stream.from_guest(Message::RelidReleased, 1);
  stream.to_guest(Message::Offer, 1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.to_guest(Message::Rescind, 1);
  EXPECT_TRUE(stream.blames(stream.to_guest(Message::Offer, 1)));
}

TEST_F(Relids, AreFreeAfterANewContact) {
  stream.to_guest(Message::Offer, 1);
  stream.from_guest(Message::InitiateContact, 0, 0x50003);
  stream.to_guest(Message::Offer, 1);
  stream.from_guest(Message::Unload);
  stream.to_guest(Message::Offer, 1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Relids, WithoutAFlagAreBlamed) {
  EXPECT_TRUE(stream.blames(stream.to_guest(Message::Offer, 2048)));
}

TEST_F(Relids, NumberZeroIsNone) { EXPECT_TRUE(stream.blames(stream.to_guest(Message::Offer, 0))); }

TEST_F(Relids, StayTakenOnAnotherHost) {
  stream.vp(2, traces::VpState::Running);
  stream.to_guest(Message::Offer, 1);
  stream.call(2, testing::kSaveCall, 0);
  stream.on(2).vp(3, traces::VpState::Suspended);
  stream.call(3, testing::kRestoreCall, 0);
  EXPECT_TRUE(
      stream.blames(stream.add(traces::ev::VmbusMessage{3, true, Message::Offer, 1, 0, 0})));
}

}  // namespace
}  // namespace checkers
