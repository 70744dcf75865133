#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

using traces::ChannelState;
using traces::VmbusMessage;

class Unloads : public ::testing::Test {
 protected:
  Unloads() {
    stream.vp(2, traces::VpState::Running);
    channel(ChannelState::Open);
  }
  std::uint64_t message(VmbusMessage type, std::uint32_t relid = 0) {
    traces::ev::VmbusMessage event;
    event.partition = 2;
    event.type = type;
    event.relid = relid;
    return stream.add(event);
  }
  void channel(ChannelState to) {
    stream.add(traces::ev::VmbusChannel{2, 3, ChannelState::Opening, to});
  }
  testing::EventStream stream{make_vb8()};
};

TEST_F(Unloads, ThatAreAnsweredAfterEverythingIsClosedHold) {
  message(VmbusMessage::Unload);
  channel(ChannelState::Closed);
  message(VmbusMessage::UnloadResponse);
  message(VmbusMessage::InitiateContact);
  stream.add(traces::ev::VmbusSignal{2, 3, traces::SignalReason::Packet});
  EXPECT_EQ(stream.conclude().measured, "1 unloads");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Unloads, ThatAreAnsweredBeforeAreBlamed) {
  message(VmbusMessage::Unload);
  EXPECT_TRUE(stream.blames(message(VmbusMessage::UnloadResponse)));
}

TEST_F(Unloads, ThatAreNotAnsweredAreBlamed) {
  stream.at_ms(10);
  message(VmbusMessage::Unload);
  stream.at_ms(900);
  EXPECT_EQ(stream.verdict(), Verdict::Holds) << "there is time yet";
  stream.at_ms(1'200);
  EXPECT_TRUE(stream.explains("was not answered"));
}

TEST_F(Unloads, AreNotMissedWhileTheVmStandsStill) {
  message(VmbusMessage::Unload);
  stream.at_ms(10).vp(2, traces::VpState::Suspended);
  stream.at_ms(9'000);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Unloads, AreFollowedByNothing) {
  message(VmbusMessage::Unload);
  channel(ChannelState::Closed);
  message(VmbusMessage::UnloadResponse);
  EXPECT_TRUE(
      stream.blames(stream.add(traces::ev::VmbusSignal{2, 3, traces::SignalReason::Packet})));
}

TEST_F(Unloads, AChannelThatIsTakenBackIsReleased) {
  message(VmbusMessage::Rescind, 3);
  stream.at_ms(59'000);
  message(VmbusMessage::RelidReleased, 3);
  stream.at_ms(100'000);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  message(VmbusMessage::Rescind, 4);
  stream.at_ms(170'000);
  EXPECT_TRUE(stream.explains("channel 4 was taken back"));
}

}  // namespace
}  // namespace checkers
