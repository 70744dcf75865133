#include <gtest/gtest.h>

#include <string>

#include "checkers/checker.hpp"
#include "traces/record.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;
using traces::DigestPoint;
using traces::VmState;

/// One of the two runs, of VM 1 and disk 1.
class Story {
 public:
  explicit Story(traces::Observer& side) { recorder_.attach(side, TwinCheck::events()); }

  template <class E>
  void add(const E& payload) {
    recorder_.emit({++now_}, {1}, payload);
  }
  void memory(DigestPoint point, std::uint64_t content) {
    add(ev::MemoryDigest{1, 2, point, 0, {0, content}});
  }
  void processor(DigestPoint point, std::uint64_t content) {
    add(ev::VpDigest{1, 2, 0, point, 0, {0, content}});
  }
  void state(VmState state) { add(ev::VmState{1, state, ""}); }
  void uses_disk() {
    ev::ScsiRequest request;
    request.vm = 1;
    request.disk = 1;
    add(request);
  }
  void start() {
    state(VmState::Off);
    state(VmState::Starting);
    state(VmState::Running);
    uses_disk();
  }
  void migration(std::uint64_t content) {
    for (const DigestPoint point : {DigestPoint::Suspended, DigestPoint::Resumed}) {
      memory(point, content);
      processor(point, content);
    }
  }
  void end(std::uint64_t content) {
    memory(DigestPoint::End, content);
    processor(DigestPoint::End, content);
    disk(content);
  }
  void disk(std::uint64_t content) { add(ev::DiskDigest{1, DigestPoint::End, {0, content}}); }

 private:
  traces::Recorder recorder_;
  std::int64_t now_ = 0;
};

class Twin : public ::testing::Test {
 protected:
  bool explains(const std::string& words) {
    const Finding finding = check.conclude();
    return finding.verdict == Verdict::Violated &&
           finding.explanation.find(words) != std::string::npos;
  }
  TwinCheck check;
  Story original{check.original()};
  Story twin{check.twin()};
};

TEST_F(Twin, EqualRunsHold) {
  for (Story* run : {&original, &twin}) {
    run->start();
    run->migration(7);
    run->migration(8);
    run->end(9);
  }
  const Finding finding = check.conclude();
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.measured, "11 digests compared");
}

TEST_F(Twin, OtherMemoryIsBlamedWhereItFirstDiffers) {
  for (Story* run : {&original, &twin}) {
    run->start();
    run->migration(7);
    run->end(run == &twin ? 9 : 8);
  }
  EXPECT_TRUE(explains("memory of VM 1 at the end"));
  EXPECT_NE(check.conclude().event, 0u);
}

TEST_F(Twin, TheSecondMigrationIsHeldAgainstTheSecondPause) {
  for (Story* run : {&original, &twin}) {
    run->start();
    run->migration(run == &twin ? 7 : 8);
    run->migration(run == &twin ? 8 : 7);
  }
  EXPECT_TRUE(explains("at suspension"));
}

TEST_F(Twin, AnotherProcessorIsBlamed) {
  for (Story* run : {&original, &twin}) {
    run->memory(DigestPoint::End, 7);
    run->processor(DigestPoint::End, run == &twin ? 1 : 2);
  }
  EXPECT_TRUE(explains("processor of VM 1"));
}

TEST_F(Twin, AnotherDiskIsBlamed) {
  original.disk(1);
  twin.disk(2);
  EXPECT_TRUE(explains("disk 1"));
}

TEST_F(Twin, ATwinThatWasNotHeldIsBlamed) {
  original.start();
  original.migration(7);
  twin.start();
  EXPECT_TRUE(explains("the twin's is missing"));
}

TEST_F(Twin, AVmThatIsGoneForNoReasonIsBlamed) {
  original.start();
  twin.start();
  twin.memory(DigestPoint::End, 7);
  EXPECT_TRUE(explains("nothing in the story says why"));
}

TEST_F(Twin, AVmThatWasTurnedOffMayBeGone) {
  for (Story* run : {&original, &twin}) {
    run->start();
    run->migration(7);
  }
  original.state(VmState::Off);
  twin.memory(DigestPoint::End, 7);
  EXPECT_EQ(check.conclude().verdict, Verdict::Holds);
}

TEST_F(Twin, AVmThatDiedLeavesItsDiskToOthers) {
  for (Story* run : {&original, &twin}) {
    run->start();
    run->migration(7);
  }
  original.add(ev::NodeKilled{});
  original.disk(1);
  twin.end(9);
  const Finding finding = check.conclude();
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.measured, "4 digests compared, 1 of dead VMs left out");
}

TEST_F(Twin, AVmThatDiedBeforeItsFirstRequestLeavesItsDiskToOthers) {
  original.state(VmState::Running);
  original.add(ev::NodeKilled{});
  original.disk(4);
  twin.start();
  twin.end(5);
  EXPECT_EQ(check.conclude().verdict, Verdict::Unknown);
}

TEST_F(Twin, WhatAVmDoesAfterALossOfPowerHasNoTwin) {
  for (Story* run : {&original, &twin}) {
    run->start();
    run->migration(7);
  }
  original.add(ev::NodeKilled{});
  original.start();
  original.migration(1);
  original.end(2);
  twin.end(9);
  const Finding finding = check.conclude();
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.measured, "4 digests compared, 7 of dead VMs left out");
}

TEST_F(Twin, WhatItDidBeforeTheLossOfPowerIsCompared) {
  for (Story* run : {&original, &twin}) {
    run->start();
    run->migration(run == &twin ? 7 : 8);
  }
  original.add(ev::NodeKilled{});
  original.start();
  original.end(2);
  EXPECT_TRUE(explains("at suspension"));
}

TEST_F(Twin, AVmThatTheOperatorStopsAndStartsHasATwin) {
  for (Story* run : {&original, &twin}) {
    run->start();
    run->state(VmState::Stopping);
    run->start();
    run->end(run == &twin ? 1 : 2);
  }
  EXPECT_EQ(check.conclude().verdict, Verdict::Violated);
}

TEST_F(Twin, AVmThatDiedBeforeAnythingCouldBeComparedProvesNothing) {
  for (Story* run : {&original, &twin}) run->start();
  original.add(ev::NodeKilled{});
  original.disk(1);
  twin.end(9);
  const Finding finding = check.conclude();
  EXPECT_EQ(finding.verdict, Verdict::Unknown);
  EXPECT_EQ(finding.measured, "0 digests compared, 1 of dead VMs left out");
}

TEST_F(Twin, NothingToCompareIsNoProof) { EXPECT_EQ(check.conclude().verdict, Verdict::Unknown); }

/// The intervals that a twin is held for.
class Holds : public ::testing::Test {
 protected:
  Holds() { recorder.attach(holds, HoldCollector::events()); }
  void stop_and_copy(std::int64_t at, std::uint64_t job, std::uint32_t vm) {
    recorder.emit({at}, {1}, ev::MigrationPhase{job, vm, traces::MigrationPhase::StopAndCopy});
  }
  void running(std::int64_t at, std::uint32_t vm) {
    ev::VpState event;
    event.vm = vm;
    event.state = traces::VpState::Running;
    recorder.emit({at}, {2}, event);
  }
  traces::Recorder recorder;
  HoldCollector holds;
};

TEST_F(Holds, LastFromTheSuspensionToTheResumeWhereverItIs) {
  running(1, 1);
  stop_and_copy(10, 3, 1);
  stop_and_copy(12, 4, 2);
  running(15, 1);
  running(16, 2);
  running(17, 1);
  ASSERT_EQ(holds.holds().size(), 2u);
  EXPECT_EQ(holds.holds()[0].job, 3u);
  EXPECT_EQ(holds.holds()[0].vm, 1u);
  EXPECT_EQ(holds.holds()[0].from.ns, 10);
  EXPECT_EQ(holds.holds()[0].to.ns, 15);
  EXPECT_EQ(holds.holds()[1].from.ns, 12);
  EXPECT_EQ(holds.holds()[1].to.ns, 16);
}

TEST_F(Holds, EachMigrationHasItsOwn) {
  stop_and_copy(10, 3, 1);
  running(15, 1);
  stop_and_copy(20, 5, 1);
  running(29, 1);
  ASSERT_EQ(holds.holds().size(), 2u);
  EXPECT_EQ(holds.holds()[0].to.ns, 15);
  EXPECT_EQ(holds.holds()[1].to.ns, 29);
}

TEST_F(Holds, AVmThatNeverWentOnHasNoEnd) {
  stop_and_copy(10, 3, 1);
  EXPECT_EQ(holds.holds()[0].to, traces::kNever);
}

TEST_F(Holds, AStartFromNothingIsNoEnd) {
  stop_and_copy(10, 3, 1);
  recorder.emit({20}, {1}, ev::VmState{1, VmState::Starting, ""});
  running(21, 1);
  EXPECT_EQ(holds.holds()[0].to, traces::kNever);
}

}  // namespace
}  // namespace checkers
