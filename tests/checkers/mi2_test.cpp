#include <gtest/gtest.h>

#include <vector>

#include "checkers/makers.hpp"
#include "tests/checkers/event_stream.hpp"
#include "traces/page_set.hpp"

namespace checkers {
namespace {

using testing::EventStream;
using Pages = std::vector<std::uint64_t>;

class DirtyLog : public ::testing::Test {
 protected:
  std::uint64_t changed(std::uint32_t interval, const Pages& pages, std::uint64_t partition = 2) {
    const auto set = traces::PageSet::from_pages(pages).encode();
    traces::ev::MemoryWritten event;
    event.vm = 1;
    event.partition = partition;
    event.interval = interval;
    event.pages = pages.size();
    event.set = set;
    return stream.add(event);
  }
  std::uint64_t reported(std::uint32_t round, const Pages& pages, std::uint64_t partition = 2) {
    const auto set = traces::PageSet::from_pages(pages).encode();
    traces::ev::MigrationDirtySet event;
    event.vm = 1;
    event.partition = partition;
    event.round = round;
    event.pages = pages.size();
    event.set = set;
    return stream.add(event);
  }
  EventStream stream{make_mi2()};
};

TEST_F(DirtyLog, SetsThatCoverWhatChangedHold) {
  changed(1, {4, 5, 9});
  reported(1, {4, 5, 9});
  stream.at_ms(1);
  changed(2, {4});
  reported(2, {4, 5});  // written with what was there already
  const Finding finding = stream.conclude();
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.measured, "4 changed pages in 2 intervals");
}

TEST_F(DirtyLog, EitherMayComeFirst) {
  reported(1, {4, 5});
  changed(1, {4});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.at_ms(1);
  reported(2, {4});
  EXPECT_TRUE(stream.blames(changed(2, {4, 7})));
}

TEST_F(DirtyLog, APageThatTheLogMissesIsBlamedByItsNumber) {
  changed(1, {4, 5, 9});
  EXPECT_TRUE(stream.blames(reported(1, {4, 5})));
  EXPECT_NE(stream.conclude().explanation.find("round 1, the first is page 9"), std::string::npos);
}

TEST_F(DirtyLog, ThePagesOfOtherRoundsAndPartitionsDoNotCount) {
  changed(1, {9});
  reported(2, {9});
  reported(1, {9}, 3);
  EXPECT_TRUE(stream.blames(reported(1, {})));
}

TEST_F(DirtyLog, ALogThatNeverReportsIsBlamed) {
  changed(1, {4});
  const Finding finding = stream.conclude();
  EXPECT_EQ(finding.verdict, Verdict::Violated);
  EXPECT_NE(finding.explanation.find("no set of the log for round 1"), std::string::npos);
}

TEST_F(DirtyLog, AnIntervalWithoutAWitnessIsUnknown) {
  changed(1, {4});
  reported(1, {4});
  reported(2, {4});
  EXPECT_EQ(stream.verdict(), Verdict::Unknown);
}

TEST_F(DirtyLog, WithoutDetailItIsUnknown) { EXPECT_EQ(stream.verdict(false), Verdict::Unknown); }

TEST_F(DirtyLog, AHostThatDiesBetweenTheTwoSaysNothing) {
  changed(1, {4});
  stream.add(traces::ev::NodeKilled{});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(DirtyLog, WhatIsLeftOfAnEarlierMigrationIsNotComparedWithTheNext) {
  reported(1, {4});
  stream.at_ms(5);
  changed(1, {8});
  reported(1, {8});
  EXPECT_NE(stream.verdict(), Verdict::Violated);
}

TEST_F(DirtyLog, BytesThatAreNoSetAreBlamed) {
  const std::vector<std::byte> rubbish(3, std::byte{0xFF});
  traces::ev::MigrationDirtySet event;
  event.set = rubbish;
  EXPECT_TRUE(stream.blames(stream.add(event)));
}

}  // namespace
}  // namespace checkers
