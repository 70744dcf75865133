#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/vmbus_stream.hpp"

namespace checkers {
namespace {

using testing::VmbusStream;
using Message = VmbusStream::Message;

class Contacts : public ::testing::Test {
 protected:
  Contacts() { stream.vp(2, traces::VpState::Running); }
  void connect(std::uint32_t version = 0x20004) {
    stream.from_guest(Message::InitiateContact, 0, version);
    stream.to_guest(Message::VersionResponse, 0, version, 1);
  }
  VmbusStream stream{make_vb1()};
};

TEST_F(Contacts, ThatFallBackAndAreAnsweredHold) {
  stream.from_guest(Message::InitiateContact, 0, 0x50003);
  stream.to_guest(Message::VersionResponse, 0, 0x50003, 0);
  connect();
  stream.from_guest(Message::RequestOffers);
  stream.to_guest(Message::Offer, 1);
  stream.from_guest(Message::Unload);
  stream.to_guest(Message::UnloadResponse);
  stream.at_ms(500);
  EXPECT_EQ(stream.conclude().measured, "2 contacts, 1 agreed");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Contacts, ThatAreAnsweredTwiceAreBlamed) {
  connect();
  EXPECT_TRUE(stream.blames(stream.to_guest(Message::VersionResponse, 0, 0x20004, 1)));
}

TEST_F(Contacts, ThatAreAnsweredForAnotherVersionAreBlamed) {
  stream.from_guest(Message::InitiateContact, 0, 0x50003);
  EXPECT_TRUE(stream.blames(stream.to_guest(Message::VersionResponse, 0, 0x20004, 1)));
}

TEST_F(Contacts, ThatAreNotAnsweredAreBlamedInTime) {
  stream.from_guest(Message::InitiateContact, 0, 0x50003);
  stream.at_ms(90);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.at_ms(110);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

TEST_F(Contacts, ThatARestartedGuestMakesAnewVoidTheOldOnes) {
  stream.from_guest(Message::InitiateContact, 0, 0x50003);
  connect();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Contacts, ComeBeforeEverythingElse) {
  EXPECT_TRUE(stream.blames(stream.from_guest(Message::RequestOffers)));
}

TEST_F(Contacts, ThatWereRefusedAllowNothing) {
  stream.from_guest(Message::InitiateContact, 0, 0x50003);
  stream.to_guest(Message::VersionResponse, 0, 0x50003, 0);
  EXPECT_TRUE(stream.blames(stream.to_guest(Message::Offer, 1)));
}

TEST_F(Contacts, EndWithAnUnload) {
  connect();
  stream.from_guest(Message::Unload);
  EXPECT_TRUE(stream.blames(stream.from_guest(Message::Open, 1, 5)));
}

TEST_F(Contacts, AreTheVmsOnAnotherHostToo) {
  connect();
  stream.call(2, testing::kSaveCall, 0);
  stream.on(2).vp(3, traces::VpState::Suspended);
  stream.call(3, testing::kRestoreCall, 0);
  stream.add(traces::ev::VmbusMessage{3, false, Message::Open, 1, 5, 0});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
