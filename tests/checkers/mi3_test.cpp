#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/migration_stream.hpp"

namespace checkers {
namespace {

using testing::MigrationStream;
using traces::CommitStep;
using traces::VpState;

class SingleExecution : public ::testing::Test {
 protected:
  SingleExecution() {
    stream.on(1);
    stream.owner(1, 1);
    stream.runs(2);
  }
  MigrationStream stream{make_mi3()};
};

TEST_F(SingleExecution, OnePlaceAfterTheOtherHolds) {
  stream.stops(2);
  stream.commit(CommitStep::Ceded, 1);
  stream.on(2);
  stream.commit(CommitStep::Committed, 2);
  stream.owner(2, 2);
  stream.runs(5);
  EXPECT_EQ(stream.verdict(false), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "2 starts of a processor");
}

TEST_F(SingleExecution, AnAbortedMigrationHolds) {
  stream.stops(2);
  stream.runs(2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(SingleExecution, AWithdrawnCessionHolds) {
  stream.stops(2);
  stream.commit(CommitStep::Ceded, 1);
  stream.commit(CommitStep::Withdrawn, 1);
  stream.owner(1, 3);
  stream.runs(2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(SingleExecution, TwoHostsAtATimeAreBlamed) {
  stream.on(2);
  stream.owner(2, 2);
  EXPECT_TRUE(stream.blames(stream.runs(5)));
  EXPECT_TRUE(stream.explains("on node-2 while it runs on node-1"));
}

TEST_F(SingleExecution, TwoPartitionsOfOneHostAreBlamed) {
  EXPECT_TRUE(stream.blames(stream.runs(3)));
  EXPECT_TRUE(stream.explains("in another partition"));
}

TEST_F(SingleExecution, OneProcessorThatGoesOnIsEnoughToBlame) {
  stream.processor_is(VpState::Running, 2, "start-vm", 1, 1);
  stream.stops(2);  // the other one goes on
  stream.on(2);
  stream.owner(2, 2);
  EXPECT_TRUE(stream.blames(stream.runs(5)));
}

TEST_F(SingleExecution, ATargetThatRunsBeforeTheCommitIsBlamed) {
  stream.stops(2);
  stream.on(2);
  EXPECT_TRUE(stream.blames(stream.runs(5)));
  EXPECT_TRUE(stream.explains("durable owner is node-1"));
}

TEST_F(SingleExecution, ASourceThatRunsAfterTheCommitIsBlamed) {
  stream.stops(2);
  stream.on(2);
  stream.owner(2, 2);
  stream.on(1);
  EXPECT_TRUE(stream.blames(stream.runs(2)));
}

TEST_F(SingleExecution, ASourceThatRunsWhatItCededIsBlamed) {
  stream.stops(2);
  stream.commit(CommitStep::Ceded, 1);
  EXPECT_TRUE(stream.blames(stream.runs(2)));
  EXPECT_TRUE(stream.explains("ceded"));
}

TEST_F(SingleExecution, AnEpochThatDoesNotGrowIsBlamed) {
  EXPECT_TRUE(stream.blames(stream.owner(2, 1)));
}

TEST_F(SingleExecution, ADeadHostRunsNothing) {
  stream.add(traces::ev::NodeKilled{});
  stream.on(2);
  stream.owner(2, 2);
  stream.runs(5);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(SingleExecution, TheDeathOfAnotherHostChangesNothing) {
  stream.on(2);
  stream.add(traces::ev::NodeKilled{});
  stream.owner(2, 2);
  EXPECT_TRUE(stream.blames(stream.runs(5)));
}

TEST_F(SingleExecution, TwoVmsMayRunOnTwoHosts) {
  stream.on(2);
  stream.add(traces::ev::VmOwner{2, 2, 1});
  stream.runs(5, 2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
