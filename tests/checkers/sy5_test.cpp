#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/flag_stream.hpp"

namespace checkers {
namespace {

using testing::FlagStream;

class EventFlags : public ::testing::Test {
 protected:
  EventFlags() { stream.switch_on(); }
  FlagStream stream{make_sy5()};
};

TEST_F(EventFlags, ThatInterruptOnceUntilTheyAreClearedHold) {
  stream.set();
  stream.signal(false, true);
  stream.interrupt();
  stream.signal(true, false);
  stream.clear();
  stream.set();
  stream.signal(false, true);
  stream.interrupt();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "3 events, 2 interrupts, 0 refused");
}

TEST_F(EventFlags, WithoutDetailAreUnknown) { EXPECT_EQ(stream.verdict(false), Verdict::Unknown); }

TEST_F(EventFlags, ThatAreNotSetAreBlamed) {
  EXPECT_TRUE(stream.blames(stream.signal(false, true)));
}

TEST_F(EventFlags, WithoutAnInterruptAreBlamed) {
  stream.set();
  const auto index = stream.signal(false, true);
  stream.clear();
  stream.set();
  stream.signal(false, true);
  EXPECT_TRUE(stream.blames(index));
}

TEST_F(EventFlags, WithoutAnInterruptAreBlamedAtTheEnd) {
  stream.set();
  EXPECT_TRUE(stream.blames(stream.signal(false, true)));
}

TEST_F(EventFlags, ThatWereSetDoNotInterruptAgain) {
  stream.set();
  stream.signal(false, true);
  stream.interrupt();
  stream.signal(true, false);
  EXPECT_TRUE(stream.blames(stream.interrupt()));
}

TEST_F(EventFlags, SaidToHaveBeenSetWhenTheyWereClearAreBlamed) {
  stream.set();
  EXPECT_TRUE(stream.blames(stream.signal(true, false)));
}

TEST_F(EventFlags, AMessageMayInterruptToo) {
  stream.add(traces::ev::MessageDelivered{2, true, 1, 0, 2, 1, 1, 4, 0});
  stream.interrupt();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(EventFlags, OfAPolledSourceInterruptNobody) {
  stream.source(0x4'0050);
  stream.set();
  stream.signal(false, false);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(EventFlags, OfAMaskedSourceMustBeRefused) {
  stream.source(0x1'0050);
  stream.signal(false, false, 0x18);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.set();
  EXPECT_TRUE(stream.blames(stream.signal(false, false)));
}

TEST_F(EventFlags, ThatAreRefusedForNoReasonAreBlamed) {
  EXPECT_TRUE(stream.blames(stream.signal(false, false, 0x18)));
}

TEST_F(EventFlags, WithTheWrongVectorAreBlamed) {
  stream.set();
  stream.signal(false, true);
  EXPECT_TRUE(stream.blames(stream.interrupt(0x51)));
}

}  // namespace
}  // namespace checkers
