#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/flag_stream.hpp"

namespace checkers {
namespace {

class SeenFlags : public ::testing::Test {
 protected:
  SeenFlags() { stream.switch_on(); }
  void raise() {
    stream.set();
    stream.signal(false, true);
  }
  void take() { stream.add(traces::ev::InterruptDelivered{2, 0, testing::kFlagVector}); }
  std::uint64_t suspended() {
    traces::ev::VpDigest digest;
    digest.partition = 2;
    digest.point = traces::DigestPoint::Suspended;
    return stream.add(digest);
  }
  testing::FlagStream stream{make_sy6()};
};

TEST_F(SeenFlags, ThatAreClearedHold) {
  raise();
  take();
  stream.at_ms(1);
  stream.clear();
  stream.at_ms(1000);
  suspended();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "1 flags seen");
}

TEST_F(SeenFlags, WithoutDetailAreUnknown) { EXPECT_EQ(stream.verdict(false), Verdict::Unknown); }

TEST_F(SeenFlags, ThatStandAtASuspensionAreBlamed) {
  raise();
  take();
  stream.at_ms(300);
  EXPECT_TRUE(stream.blames(suspended()));
}

TEST_F(SeenFlags, ThatStandAtTheNextSignalAreBlamed) {
  raise();
  take();
  stream.at_ms(300);
  EXPECT_TRUE(stream.blames(stream.signal(true, false)));
}

TEST_F(SeenFlags, OfAGuestThatTakesNoInterruptsWait) {
  raise();
  stream.at_ms(300);
  suspended();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(SeenFlags, AfterAFaultAreLookedForAnew) {
  raise();
  take();
  stream.at_ms(100);
  stream.add(traces::ev::FaultFired{"hang-guest", "web", ""});
  stream.at_ms(300);
  suspended();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(SeenFlags, OnAPageThatIsSwitchedOffAreNobodys) {
  raise();
  take();
  stream.add(traces::ev::MemoryUnwatch{2, 1});
  stream.at_ms(300);
  suspended();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
