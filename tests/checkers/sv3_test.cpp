#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/disk_stream.hpp"

namespace checkers {
namespace {

using testing::DiskStream;
using traces::SectorCause;

class LinearisableBlocks : public ::testing::Test {
 protected:
  DiskStream stream{make_sv3()};
};

TEST_F(LinearisableBlocks, AReadAfterAWriteReturnsIt) {
  stream.read(8, {0, 0});
  stream.write(8, {1, 2});
  stream.read(8, {1, 2});
  stream.write(9, {3});
  stream.read(8, {1, 3});
  stream.report(SectorCause::End, 8, {1, 3});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(LinearisableBlocks, AStaleReadIsBlamed) {
  stream.write(8, {1});
  stream.write(8, {2});
  EXPECT_TRUE(stream.blames(stream.read(8, {1})));
}

TEST_F(LinearisableBlocks, TheGuestsCommandCountsAndNotWhatTheVspTakesItFor) {
  stream.put(0x2A, 1, 8, 1);
  stream.accept(0x2A, 1, 0, 1);
  stream.data(true, 1, 0, {7});
  stream.done(1);
  stream.read(8, {7});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(stream.read(8, {6})));
}

TEST_F(LinearisableBlocks, AWriteThatLandsElsewhereIsBlamed) {
  stream.begin_write(1, 8, {1, 2});
  stream.report(SectorCause::Write, 8, {1, 2});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(stream.report(SectorCause::Write, 0, {1, 2})));
}

TEST_F(LinearisableBlocks, ContentThatNoWriteBringsIsBlamedWhenItEntersTheDisk) {
  stream.begin_write(1, 8, {1, 2});
  EXPECT_TRUE(stream.blames(stream.report(SectorCause::Write, 8, {1, 0})));
}

TEST_F(LinearisableBlocks, AReadThatSucceedsUnseenIsBlamed) {
  stream.begin_read(1, 8, 2);
  EXPECT_TRUE(stream.blames(stream.done(1)));
}

TEST_F(LinearisableBlocks, AReadOfWhichLessWasSeenThanAskedIsBlamed) {
  stream.begin_read(1, 8, 2);
  stream.data(false, 1, 8, {0});
  EXPECT_TRUE(stream.blames(stream.done(1)));
}

TEST_F(LinearisableBlocks, AWriteThatSucceedsUnseenIsBlamed) {
  stream.ask(0x2A, 1, 8, 1);
  EXPECT_TRUE(stream.blames(stream.done(1)));
}

TEST_F(LinearisableBlocks, AnUnseenRequestThatFailsOrMovesNothingHolds) {
  stream.begin_read(1, 8, 2);
  stream.done(1, false);
  stream.begin_read(2, 8, 0);
  stream.done(2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(LinearisableBlocks, ACommandThatNoWitnessSawLeavesItUnknown) {
  stream.accept(0x28, 1, 8, 1);
  EXPECT_EQ(stream.verdict(), Verdict::Unknown);
}

TEST_F(LinearisableBlocks, AWriteThatLosesItsLastSectorIsBlamed) {
  stream.read(8, {0, 0});
  stream.write(8, {1, 2});
  EXPECT_TRUE(stream.blames(stream.read(8, {1, 0})));
}

TEST_F(LinearisableBlocks, AReadBesideAWriteMayReturnEither) {
  stream.write(8, {1});
  stream.begin_write(1, 8, {2});
  stream.read(8, {1});
  stream.begin_read(2, 8, 1);
  stream.done(1);
  stream.end_read(2, 8, {1});
  stream.read(8, {2});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(LinearisableBlocks, AWriteThatBeginsDuringAReadMayBeSeen) {
  stream.write(8, {1});
  stream.begin_read(2, 8, 1);
  stream.begin_write(1, 8, {2});
  stream.end_read(2, 8, {2});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(LinearisableBlocks, WhatWasSeenIsNotUnseen) {
  stream.write(8, {1});
  stream.begin_write(1, 8, {2});
  stream.read(8, {2});
  EXPECT_TRUE(stream.blames(stream.read(8, {1})));
}

TEST_F(LinearisableBlocks, OfTwoConcurrentWritesEitherMayStay) {
  stream.begin_write(1, 8, {1});
  stream.begin_write(2, 8, {2});
  stream.done(2);
  stream.done(1);
  stream.read(8, {2});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(LinearisableBlocks, AFailedWriteMayHaveTakenEffect) {
  stream.write(8, {1});
  stream.begin_write(1, 8, {2});
  stream.done(1, false);
  stream.begin_read(3, 8, 1);
  stream.end_read(3, 8, {1});
  stream.read(8, {2});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(LinearisableBlocks, TheFirstLookAtAnUnwrittenSectorBinds) {
  stream.read(8, {5});
  EXPECT_TRUE(stream.blames(stream.read(8, {6})));
}

TEST_F(LinearisableBlocks, ALossOfPowerIsTakenAsReported) {
  stream.write(8, {1});
  stream.write(8, {2});
  stream.power_loss(8, {1});
  stream.read(8, {1});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(stream.read(8, {2})));
}

TEST_F(LinearisableBlocks, AnotherContentAtTheEndIsBlamed) {
  stream.write(8, {1});
  EXPECT_TRUE(stream.blames(stream.report(SectorCause::End, 8, {9})));
}

TEST_F(LinearisableBlocks, AWriteThatDiesWithItsHostMayHaveTakenEffect) {
  stream.write(8, {1});
  stream.begin_write(1, 8, {2});
  stream.add(traces::ev::NodeKilled{});
  stream.on(2);
  stream.read(8, {1});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
