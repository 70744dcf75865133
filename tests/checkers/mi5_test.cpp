#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/migration_stream.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;
using testing::MigrationStream;
using traces::MigrationPhase;

/// 1000 pages, at most 3 rounds, 4 MB/s; set up in 10 ms, so that the bound for the downtime is
/// 100 ms, five set-ups and the final set's time: 160 ms for a final set of 40,000 bytes.
class Bounds : public ::testing::Test {
 protected:
  void start(std::uint64_t rate = 4'000'000) {
    stream.at_ms(0).phase(MigrationPhase::Preflight);
    ev::MigrationStarted event;
    event.job = MigrationStream::kJob;
    event.vm = 1;
    event.pages = 1000;
    event.round_limit = 3;
    event.bandwidth = rate;
    stream.at_ms(10).add(event);
  }
  std::uint64_t round(std::uint64_t pages, bool final = false) {
    ev::MigrationRound event;
    event.vm = 1;
    event.final = final;
    event.pages = pages;
    event.bytes = pages * 4000;
    return stream.add(event);
  }
  /// Returns the index of the event with which the VM goes on.
  std::uint64_t stand_still(std::int64_t from_ms, std::int64_t to_ms) {
    stream.at_ms(from_ms).stops(2);
    round(10, true);
    stream.on(2).at_ms(to_ms);
    return stream.runs(5);
  }
  std::uint64_t fault(const char* detail) {
    return stream.add(ev::FaultFired{"cut-link", "migration", detail});
  }
  MigrationStream stream{make_mi5()};
};

TEST_F(Bounds, AMigrationWithinThemHolds) {
  start();
  round(1000);
  round(500);
  round(500);
  stand_still(100, 260);
  const Finding finding = stream.conclude(false);
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.measured, "at most 3 rounds, down 160.000 ms");
  EXPECT_EQ(finding.bound, "down 160.000 ms");
}

TEST_F(Bounds, ALongerDowntimeIsBlamed) {
  start();
  EXPECT_TRUE(stream.blames(stand_still(100, 261)));
  EXPECT_TRUE(stream.explains("down for 161.000 ms, at most 160.000 ms"));
}

TEST_F(Bounds, WithoutDetailALongDowntimeMayHaveAnExcuse) {
  start();
  stand_still(100, 261);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(Bounds, WithoutARateOnlyTheHardLimitIsKnown) {
  start(0);
  stand_still(100, 20'100);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Bounds, TheHardLimitIsBlamed) {
  start(0);
  EXPECT_TRUE(stream.blames(stand_still(100, 20'101)));
}

TEST_F(Bounds, ARoundTooManyIsBlamedWithoutDetailToo) {
  start();
  for (int i = 0; i < 3; ++i) round(10);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(round(10)));
  EXPECT_EQ(stream.verdict(false), Verdict::Violated);
}

TEST_F(Bounds, PagesTooManyAreBlamed) {
  start();
  round(2000);
  round(2000);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(round(1, true)));
}

TEST_F(Bounds, ASecondMigrationCountsAnew) {
  start();
  for (int i = 0; i < 3; ++i) round(1000);
  start();
  for (int i = 0; i < 3; ++i) round(1000);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Bounds, AFaultDuringTheMigrationExcuses) {
  start();
  fault("strikes");
  stand_still(100, 5000);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Bounds, ALossOfPowerDuringTheMigrationExcuses) {
  start();
  stream.add(ev::NodeKilled{});
  stand_still(100, 5000);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Bounds, LostSegmentsExcuse) {
  start();
  ev::StreamTransfer transfer;
  transfer.retries = 1;
  stream.add(transfer);
  stand_still(100, 5000);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Bounds, AFaultThatLastsExcuses) {
  fault("strikes, frames from alpha");
  start();
  stand_still(100, 5000);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Bounds, AFaultWhoseAftermathIsOverIsNoExcuse) {
  stream.at_ms(-1500);  // a second later nothing of it is queued any more
  fault("strikes");
  fault("taken back");
  start();
  EXPECT_TRUE(stream.blames(stand_still(100, 5000)));
}

TEST_F(Bounds, OtherPausesAreNoDowntimeOfAMigration) {
  start();
  stream.at_ms(100).stops(2, "held in place");
  stream.at_ms(90'000).runs(2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
