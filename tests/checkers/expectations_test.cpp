#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "checkers/checker.hpp"
#include "tests/checkers/migration_stream.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;
using testing::MigrationStream;
using traces::MigrationOutcome;
using traces::MigrationPhase;
using traces::VmState;
using traces::VpState;

constexpr std::int64_t kMs = 1'000'000;

std::unique_ptr<Checker> expect(const std::string& name, std::int64_t bound = 0,
                                std::uint32_t vm = 0, const std::string& host = "") {
  return make_expectation(Expectation{name, vm, host, bound});
}

TEST(Expectations, EveryNameHasAProperty) {
  for (const ExpectationInfo& info : expectations()) {
    const auto checker = expect(info.name);
    ASSERT_NE(checker, nullptr) << info.name;
    EXPECT_EQ(checker->conclude({}, true).property, info.name);
    EXPECT_TRUE(checker->events().any());
  }
  EXPECT_EQ(expect("migrations-forgotten"), nullptr);
}

/// The three counts differ in the outcome that they count.
struct Counted {
  const char* name;
  MigrationOutcome outcome;
  MigrationOutcome other;
};
class MigrationCount : public ::testing::TestWithParam<Counted> {};

TEST_P(MigrationCount, CountsWhatTheSourceReportsLast) {
  MigrationStream stream(expect(GetParam().name, 2));
  for (const std::uint64_t job : {3, 4, 5}) {
    stream.on(1).phase(MigrationPhase::Preflight, job);
    stream.on(1).finished(GetParam().other, job);
    if (job != 5) stream.on(1).finished(GetParam().outcome, job);
    stream.on(2).finished(GetParam().outcome, 5);  // the target's word does not count
  }
  const Finding finding = stream.conclude(false);
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.measured, "2");
  EXPECT_EQ(finding.bound, "2");
}

TEST_P(MigrationCount, AnotherCountIsViolated) {
  for (const int expected : {0, 2}) {
    MigrationStream stream(expect(GetParam().name, expected));
    stream.on(1).phase(MigrationPhase::Preflight);
    stream.finished(GetParam().outcome);
    EXPECT_TRUE(stream.explains("1 instead of " + std::to_string(expected)));
  }
}

TEST_P(MigrationCount, OtherVmsCountForThemselves) {
  MigrationStream stream(expect(GetParam().name, 0, 2));
  stream.on(1).phase(MigrationPhase::Preflight);
  stream.finished(GetParam().outcome);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

INSTANTIATE_TEST_SUITE_P(
    Outcomes, MigrationCount,
    ::testing::Values(
        Counted{"migrations-completed", MigrationOutcome::Completed, MigrationOutcome::InDoubt},
        Counted{"migrations-aborted", MigrationOutcome::Aborted, MigrationOutcome::InDoubt},
        Counted{"migrations-in-doubt", MigrationOutcome::InDoubt, MigrationOutcome::Completed}));

class Downtime : public ::testing::Test {
 protected:
  Downtime() { stream.on(1).at_ms(0).runs(2); }
  MigrationStream stream{expect("downtime-below", 50 * kMs)};
};

TEST_F(Downtime, AShortPauseHolds) {
  stream.on(2).at_ms(5).processor_is(VpState::Suspended, 5, "created");
  stream.on(1).at_ms(10).stops(2);
  stream.on(2).at_ms(59).runs(5);
  const Finding finding = stream.conclude(false);
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.measured, "49.000 ms");
  EXPECT_EQ(finding.bound, "50.000 ms");
}

TEST_F(Downtime, APauseOfTheBoundIsNotBelowIt) {
  stream.at_ms(10).stops(2);
  stream.on(2).at_ms(60);
  EXPECT_TRUE(stream.blames(stream.runs(5)));
  EXPECT_TRUE(stream.explains("VM 1 stood still for 50.000 ms"));
}

TEST_F(Downtime, SeveralShortPausesAreNotAdded) {
  for (const int start : {10, 100, 200}) {
    stream.at_ms(start).stops(2);
    stream.at_ms(start + 40).runs(2);
  }
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Downtime, AVmThatNeverGoesOnIsViolatedAtTheEnd) {
  stream.at_ms(10).stops(2);
  stream.at_ms(60);
  EXPECT_TRUE(stream.explains("still stands"));
}

TEST_F(Downtime, APausedHostStandsStillWithItsVms) {
  stream.at_ms(10).add(ev::NodePaused{});
  stream.at_ms(59).add(ev::NodeResumed{});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.at_ms(100).add(ev::NodePaused{});
  stream.at_ms(150);
  EXPECT_TRUE(stream.blames(stream.add(ev::NodeResumed{})));
}

TEST_F(Downtime, AnotherHostMayPauseOrDie) {
  stream.on(2).at_ms(10).add(ev::NodePaused{});
  stream.on(3).at_ms(20).add(ev::NodeKilled{});
  stream.at_ms(900);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "0.000 ms");
}

TEST_F(Downtime, ADeadHostIsDowntimeUntilTheVmRunsElsewhere) {
  stream.at_ms(10).add(ev::NodeKilled{});
  stream.on(2).at_ms(70).state(VmState::Starting);
  EXPECT_TRUE(stream.blames(stream.runs(5)));
  EXPECT_TRUE(stream.explains("60.000 ms"));
}

TEST_F(Downtime, WhatWasTurnedOffIsNotDown) {
  stream.at_ms(10).state(VmState::Stopping);
  stream.stops(2, "turned off");
  stream.state(VmState::Off);
  stream.at_ms(20).add(ev::NodeKilled{});
  stream.at_ms(900);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Downtime, OtherVmsAreNotMeant) {
  MigrationStream other(expect("downtime-below", 50 * kMs, 2));
  other.on(1).at_ms(0).runs(2);
  other.at_ms(10).stops(2);
  other.at_ms(900);
  EXPECT_EQ(other.verdict(), Verdict::Holds);
}

/// Two hosts, alpha (1) and beta (2), and VM 1 on alpha.
class Places : public ::testing::Test {
 protected:
  MigrationStream& play(const std::string& name, const std::string& host = "") {
    stream = std::make_unique<MigrationStream>(expect(name, 0, 0, host));
    stream->on(2).node_added("beta");
    stream->on(1).node_added("alpha");
    stream->created(0);
    stream->owner(1, 1);
    stream->created(2);
    stream->runs(2);
    stream->state(VmState::Running);
    return *stream;
  }
  void move() {
    stream->on(1).stops(2);
    stream->on(2).owner(2, 2);
    stream->runs(5);
  }
  std::unique_ptr<MigrationStream> stream;
};

TEST_F(Places, RunsOnHoldsWhereTheVmIs) {
  play("runs-on", "beta");
  move();
  const Finding finding = stream->conclude(false);
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.measured, "beta");
  EXPECT_EQ(finding.bound, "beta");
}

TEST_F(Places, RunsOnIsViolatedByAVmThatStayed) {
  play("runs-on", "beta");
  EXPECT_TRUE(stream->explains("VM 1 runs on alpha"));
}

TEST_F(Places, RunsOnIsViolatedByASecondPlace) {
  play("runs-on", "alpha").on(2).runs(5);
  EXPECT_TRUE(stream->explains("VM 1 runs on alpha, beta"));
}

TEST_F(Places, RunsOnIsViolatedByADeadHost) {
  play("runs-on", "alpha").add(ev::NodeKilled{});
  EXPECT_TRUE(stream->explains("nowhere"));
}

TEST_F(Places, RunsOnNamesEveryVmItMeasured) {
  play("runs-on", "alpha").created(3, 2);
  stream->runs(3, 2);
  EXPECT_EQ(stream->verdict(), Verdict::Holds);
  EXPECT_EQ(stream->conclude().measured, "web: alpha, db: alpha");
}

TEST_F(Places, VmOffHoldsWhenItRunsNowhere) {
  play("vm-off").stops(2, "turned off");
  EXPECT_EQ(stream->verdict(false), Verdict::Holds);
  EXPECT_EQ(stream->conclude().measured, "runs on nowhere");
}

TEST_F(Places, VmOffIsViolatedByARunningVm) {
  play("vm-off");
  EXPECT_TRUE(stream->explains("VM 1 runs on alpha"));
}

TEST_F(Places, AVmOfALivingOwnerMustRun) {
  play("survives-with-owner");
  EXPECT_EQ(stream->verdict(false), Verdict::Holds);
  stream->stops(2);
  EXPECT_TRUE(stream->explains("runs nowhere although its owner alpha lives"));
}

TEST_F(Places, AVmThatStandsStillInAMigrationIsNotJudgedYet) {
  play("survives-with-owner");
  ev::MigrationStarted started;
  started.vm = 1;
  stream->add(started);
  stream->stops(2);
  EXPECT_EQ(stream->verdict(false), Verdict::Unknown);
  // The target has taken it: from then on it must run there.
  stream->on(2).owner(2, 2);
  EXPECT_TRUE(stream->explains("runs nowhere although its owner beta lives"));
}

TEST_F(Places, AVmThatAnAbortedMigrationLeavesStandingIsBlamed) {
  play("survives-with-owner");
  ev::MigrationStarted started;
  started.vm = 1;
  stream->add(started);
  stream->stops(2);
  stream->finished(traces::MigrationOutcome::Aborted);
  EXPECT_TRUE(stream->explains("runs nowhere although its owner alpha lives"));
}

TEST_F(Places, AVmOfADeadOwnerMustNotRun) {
  play("survives-with-owner").add(ev::NodeKilled{});
  EXPECT_EQ(stream->verdict(), Verdict::Holds);
  stream->on(2).runs(5);
  EXPECT_TRUE(stream->explains("although its owner alpha died"));
}

TEST_F(Places, AVmRunsWithItsNewOwner) {
  play("survives-with-owner");
  move();
  stream->on(1).add(ev::NodeKilled{});
  EXPECT_EQ(stream->verdict(), Verdict::Holds);
}

TEST_F(Places, ACommitOutlivesTheOldOwner) {
  play("survives-with-owner").stops(2);
  stream->add(ev::NodeKilled{});
  stream->on(2).owner(2, 2);
  EXPECT_TRUE(stream->explains("runs nowhere although its owner beta lives"));
  stream->runs(5);
}

TEST_F(Places, AStrangerMustNotRunIt) {
  play("survives-with-owner").stops(2);
  stream->on(2).runs(5);
  EXPECT_TRUE(stream->explains("runs on beta, its owner is alpha"));
}

TEST_F(Places, TwoPlacesAreNeverRight) {
  play("survives-with-owner").on(2).runs(5);
  EXPECT_TRUE(stream->explains("runs on alpha, beta"));
}

TEST_F(Places, AVmInDoubtMayStandStill) {
  play("survives-with-owner").stops(2);
  stream->state(VmState::Critical);
  EXPECT_EQ(stream->verdict(), Verdict::Holds);
  EXPECT_NE(stream->conclude().measured.find("in doubt"), std::string::npos);
}

TEST_F(Places, AVmThatWasTurnedOffNeedNotRun) {
  play("survives-with-owner").state(VmState::Stopping);
  stream->stops(2, "turned off");
  EXPECT_EQ(stream->verdict(), Verdict::Holds);
}

TEST_F(Places, OfAVmThatNeverRanNothingCanBeSaid) {
  play("survives-with-owner").created(3, 2);
  const Finding finding = stream->conclude();
  EXPECT_EQ(finding.verdict, Verdict::Unknown);
  EXPECT_NE(finding.explanation.find("VM db never ran"), std::string::npos);
}

TEST_F(Places, AVmThatWasStartedAgainRuns) {
  play("survives-with-owner").add(ev::NodeKilled{});
  stream->add(ev::NodeRestarted{2});
  stream->state(VmState::Off);
  stream->runs(2);
  stream->state(VmState::Running);
  EXPECT_EQ(stream->verdict(), Verdict::Holds);
}

class GuestPanic : public ::testing::Test {
 protected:
  std::uint64_t says(const char* line) { return stream.add(ev::GuestLog{1, 2, line}); }
  MigrationStream stream{expect("no-guest-panic")};
};

TEST_F(GuestPanic, OtherLinesHold) {
  says("worker: no PANIC here");
  stream.processor_is(VpState::Stopped, 2, "finalized");
  const Finding finding = stream.conclude(false);
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.measured, "1 lines of guests");
}

TEST_F(GuestPanic, ALineOfPanicIsBlamed) {
  EXPECT_TRUE(stream.blames(says("PANIC: page 7")));
  EXPECT_TRUE(stream.explains("page 7"));
}

TEST_F(GuestPanic, AProcessorThatStopsIsBlamed) {
  EXPECT_TRUE(stream.blames(stream.processor_is(VpState::Stopped, 2, "triple fault")));
}

TEST_F(GuestPanic, OtherVmsMayPanic) {
  MigrationStream other(expect("no-guest-panic", 0, 2));
  other.add(ev::GuestLog{1, 2, "PANIC"});
  other.processor_is(VpState::Stopped, 2, "triple fault");
  EXPECT_EQ(other.verdict(), Verdict::Holds);
}

class Heartbeats : public ::testing::Test {
 protected:
  std::uint64_t sent(std::uint64_t sequence) {
    return stream.add(ev::HeartbeatSent{1, 2, sequence});
  }
  std::uint64_t answer(std::uint64_t sequence) {
    return stream.add(ev::HeartbeatReceived{1, 2, sequence});
  }
  MigrationStream stream{expect("heartbeats-answered")};
};

TEST_F(Heartbeats, AnswersOfTheNextNumberHold) {
  sent(1);
  answer(2);
  sent(3);
  answer(4);
  sent(5);  // in flight at the end
  const Finding finding = stream.conclude(false);
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.measured, "2 of 3 answered");
}

TEST_F(Heartbeats, AMissingAnswerIsBlamedAtTheNextHeartbeat) {
  sent(1);
  EXPECT_TRUE(stream.blames(sent(3)));
  EXPECT_TRUE(stream.explains("heartbeat 1 was not answered"));
}

TEST_F(Heartbeats, AnotherNumberIsBlamed) {
  sent(1);
  EXPECT_TRUE(stream.blames(answer(1)));
}

TEST_F(Heartbeats, ASecondAnswerIsBlamed) {
  sent(1);
  answer(2);
  EXPECT_TRUE(stream.blames(answer(2)));
}

TEST_F(Heartbeats, NoHeartbeatAtAllIsViolated) {
  EXPECT_TRUE(stream.explains("no heartbeat was ever sent"));
}

TEST_F(Heartbeats, AVmThatWasStartedAgainOwesNoAnswer) {
  sent(1);
  stream.add(ev::NodeKilled{});
  stream.state(VmState::Starting);
  sent(1);
  answer(2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
