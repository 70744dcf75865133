#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/migration_stream.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;
using testing::MigrationStream;
using traces::MigrationOutcome;
using traces::MigrationPhase;
using traces::PartitionState;
using traces::VpState;

class CleanAbort : public ::testing::Test {
 protected:
  CleanAbort() {
    stream.on(1);
    stream.runs(2);
    stream.phase(MigrationPhase::Preflight);
    stream.on(2);
    stream.created(5);
    stream.phase(MigrationPhase::Setup);
    stream.processor_is(VpState::Suspended, 5, "created");
    stream.on(1);
  }
  std::uint64_t abort() { return stream.on(1).add(finished()); }
  static ev::MigrationFinished finished() {
    return {MigrationStream::kJob, 1, MigrationOutcome::Aborted, "a reason", {}};
  }
  std::uint64_t deleted(std::uint64_t partition) {
    return stream.on(2).add(
        ev::PartitionState{partition, PartitionState::Finalized, PartitionState::Deleted});
  }
  std::uint64_t residue(std::uint32_t partitions, std::uint64_t pages, std::uint32_t disks) {
    return stream.on(2).add(ev::MigrationResidue{1, partitions, pages, disks});
  }
  /// The VM has disk 4 open on this node and asks something of it.
  void uses_disk(std::uint32_t node) {
    stream.on(node).add(ev::DiskOpened{4, 1, true});
    ev::ScsiRequest request;
    request.vm = 1;
    request.disk = 4;
    stream.add(request);
  }
  MigrationStream stream{make_mi6()};
};

TEST_F(CleanAbort, ARunningSourceAndNoResidueHold) {
  stream.stops(2);
  stream.runs(2);
  abort();
  deleted(5);
  residue(0, 0, 0);
  EXPECT_EQ(stream.verdict(false), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "1 aborts, 1 targets looked at");
}

TEST_F(CleanAbort, ASourceThatStandsStillIsBlamed) {
  stream.stops(2);
  EXPECT_TRUE(stream.blames(abort()));
  EXPECT_TRUE(stream.explains("VM 1 does not run"));
}

TEST_F(CleanAbort, OneProcessorThatStandsStillIsBlamed) {
  stream.processor_is(VpState::Suspended, 2, MigrationStream::kMoves, 1, 0);
  stream.processor_is(VpState::Suspended, 2, MigrationStream::kMoves, 1, 1);
  stream.processor_is(VpState::Running, 2, MigrationStream::kMoves, 1, 1);
  EXPECT_TRUE(stream.blames(abort()));
}

TEST_F(CleanAbort, AGuestThatEndedByItselfIsNotBroughtBack) {
  stream.processor_is(VpState::Stopped, 2, "reset");
  abort();
  deleted(5);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(CleanAbort, APartitionThatIsLeftIsBlamed) {
  abort();
  EXPECT_TRUE(stream.blames(residue(1, 0, 0)));
}

TEST_F(CleanAbort, ADiskThatTheTargetNeverClosedIsBlamedWhateverTheTargetCounts) {
  uses_disk(1);
  stream.on(1).add(ev::DiskClosed{4, 1});
  stream.on(2).add(ev::DiskOpened{4, 2, true});
  abort();
  deleted(5);
  EXPECT_TRUE(stream.blames(residue(0, 0, 0)));
  EXPECT_TRUE(stream.explains("1 open disks"));
}

TEST_F(CleanAbort, ADiskThatNoGuestHasUsedIsKnownByItsHandover) {
  stream.on(1).add(ev::DiskOpened{4, 1, true});
  stream.on(1).add(ev::DiskClosed{4, 1});
  stream.on(2).add(ev::DiskOpened{4, 2, true});
  abort();
  deleted(5);
  EXPECT_TRUE(stream.blames(residue(0, 0, 0)));
}

TEST_F(CleanAbort, DisksThatWereClosedOrRefusedOrAreOthersHold) {
  uses_disk(1);
  stream.on(1).add(ev::DiskClosed{4, 1});
  stream.on(2).add(ev::DiskOpened{4, 2, true});
  stream.on(2).add(ev::DiskClosed{4, 2});
  stream.on(1).add(ev::DiskOpened{4, 3, true});
  stream.on(2).add(ev::DiskOpened{4, 3, false});
  stream.on(2).add(ev::DiskOpened{6, 1, true});
  abort();
  deleted(5);
  residue(0, 0, 0);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(CleanAbort, MemoryThatIsLeftIsBlamed) {
  abort();
  deleted(5);
  EXPECT_TRUE(stream.blames(residue(0, 16, 0)));
}

TEST_F(CleanAbort, ADiskThatIsLeftOpenIsBlamed) {
  abort();
  deleted(5);
  EXPECT_TRUE(stream.blames(residue(0, 0, 1)));
}

TEST_F(CleanAbort, ATargetThatHidesItsPartitionIsBlamed) {
  abort();
  EXPECT_TRUE(stream.blames(residue(0, 0, 0)));
}

TEST_F(CleanAbort, ATargetThatHasNotTidiedUpYetIsUnknown) {
  abort();
  EXPECT_EQ(stream.verdict(), Verdict::Unknown);
}

TEST_F(CleanAbort, ADeadTargetHasNothing) {
  abort();
  stream.on(2).add(ev::NodeKilled{});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(CleanAbort, ALaterMigrationMaySucceed) {
  abort();
  deleted(5);
  residue(0, 0, 0);
  stream.on(1).phase(MigrationPhase::Preflight, 4);
  stream.on(2).created(6);
  stream.phase(MigrationPhase::Setup, 4);
  stream.on(1).stops(2);
  stream.on(2).runs(6);
  stream.on(1).finished(MigrationOutcome::Completed, 4);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(CleanAbort, TheTargetsOwnWordIsNoAbortOfTheSource) {
  stream.stops(2);
  stream.on(2).add(finished());
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "0 aborts, 0 targets looked at");
}

}  // namespace
}  // namespace checkers
