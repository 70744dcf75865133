#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/synic_stream.hpp"

namespace checkers {
namespace {

using testing::SynicStream;

class MessageSlots : public ::testing::Test {
 protected:
  MessageSlots() { stream.switch_on(); }
  SynicStream stream{make_sy1()};
};

TEST_F(MessageSlots, MessagesIntoFreeSlotsHold) {
  stream.post(1, "eins");
  stream.fill("eins");
  stream.delivered(1, "eins");
  stream.post(2, "zwei");
  stream.write(traces::Writer::Host, 4, {"\4\1\0\0", 4});  // MessagePending
  stream.free_slot();
  stream.fill("zwei");
  stream.delivered(2, "zwei");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(MessageSlots, WithoutDetailNothingIsKnown) {
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(MessageSlots, WritingAnOccupiedSlotIsBlamed) {
  stream.post(1, "eins");
  stream.fill("eins");
  stream.delivered(1, "eins");
  stream.post(2, "zwei");
  EXPECT_TRUE(stream.blames(stream.write(traces::Writer::Host, 16, "zwei")));
}

TEST_F(MessageSlots, AMessageEqualToTheOneInTheSlotIsBlamedOnItsDelivery) {
  stream.post(1, "eins");
  stream.fill("eins");
  stream.delivered(1, "eins");
  stream.post(2, "eins");  // overwriting changes no byte, so nothing was seen to be written
  EXPECT_TRUE(stream.blames(stream.delivered(2, "eins")));
}

TEST_F(MessageSlots, AnotherPayloadThanPostedIsBlamed) {
  stream.post(1, "eins");
  stream.fill("einz");
  EXPECT_TRUE(stream.blames(stream.delivered(1, "eins")));
}

TEST_F(MessageSlots, AnotherSizeThanPostedIsBlamed) {
  stream.post(1, "eins");
  stream.fill("ein");
  EXPECT_TRUE(stream.blames(stream.delivered(1, "eins")));
}

TEST_F(MessageSlots, AMessageThatWaitedDuringAMigrationIsComparedAtTheTarget) {
  stream.post(1, "eins");
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kSaveCall, 0);
  stream.on(2);
  stream.switch_on(5);
  stream.call(5, testing::kRestoreCall, 0);
  stream.fill("zwei", false, 5);
  EXPECT_TRUE(stream.blames(stream.delivered(1, "eins", 5)));
}

}  // namespace
}  // namespace checkers
