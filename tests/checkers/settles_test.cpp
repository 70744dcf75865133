// settles-within: what is still open when the time after the last fault is up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

using testing::EventStream;
using ::testing::HasSubstr;

/// VM 1 on node 1 (alpha) of two; it has 100 ms to settle.
class Settles : public ::testing::Test {
 protected:
  Settles() : stream(make_expectation({"settles-within", 0, "", 100'000'000})) {
    node(1, "alpha");
    node(2, "beta");
    traces::ev::VmCreated created;
    created.vm = 1;
    created.name = "web";
    stream.on(1).add(created);
    owner(1);
    vm(1, traces::VmState::Running);
    stream.vp(7, traces::VpState::Running);
  }

  void node(std::uint32_t number, const char* name) {
    traces::ev::NodeAdded added;
    added.name = name;
    stream.on(number).add(added);
  }
  void owner(std::uint32_t node) {
    traces::ev::VmOwner owner;
    owner.vm = 1;
    owner.owner = node;
    stream.on(node).add(owner);
  }
  void vm(std::uint32_t node, traces::VmState state) {
    traces::ev::VmState event;
    event.vm = 1;
    event.state = state;
    stream.on(node).add(event);
  }
  void runs(std::uint32_t node, bool running) {
    stream.on(node).vp(6 + node, running ? traces::VpState::Running : traces::VpState::Suspended);
  }
  void fault(std::int64_t ms) { stream.at_ms(ms).on(0).add(traces::ev::FaultFired{}); }
  void phase(std::uint32_t node) {
    traces::ev::MigrationPhase event;
    event.job = 5;
    event.vm = 1;
    stream.on(node).add(event);
  }
  void starts() {
    traces::ev::MigrationStarted event;
    event.job = 5;
    event.vm = 1;
    event.target = 2;
    stream.on(1).add(event);
  }
  void finishes(std::uint32_t node, traces::MigrationOutcome outcome) {
    traces::ev::MigrationFinished event;
    event.job = 5;
    event.vm = 1;
    event.outcome = outcome;
    stream.on(node).add(event);
  }

  Finding after(std::int64_t ms) {
    stream.at_ms(ms);
    return stream.conclude();
  }

  EventStream stream;
};

TEST_F(Settles, WhatWasNeverDisturbedIsAtRest) {
  const Finding finding = after(500);
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.measured, "0.000 ms");
}

TEST_F(Settles, AMigrationThatIsOpenTooLongIsNamed) {
  fault(10);
  starts();
  phase(1);
  phase(2);
  EXPECT_EQ(after(110).verdict, Verdict::Unknown) << "there is time left";
  const Finding finding = after(111);
  EXPECT_EQ(finding.verdict, Verdict::Violated);
  EXPECT_THAT(finding.explanation, HasSubstr("migration 5 of VM 1 is open on alpha"));
}

TEST_F(Settles, AMigrationThatEndsInTimeIsMeasured) {
  fault(10);
  starts();
  phase(1);
  phase(2);
  stream.at_ms(40);
  finishes(1, traces::MigrationOutcome::Aborted);
  stream.at_ms(60);
  finishes(2, traces::MigrationOutcome::Aborted);
  const Finding finding = after(500);
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.measured, "50.000 ms");
}

TEST_F(Settles, ComingToRestTooLateIsAViolation) {
  fault(10);
  phase(1);
  stream.at_ms(150);
  finishes(1, traces::MigrationOutcome::Aborted);
  EXPECT_EQ(after(500).verdict, Verdict::Violated);
}

TEST_F(Settles, AnotherFaultGivesTimeAgain) {
  fault(10);
  phase(1);
  fault(150);
  stream.at_ms(200);
  finishes(1, traces::MigrationOutcome::Aborted);
  EXPECT_EQ(after(500).verdict, Verdict::Holds);
}

TEST_F(Settles, ATargetEndsByRunningTheVm) {
  fault(10);
  starts();
  phase(1);
  phase(2);
  runs(1, false);
  owner(2);
  vm(2, traces::VmState::Running);
  runs(2, true);
  finishes(1, traces::MigrationOutcome::Completed);
  EXPECT_EQ(after(500).verdict, Verdict::Holds);
}

TEST_F(Settles, AVmThatStandsStillIsNamed) {
  fault(10);
  runs(1, false);
  const Finding finding = after(500);
  EXPECT_EQ(finding.verdict, Verdict::Violated);
  EXPECT_THAT(finding.explanation, HasSubstr("VM 1 (web) does not run although its owner alpha"));
}

TEST_F(Settles, AVmThatEndedItselfIsAtRest) {
  fault(10);
  vm(1, traces::VmState::Stopping);
  runs(1, false);
  vm(1, traces::VmState::Off);
  EXPECT_EQ(after(500).verdict, Verdict::Holds);
}

TEST_F(Settles, AVmIsLostWithItsHost) {
  stream.at_ms(10).on(1).add(traces::ev::NodeKilled{});
  EXPECT_EQ(after(500).verdict, Verdict::Holds);
  stream.on(1).add(traces::ev::NodeRestarted{});
  vm(1, traces::VmState::Off);
  EXPECT_EQ(after(900).verdict, Verdict::Holds);
}

TEST_F(Settles, DoubtIsTheRuleOnlyWhileTheOtherHostIsDead) {
  starts();
  phase(1);
  runs(1, false);
  finishes(1, traces::MigrationOutcome::InDoubt);
  vm(1, traces::VmState::Critical);
  stream.at_ms(10).on(2).add(traces::ev::NodeKilled{});
  EXPECT_EQ(after(500).verdict, Verdict::Holds);
  stream.at_ms(510).on(2).add(traces::ev::NodeRestarted{});
  const Finding finding = after(900);
  EXPECT_EQ(finding.verdict, Verdict::Violated);
  EXPECT_THAT(finding.explanation, HasSubstr("is critical on alpha although the other host is up"));
}

TEST_F(Settles, AVmBetweenOnAndOffIsNamed) {
  fault(10);
  vm(1, traces::VmState::Stopping);
  EXPECT_THAT(after(500).explanation, HasSubstr("is neither on nor off on alpha"));
}

}  // namespace
}  // namespace checkers
