// SY-10 and SY-11: the two clocks of a partition.
#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;
using testing::EventStream;

constexpr std::uint64_t kUnitsOfMs = 10'000;  // reference time

void move(EventStream& stream, std::uint64_t from, std::uint64_t to) {
  stream.vp(from, traces::VpState::Suspended);
  stream.call(from, testing::kSaveCall, 0);
  stream.on(2);
  stream.vp(to, traces::VpState::Suspended);
  stream.call(to, testing::kRestoreCall, 0);
}

class ReferenceCounter : public ::testing::Test {
 protected:
  ReferenceCounter() {
    stream.at_ms(5);
    stream.vp(2, traces::VpState::Running);
  }
  std::uint64_t read(std::uint64_t value, std::uint64_t partition = 2, std::uint32_t vp = 0) {
    return stream.add(ev::MsrAccessed{partition, vp, 0x4000'0020, false, value, true});
  }
  EventStream stream{make_sy10()};
};

TEST_F(ReferenceCounter, ThatKeepsTimeHolds) {
  stream.at_ms(6);
  read(1 * kUnitsOfMs);
  read(1 * kUnitsOfMs + 1, 2, 1);  // at the same tick
  stream.at_ms(7);
  read(2 * kUnitsOfMs);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(ReferenceCounter, ThatRepeatsIsBlamed) {
  stream.at_ms(6);
  read(1 * kUnitsOfMs);
  EXPECT_TRUE(stream.blames(read(1 * kUnitsOfMs, 2, 1)));
}

TEST_F(ReferenceCounter, ThatIsSlowIsBlamed) {
  stream.at_ms(6);
  EXPECT_TRUE(stream.blames(read(1 * kUnitsOfMs - 1)));
}

TEST_F(ReferenceCounter, ThatIsFastIsBlamed) {
  stream.at_ms(6);
  EXPECT_TRUE(stream.blames(read(1 * kUnitsOfMs + 1)));
}

TEST_F(ReferenceCounter, StandsStillWithItsPartition) {
  stream.at_ms(6);
  stream.vp(2, traces::VpState::Suspended);
  stream.at_ms(60);
  stream.vp(2, traces::VpState::Running);
  stream.at_ms(61);
  read(2 * kUnitsOfMs);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(ReferenceCounter, GoesOnWhereAnotherHostTakesOver) {
  stream.at_ms(6);
  read(1 * kUnitsOfMs);
  move(stream, 2, 7);
  stream.at_ms(60);
  stream.vp(7, traces::VpState::Running);
  stream.at_ms(61);
  read(2 * kUnitsOfMs, 7);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.at_ms(62);
  EXPECT_TRUE(stream.blames(read(57 * kUnitsOfMs, 7)));
}

TEST_F(ReferenceCounter, OfWhichTheBeginningIsUnknownMustStillGrow) {
  stream.vp(3, traces::VpState::Suspended);
  stream.call(3, testing::kRestoreCall, 0);
  stream.vp(3, traces::VpState::Running);
  read(777, 3);
  read(999, 3);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(read(998, 3)));
}

TEST_F(ReferenceCounter, ThatCanBeWrittenIsBlamed) {
  stream.add(ev::MsrAccessed{2, 0, 0x4000'0020, true, 5, false});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(stream.add(ev::MsrAccessed{2, 0, 0x4000'0020, true, 5, true})));
}

/// A TSC of 2 GHz: 200 to a unit of reference time.
class ReferencePage : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kScale = (std::uint64_t{1} << 63) / 100;
  ReferencePage() {
    stream.vp(2, traces::VpState::Running);
    show(2, 1, kScale);
  }
  std::uint64_t show(std::uint64_t partition, std::uint32_t sequence, std::uint64_t scale,
                     std::int64_t offset = 0) {
    return stream.add(ev::ReferencePageShown{partition, sequence, scale, offset});
  }
  std::uint64_t read(std::uint64_t tsc, std::uint64_t partition = 2) {
    return stream.add(ev::TscRead{partition, 0, tsc});
  }
  EventStream stream{make_sy11()};
};

TEST_F(ReferencePage, ThatTellsTheTimeHolds) {
  for (int ms = 1; ms < 1000; ms += 7) {
    stream.at_ms(ms);
    read(static_cast<std::uint64_t>(ms) * 200 * kUnitsOfMs);
  }
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(ReferencePage, ThatIsOffByTwoUnitsIsBlamed) {
  stream.at_ms(10);
  read(10 * 200 * kUnitsOfMs - 100);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(read(10 * 200 * kUnitsOfMs + 3 * 200)));
}

TEST_F(ReferencePage, ThatGoesBackIsBlamed) {
  stream.at_ms(10);
  read(10 * 200 * kUnitsOfMs);
  EXPECT_TRUE(stream.blames(read(10 * 200 * kUnitsOfMs - 200)));
}

TEST_F(ReferencePage, ThatChangesWithoutANewSequenceIsBlamed) {
  show(2, 1, kScale);
  show(2, 2, kScale / 2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(show(2, 2, kScale)));
}

TEST_F(ReferencePage, ThatChangesSoOverAMigrationIsBlamed) {
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kSaveCall, 0);
  stream.on(2);
  stream.vp(7, traces::VpState::Suspended);
  show(7, 1, kScale, 5);
  stream.call(7, testing::kRestoreCall, 0);
  EXPECT_TRUE(stream.blames(read(0, 7)));
}

TEST_F(ReferencePage, ThatIsInvalidTellsNothing) {
  show(2, 0, 0);
  stream.at_ms(10);
  read(12345);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
