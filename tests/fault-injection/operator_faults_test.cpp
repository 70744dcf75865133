// Verbs that operators give twice, against each other and in the wrong order are jobs like any
// other: carried out or refused, and the VM lives on.
#include <gtest/gtest.h>

#include "tests/fault-injection/played.hpp"

namespace faults::testing {
namespace {

using namespace sim::literals;
using checkers::Verdict;

FaultLine during(const char* fault, const char* phase) {
  return FaultLine(fault, "web").when("migration.phase", {{"phase", phase}});
}

void expect_alive_on(const Played& played, const char* host) {
  EXPECT_EQ(played.violations(), "") << played.story();
  EXPECT_GT(played.count("heartbeat 1", sim::Time{550'000'000}), 0U) << played.story();
  EXPECT_EQ(played.count("vm.state beta 1 running") != 0, std::string(host) == "beta")
      << played.story();
  EXPECT_FALSE(played.has("vm.state alpha 1 off stop-vm"));
  EXPECT_EQ(played.verdict("twin-equal"), Verdict::Holds);
}

TEST(CancelMigration, LeavesTheVmWhereItWas) {
  for (const char* phase : {"preflight", "setup", "precopy", "stop_and_copy"}) {
    const Played played = play(two_vms(), {during("cancel-migration", phase)});
    SCOPED_TRACE(phase);
    EXPECT_TRUE(played.has("migration.finished alpha aborted cancelled by the operator"))
        << played.story();
    EXPECT_TRUE(played.has("verb.finished cancel-vm-migration completed"));
    EXPECT_TRUE(played.has("verb.finished move-vm failed cancelled by the operator"));
    expect_alive_on(played, "alpha");
  }
}

TEST(CancelMigration, IsRefusedOnceTheDisksAreHandedOver) {
  for (const char* phase : {"handover", "commit"}) {
    const Played played = play(two_vms(), {during("cancel-migration", phase)});
    SCOPED_TRACE(phase);
    EXPECT_TRUE(played.has("verb.finished cancel-vm-migration refused the migration can no longer"))
        << played.story();
    expect_alive_on(played, "beta");
  }
}

TEST(CancelMigration, AtAnyInstantLeavesTheVmOnOneHost) {
  int cancelled = 0;
  int moved = 0;
  for (int i = 0; i < 30; ++i) {
    const Played played =
        play(two_vms(true, "model: worker"),
             {FaultLine("cancel-migration", "web").at(60_ms + sim::Duration{i * 400'000})});
    if (played.verdict("faults-struck") != Verdict::Holds) continue;
    const bool completed = played.has("migration.finished alpha completed");
    (completed ? moved : cancelled) += 1;
    SCOPED_TRACE(i);
    expect_alive_on(played, completed ? "beta" : "alpha");
  }
  EXPECT_GT(cancelled, 3);
}

TEST(CancelMigration, ThatIsNotUnderWayDoesNotStrike) {
  const Played played =
      play(two_vms(true, "model: worker"), {FaultLine("cancel-migration", "web").at(20_ms)});
  EXPECT_EQ(played.verdict("faults-struck"), Verdict::Unknown);
}

TEST(StopWhileMoving, IsRefusedAndTheMigrationCompletes) {
  const Played played = play(two_vms(), {during("stop-while-moving", "precopy")});
  EXPECT_TRUE(played.has("verb.finished stop-vm refused another job works on the VM"))
      << played.story();
  expect_alive_on(played, "beta");
}

TEST(MoveWhileMoving, IsRefusedAndTheMigrationCompletes) {
  const Played played = play(two_vms(), {during("move-while-moving", "precopy")});
  EXPECT_TRUE(played.has("verb.finished move-vm refused another job works on the VM"))
      << played.story();
  expect_alive_on(played, "beta");
}

TEST(DoubleVerb, OfAMigrationIsRefusedWhileItRunsAndAfterwards) {
  const Played during_it = play(two_vms(), {during("double-verb", "precopy")});
  EXPECT_TRUE(during_it.has("verb.finished move-vm refused another job")) << during_it.story();
  expect_alive_on(during_it, "beta");
  const Played after_it = play(two_vms(), {FaultLine("double-verb", "web").at(300_ms)});
  EXPECT_TRUE(after_it.has("verb.finished move-vm refused the VM is on that host already"))
      << after_it.story();
  expect_alive_on(after_it, "beta");
}

/// The twin must not take the second migration for the timeline's.
TEST(DoubleVerb, OfAFailedMigrationMovesTheVmAfterAll) {
  const Played played = play(two_vms(), {during("cancel-migration", "precopy"),
                                         FaultLine("double-verb", "web").at(300_ms)});
  EXPECT_TRUE(played.has("verb.finished cancel-vm-migration completed")) << played.story();
  EXPECT_EQ(played.verdict("twin-equal"), Verdict::Holds);
  EXPECT_EQ(played.violations(), "");
}

TEST(DoubleVerb, DoesNotStrikeBeforeTheVmExists) {
  const Played played = play(two_vms(), {FaultLine("double-verb", "web").at(100_us)});
  EXPECT_EQ(played.verdict("faults-struck"), Verdict::Unknown);
  expect_alive_on(played, "beta");
}

TEST(WrongOrder, IsRefused) {
  const Played played = play(two_vms(), {FaultLine("wrong-order", "web").at(30_ms),
                                         FaultLine("wrong-order", "web").at(300_ms)});
  EXPECT_EQ(played.count("verb.finished new-vm refused"), 2U) << played.story();
  EXPECT_EQ(played.count("verb.finished start-vm refused the VM is not off"), 2U);
  expect_alive_on(played, "beta");
}

}  // namespace
}  // namespace faults::testing
