#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "checkers/ownership_record.hpp"
#include "tests/checkers/migration_stream.hpp"
#include "traces/bytes.hpp"

namespace checkers {
namespace {

using testing::MigrationStream;
using Claim = OwnershipRecord::Claim;
using traces::CommitStep;
using traces::VmState;

constexpr std::uint64_t kJob = MigrationStream::kJob;

/// Hosts 1 and 2 with a disk each; the first has created VM 1.
class DurableOwnership : public ::testing::Test {
 protected:
  DurableOwnership() {
    stream.on(2).node_added("beta");
    stream.on(1).node_added("alpha");
    put(Claim::Owned, 1);
    stream.owner(1, 1);
    stream.runs(2);
  }

  /// What a record's sector holds, without the zeros at its end.
  static std::vector<std::byte> sector(Claim claim, std::uint64_t epoch, std::uint64_t job,
                                       std::uint32_t vm) {
    traces::ByteWriter out;
    out.put<std::uint32_t>(0x4E574F48);
    out.put<std::uint32_t>(1);
    out.put(vm);
    out.put(claim);
    out.put(epoch);
    out.put(job);
    out.put<std::uint32_t>(2);
    out.put(traces::hash64_of(out.bytes()));
    return out.take();
  }
  std::uint64_t write(const std::vector<std::byte>& data, std::uint64_t hash = 0,
                      std::uint32_t lba = 1) {
    traces::ev::DiskWrite event;
    event.lba = lba;
    event.sectors = 1;
    event.hash = hash;
    stream.add(event);
    return stream.add(traces::ev::DiskContent{0, lba, data});
  }
  std::uint64_t write(Claim claim, std::uint64_t epoch, std::uint64_t job = 0) {
    return write(sector(claim, epoch, job, 1));
  }
  void flush() { stream.add(traces::ev::DiskFlushed{}); }
  std::uint64_t put(Claim claim, std::uint64_t epoch, std::uint64_t job = 0) {
    const std::uint64_t index = write(claim, epoch, job);
    flush();
    return index;
  }
  void lose_power(std::uint64_t kept = 0, std::uint64_t lost = 1) {
    stream.add(traces::ev::NodeKilled{});
    stream.add(traces::ev::DiskPowerLost{0, kept, lost});
  }
  void come_back() { stream.add(traces::ev::NodeRestarted{}); }
  void cede() {
    put(Claim::Ceded, 1, kJob);
    stream.commit(CommitStep::Ceded, 1);
  }
  void arrive() {
    stream.on(2);
    put(Claim::Owned, 2, kJob);
    stream.commit(CommitStep::Committed, 2);
    stream.owner(2, 2);
    stream.runs(5);
  }
  std::uint64_t verb(const char* name) {
    const std::uint32_t nobody = 0;
    stream.on(nobody);
    return stream.add(traces::ev::VerbStarted{9, name, 1, ""});
  }
  MigrationStream stream{make_mi14()};
};

TEST_F(DurableOwnership, AMigrationThatFlushesHolds) {
  cede();
  arrive();
  stream.on(1);
  stream.commit(CommitStep::Acknowledged, 2);
  put(Claim::None, 2);
  EXPECT_EQ(stream.verdict(false), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "7 times relied on, 0 owners came back");
}

TEST_F(DurableOwnership, AWithdrawnCessionHolds) {
  cede();
  put(Claim::Owned, 3);
  stream.commit(CommitStep::Withdrawn, 1);
  stream.owner(1, 3);
  stream.runs(2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(DurableOwnership, AnOwnerBesideAnotherByItsDiskIsBlamed) {
  cede();
  arrive();
  lose_power(0, 0);  // nobody runs it any more; the record is there
  stream.on(1);
  put(Claim::Owned, 3);
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Withdrawn, 1)));
  EXPECT_TRUE(
      stream.explains("alpha takes back VM 1, which beta owns by its own disk, with epoch 2"));
}

TEST_F(DurableOwnership, AnOwnerBesideWhatOnlyACacheSaysHolds) {
  cede();
  stream.on(2);
  write(Claim::Owned, 2, kJob);
  lose_power();
  stream.on(1);
  put(Claim::Owned, 3);
  stream.commit(CommitStep::Withdrawn, 1);
  stream.owner(1, 3);
  stream.runs(2);
  EXPECT_EQ(stream.verdict(false), Verdict::Holds);
}

TEST_F(DurableOwnership, ACessionInTheCacheIsBlamed) {
  write(Claim::Ceded, 1, kJob);
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Ceded, 1)));
  EXPECT_TRUE(stream.explains("alpha cedes VM 1, but its record of that is only in the cache"));
}

TEST_F(DurableOwnership, ACessionThatWasNeverWrittenIsBlamed) {
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Ceded, 1)));
  EXPECT_TRUE(stream.explains("has no record of that"));
}

TEST_F(DurableOwnership, ACommitInTheCacheIsBlamed) {
  cede();
  stream.on(2);
  write(Claim::Owned, 2, kJob);
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Committed, 2)));
  EXPECT_TRUE(stream.explains("beta takes over VM 1"));
}

TEST_F(DurableOwnership, AWithdrawalInTheCacheIsBlamed) {
  cede();
  write(Claim::Owned, 3);
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Withdrawn, 1)));
}

TEST_F(DurableOwnership, AnOwnerThatSaysSoWithoutAnyRecordIsBlamed) {
  stream.on(2);
  EXPECT_TRUE(stream.blames(stream.owner(2, 2)));
}

TEST_F(DurableOwnership, AnOwnerThatSaysSoTwiceByOneRecordIsBlamed) {
  EXPECT_TRUE(stream.blames(stream.owner(1, 2)));
}

TEST_F(DurableOwnership, TheRecordOfAnotherVmIsNone) {
  cede();
  stream.on(2);
  write(sector(Claim::Owned, 2, kJob, 2), 0, 2);
  flush();
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Committed, 2)));
}

TEST_F(DurableOwnership, AFlushOfAnotherHostsDiskIsNone) {
  write(Claim::Ceded, 1, kJob);
  stream.on(2);
  flush();
  stream.on(1);
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Ceded, 1)));
}

TEST_F(DurableOwnership, AVmThatRunsWithoutARecordIsBlamed) {
  stream.on(2);
  EXPECT_TRUE(stream.blames(stream.runs(5)));
  EXPECT_TRUE(stream.explains("beta runs VM 1"));
}

TEST_F(DurableOwnership, ASourceThatBelievesInACommitThatIsNotOnTheTargetsDiskIsBlamed) {
  cede();
  stream.on(2);
  write(Claim::Owned, 2, kJob);
  stream.on(1);
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Acknowledged, 2)));
  EXPECT_TRUE(stream.explains("alpha gives up VM 1 to beta"));
}

TEST_F(DurableOwnership, WhatAnEarlierMigrationLeftOnTheTargetIsNoCommit) {
  stream.on(2);
  put(Claim::Owned, 2, kJob);
  stream.on(1);
  cede();
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Acknowledged, 2)));
}

TEST_F(DurableOwnership, AnOwnerThatComesBackAndKnowsItsVmHolds) {
  lose_power(0, 0);
  come_back();
  stream.at_ms(1).state(VmState::Off);
  stream.at_ms(100);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "2 times relied on, 1 owners came back");
}

TEST_F(DurableOwnership, AnOwnerThatComesBackAndHasForgottenItsVmIsBlamedInTheEnd) {
  lose_power(0, 0);
  come_back();
  stream.at_ms(11);
  EXPECT_TRUE(stream.explains("VM 1 is gone: alpha, which owns it by its own disk"));
}

TEST_F(DurableOwnership, AnOwnerThatHasJustComeBackMayStillBeReading) {
  lose_power(0, 0);
  come_back();
  stream.at_ms(10);
  verb("start-vm");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(DurableOwnership, APausedOwnerReadsNothing) {
  lose_power(0, 0);
  come_back();
  stream.add(traces::ev::NodePaused{});
  EXPECT_EQ(stream.at_ms(100).verdict(), Verdict::Holds);
  stream.add(traces::ev::NodeResumed{});
  EXPECT_EQ(stream.at_ms(105).verdict(), Verdict::Holds);
  EXPECT_EQ(stream.at_ms(111).verdict(), Verdict::Violated);
}

TEST_F(DurableOwnership, AVerbThatFindsNobodyAlthoughTheOwnerIsUpIsBlamed) {
  EXPECT_TRUE(stream.blames(verb("start-vm")));
  EXPECT_TRUE(stream.explains("start-vm: nobody has VM 1, although alpha is up and owns it"));
}

TEST_F(DurableOwnership, AVerbThatFindsNobodyWhileTheOwnerIsDownHolds) {
  lose_power(0, 0);
  verb("start-vm");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(DurableOwnership, AHostThatHasCededIsNoOwner) {
  cede();
  lose_power(0, 0);
  come_back();
  stream.at_ms(100);
  verb("start-vm");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(DurableOwnership, ARecordThatItsDiskLostWithThePowerObligesNobody) {
  write(Claim::Ceded, 1, kJob);
  lose_power();
  come_back();
  stream.state(VmState::Off);
  stream.runs(2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Ceded, 1)));
}

TEST_F(DurableOwnership, WhatALossOfPowerLeavesIsToldByContents) {
  write(sector(Claim::Ceded, 1, kJob, 1), 7);
  lose_power(1, 1);
  traces::ByteWriter hashes;
  hashes.put(std::uint64_t{7});
  traces::ev::DiskSectors left;
  left.cause = traces::SectorCause::PowerLoss;
  left.lba = 1;
  left.hashes = hashes.bytes();
  stream.add(left);
  come_back();
  stream.commit(CommitStep::Ceded, 1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

// -- what the records say --

TEST_F(DurableOwnership, ACommitUnderTheOldEpochIsBlamed) {
  cede();
  stream.on(2);
  put(Claim::Owned, 1, kJob);
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Committed, 2)));
  EXPECT_TRUE(stream.explains("beta takes over VM 1, but its record on disk has epoch 1"));
}

TEST_F(DurableOwnership, AnOwnerThatTellsAnotherEpochThanItsRecordIsBlamed) {
  cede();
  stream.on(2);
  put(Claim::Owned, 2, kJob);
  stream.commit(CommitStep::Committed, 2);
  EXPECT_TRUE(stream.blames(stream.owner(2, 3)));
  EXPECT_TRUE(stream.explains("its record on disk has epoch 2, not 3"));
}

TEST_F(DurableOwnership, ACommitWithTheRecordOfAnotherMigrationIsBlamed) {
  cede();
  stream.on(2);
  put(Claim::Owned, 2, kJob + 1);
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Committed, 2)));
  EXPECT_TRUE(stream.explains("has job 4, not 3"));
}

TEST_F(DurableOwnership, ACommitOfAnotherVmInThisSectorIsBlamed) {
  cede();
  stream.on(2);
  write(sector(Claim::Owned, 2, kJob, 2));
  flush();
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Committed, 2)));
  EXPECT_TRUE(stream.explains("has VM 2, not 1"));
}

TEST_F(DurableOwnership, ACessionThatStillSaysOwnedIsBlamed) {
  put(Claim::Owned, 1, kJob);
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Ceded, 1)));
  EXPECT_TRUE(stream.explains("does not cede it"));
}

TEST_F(DurableOwnership, AVmThatRunsWhereItIsCededIsBlamed) {
  cede();
  EXPECT_TRUE(stream.blames(stream.runs(2)));
  EXPECT_TRUE(stream.explains("does not say that it owns it"));
}

TEST_F(DurableOwnership, AWithdrawalUnderTheOldEpochIsBlamed) {
  cede();
  put(Claim::Owned, 1);
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Withdrawn, 1)));
}

TEST_F(DurableOwnership, ASourceThatBelievesInACommitUnderTheOldEpochIsBlamed) {
  cede();
  stream.on(2);
  put(Claim::Owned, 1, kJob);
  stream.on(1);
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Acknowledged, 2)));
  EXPECT_TRUE(stream.explains("has no epoch after 1"));
}

TEST_F(DurableOwnership, ARecordThatGoesBackIsBlamed) {
  put(Claim::Owned, 5);
  EXPECT_TRUE(stream.blames(write(Claim::Owned, 4)));
  EXPECT_TRUE(stream.explains("with epoch 4 over one of 5"));
}

TEST_F(DurableOwnership, ASectorThatIsNoSoundRecordIsBlamed) {
  std::vector<std::byte> torn = sector(Claim::Ceded, 1, kJob, 1);
  torn[20] ^= std::byte{1};
  write(torn);
  flush();
  EXPECT_TRUE(stream.blames(stream.commit(CommitStep::Ceded, 1)));
  EXPECT_TRUE(stream.explains("is no sound one"));
}

}  // namespace
}  // namespace checkers
