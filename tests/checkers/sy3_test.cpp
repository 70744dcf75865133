#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/synic_stream.hpp"

namespace checkers {
namespace {

using testing::SynicStream;

class LostMessages : public ::testing::Test {
 protected:
  LostMessages() { stream.switch_on(); }
  /// A message fills the slot, a second one waits and is announced.
  void one_waits() {
    stream.post(1, "eins");
    stream.fill("eins");
    stream.delivered(1, "eins");
    stream.post(2, "zwei");
    stream.write(traces::Writer::Host, 4, {"\4\1\0\0", 4});
  }
  std::uint64_t something() { return stream.post(0, "refused", 0x13); }
  SynicStream stream{make_sy3()};
};

TEST_F(LostMessages, EveryMessageDeliveredHolds) {
  one_waits();
  stream.at_ms(500);
  stream.free_slot();  // a slow guest is no lost message
  stream.at_ms(501).add(traces::ev::MessageEnd{2, 0, false});
  stream.fill("zwei");
  stream.delivered(2, "zwei");
  stream.at_ms(900);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(LostMessages, WithoutDetailNothingIsKnown) {
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(LostMessages, AMessageThatWaitsForAFreeSlotIsBlamedWithTheFirstEventAfterTheDeadline) {
  one_waits();
  stream.at_ms(5);
  stream.free_slot();
  stream.add(traces::ev::MessageEnd{2, 0, false});
  stream.at_ms(14);
  something();
  stream.at_ms(16);
  EXPECT_TRUE(stream.blames(something()));
}

TEST_F(LostMessages, AtTheEndOfTheRunTheDeadlineIsLookedAtToo) {
  stream.post(1, "eins");
  stream.at_ms(100);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

TEST_F(LostMessages, AReceiverThatForgetsThePendingOneIsBlamed) {
  one_waits();
  stream.at_ms(5);
  stream.free_slot();
  stream.at_ms(6);
  stream.fill("zwei");
  stream.delivered(2, "zwei");  // the hypervisor's retry hid the mistake
  stream.at_ms(20);
  EXPECT_TRUE(stream.blames(something()));
}

TEST_F(LostMessages, ASynicThatIsOffKeepsMessagesWaiting) {
  stream.post(1, "eins");
  stream.add(traces::ev::SynicControl{2, 0, false, 255, 0});
  stream.at_ms(100);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(LostMessages, TimeInWhichTheVmStandsStillDoesNotCount) {
  stream.post(1, "eins");
  stream.vp(2, traces::VpState::Suspended);
  stream.at_ms(100).vp(2, traces::VpState::Running);
  stream.at_ms(105);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(LostMessages, AMessageLostByAMigrationIsBlamed) {
  one_waits();
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kSaveCall, 0);
  stream.on(2);
  stream.switch_on(5);
  stream.call(5, testing::kRestoreCall, 0);
  stream.free_slot(5);
  stream.at_ms(50);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

}  // namespace
}  // namespace checkers
