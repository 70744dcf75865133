#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

using traces::ChannelState;
using traces::VmbusMessage;

class NewContact : public ::testing::Test {
 protected:
  NewContact() {
    contact();
    open();
  }
  void contact() {
    message(VmbusMessage::InitiateContact);
    answer();
  }
  void answer() { message(VmbusMessage::VersionResponse, 0, 1); }
  void open() {
    message(VmbusMessage::Open, 3);
    stream.add(traces::ev::VmbusChannel{2, 3, ChannelState::Opening, ChannelState::Open});
  }
  void close() {
    stream.add(traces::ev::VmbusChannel{2, 3, ChannelState::Closing, ChannelState::Closed});
  }
  std::uint64_t message(VmbusMessage type, std::uint32_t relid = 0, std::uint64_t value = 0) {
    traces::ev::VmbusMessage event;
    event.partition = 2;
    event.type = type;
    event.relid = relid;
    event.value = value;
    return stream.add(event);
  }
  std::uint64_t packet() {
    traces::ev::RingProduced event;
    event.partition = 2;
    event.relid = 3;
    return stream.add(event);
  }
  testing::EventStream stream{make_vb10()};
};

TEST_F(NewContact, ThatClosesAndOpensAnewHolds) {
  packet();
  message(VmbusMessage::InitiateContact);
  close();
  answer();
  open();
  packet();
  EXPECT_EQ(stream.conclude().measured, "1 new contacts");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(NewContact, ThatLeavesAChannelOpenIsBlamed) {
  message(VmbusMessage::InitiateContact);
  EXPECT_TRUE(stream.blames(message(VmbusMessage::VersionResponse)));
}

TEST_F(NewContact, APacketOfBeforeIsBlamed) {
  message(VmbusMessage::InitiateContact);
  close();
  answer();
  EXPECT_TRUE(stream.blames(packet()));
}

TEST_F(NewContact, WhatWasOpenedTravelsWithTheVm) {
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kSaveCall, 0);
  stream.on(2);
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kRestoreCall, 0);
  packet();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
