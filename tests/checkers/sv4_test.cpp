#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/disk_stream.hpp"

namespace checkers {
namespace {

using testing::DiskStream;

class DurableFlushes : public ::testing::Test {
 protected:
  DiskStream stream{make_sv4()};
};

TEST_F(DurableFlushes, FlushedWritesThatStayHold) {
  stream.write(8, {1, 2});
  stream.flush();
  stream.write(8, {3, 4});
  stream.power_loss(8, {1, 4});
  stream.write(8, {5, 6});
  stream.flush();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(DurableFlushes, WhatWasNotFlushedMayBeLost) {
  stream.write(8, {1});
  stream.power_loss(8, {0});
  stream.flush();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(DurableFlushes, AFlushThatReachesNoMediumIsBlamed) {
  stream.write(8, {1});
  EXPECT_TRUE(stream.blames(stream.flush(false)));
}

TEST_F(DurableFlushes, AnEarlierFlushDoesNotCountForALaterWrite) {
  stream.write(8, {1});
  stream.flush();
  stream.write(8, {2});
  EXPECT_TRUE(stream.blames(stream.flush(false)));
}

TEST_F(DurableFlushes, AWriteAcknowledgedAfterTheFlushWasIssuedIsNotCovered) {
  stream.begin_flush(1);
  stream.medium_takes_all();
  stream.write(8, {1});
  stream.done(1);
  stream.power_loss(8, {0});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(DurableFlushes, AFailedFlushPromisesNothing) {
  stream.write(8, {1});
  stream.begin_flush(1);
  stream.done(1, false);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(DurableFlushes, AFlushedWriteThatIsLostIsBlamed) {
  stream.write(8, {1});
  stream.flush();
  stream.write(8, {2});
  EXPECT_TRUE(stream.blames(stream.power_loss(8, {7})));
}

TEST_F(DurableFlushes, FallingBackBehindTheFlushIsBlamed) {
  stream.write(8, {1});
  stream.write(8, {2});
  stream.flush();
  EXPECT_TRUE(stream.blames(stream.power_loss(8, {1})));
}

}  // namespace
}  // namespace checkers
