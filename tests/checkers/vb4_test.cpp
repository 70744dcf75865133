#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/vmbus_stream.hpp"

namespace checkers {
namespace {

using testing::VmbusStream;
using Message = VmbusStream::Message;
using Channel = VmbusStream::Channel;
using Gpadl = VmbusStream::Gpadl;

class Answers : public ::testing::Test {
 protected:
  Answers() { stream.vp(2, traces::VpState::Running); }
  VmbusStream stream{make_vb4()};
};

TEST_F(Answers, OneAnswerForEachRequestHolds) {
  stream.from_guest(Message::GpadlHeader, 1, 77);
  stream.to_guest(Message::GpadlCreated, 1, 77);
  stream.from_guest(Message::Open, 1, 5);
  stream.from_guest(Message::Open, 1, 5);  // refused, but answered as well
  stream.to_guest(Message::OpenResult, 1, 5);
  stream.to_guest(Message::OpenResult, 1, 5, 0xC0000001);
  stream.from_guest(Message::GpadlTeardown, 1, 77);
  stream.to_guest(Message::GpadlTorndown, 1, 77);
  stream.at_ms(500);
  EXPECT_EQ(stream.verdict(false), Verdict::Holds);
}

TEST_F(Answers, ASecondAnswerIsBlamed) {
  stream.from_guest(Message::Open, 1, 5);
  stream.to_guest(Message::OpenResult, 1, 5);
  EXPECT_TRUE(stream.blames(stream.to_guest(Message::OpenResult, 1, 5)));
}

TEST_F(Answers, AnAnswerForAnotherIdIsBlamed) {
  stream.from_guest(Message::GpadlHeader, 1, 77);
  EXPECT_TRUE(stream.blames(stream.to_guest(Message::GpadlCreated, 1, 78)));
}

TEST_F(Answers, ARequestWithoutAnAnswerIsBlamed) {
  stream.from_guest(Message::Open, 1, 5);
  stream.at_ms(110);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

TEST_F(Answers, AGpadlThatWaitsForItsBodiesIsOwedNothing) {
  stream.from_guest(Message::GpadlHeader, 1, 77);
  stream.gpadl(1, 77, Gpadl::None, Gpadl::InProgress);
  stream.at_ms(500);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.gpadl(1, 77, Gpadl::InProgress, Gpadl::Accepted);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

TEST_F(Answers, TheTeardownOfAnOpenRingWaitsForTheClose) {
  stream.open_channel(1);
  stream.from_guest(Message::GpadlTeardown, 1, 77);
  stream.at_ms(500);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.channel(1, Channel::Open, Channel::Closing);
  stream.channel(1, Channel::Closing, Channel::Closed);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

TEST_F(Answers, ANewContactVoidsRequestsThoughTheirAnswersMayStillCome) {
  stream.from_guest(Message::GpadlTeardown, 1, 77);
  stream.from_guest(Message::Open, 1, 5);
  stream.from_guest(Message::InitiateContact);
  stream.to_guest(Message::GpadlTorndown, 1, 77);
  stream.to_guest(Message::VersionResponse);
  stream.at_ms(500);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(stream.to_guest(Message::OpenResult, 1, 5)));
}

TEST_F(Answers, AMoveToAnotherProcessorIsAnsweredFrom53On) {
  stream.to_guest(Message::VersionResponse, 0, 0x50002, 1);
  stream.from_guest(Message::Modify, 1, 1);
  stream.at_ms(500);
  EXPECT_EQ(stream.verdict(false), Verdict::Holds) << "5.2 has no answer to it";
  stream.to_guest(Message::VersionResponse, 0, 0x50003, 1);
  stream.from_guest(Message::Modify, 1, 1);
  stream.to_guest(Message::ModifyResult, 1, 1);
  stream.at_ms(1000);
  EXPECT_EQ(stream.verdict(false), Verdict::Holds);
  stream.from_guest(Message::Modify, 1, 0);
  stream.at_ms(1500);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

}  // namespace
}  // namespace checkers
