#include "sim/kernel/node.hpp"

#include <gtest/gtest.h>

#include "tests/sim/kernel/journal.hpp"

namespace sim {
namespace {

struct NodeTest : ::testing::Test, TestWorld {
  Node& node = world.add_node("host", "host");
};

TEST_F(NodeTest, TasksRunOnTheWorldsClock) {
  node.spawn("a", tick(node, journal, "a", 20_ns));
  node.spawn("b", tick(node, journal, "b", 30_ns));
  EXPECT_TRUE(world.run_until(Time{50}));
  EXPECT_EQ(journal.lines, (Lines{"20 a", "30 b", "40 a"}));
  EXPECT_EQ(world.now(), Time{50});
}

TEST_F(NodeTest, TheLimitOfARunIsIncluded) {
  node.spawn("a", tick(node, journal, "a", 20_ns));
  world.run_until(Time{20});
  EXPECT_EQ(journal.lines, (Lines{"20 a"}));
}

TEST_F(NodeTest, EventsOfOneInstantGoByNodeThenPathNotBySpawnOrder) {
  const auto run = [](bool reversed) {
    TestWorld test;
    Node& first = test.world.add_node("first", "host");
    Node& second = test.world.add_node("second", "host");
    std::vector<std::pair<Node*, std::string>> tasks;
    for (Node* each : {&first, &second}) {
      for (const char* name : {"p", "q", "r", "s"}) tasks.emplace_back(each, name);
    }
    if (reversed) std::reverse(tasks.begin(), tasks.end());
    for (auto& [each, name] : tasks) {
      each->spawn(name, tick(*each, test.journal, each->name() + name, 5_ns));
    }
    test.world.run_until(Time{20});
    return test.journal.lines;
  };
  const Lines lines = run(false);
  EXPECT_EQ(lines.size(), 32u);
  EXPECT_EQ(lines, run(true));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NE(lines[i].find("first"), std::string::npos);
}

TEST_F(NodeTest, SleepingIntoThePastWakesNow) {
  node.spawn("a", tick(node, journal, "a", 10_ns));
  world.run_until(Time{15});
  struct Local {
    static Task<> late(Node& node, Journal& journal) {
      co_await node.sleep_until(Time{3});
      co_await node.sleep(Duration{-7});
      journal.write(node.now(), "late");
    }
    static Task<> for_ever(Node& node, Journal& journal) {
      co_await node.sleep(Duration{INT64_MAX});
      journal.write(node.now(), "never");
    }
  };
  node.spawn("late", Local::late(node, journal));
  node.spawn("for ever", Local::for_ever(node, journal));
  world.run_until(Time{15});
  EXPECT_EQ(journal.lines, (Lines{"10 a", "15 late"}));
  EXPECT_TRUE(node.running("for ever"));
  EXPECT_FALSE(node.running("late"));
}

TEST_F(NodeTest, ATaskThatIsCancelledWithdrawsItsWaits) {
  node.spawn("a", 7, tick(node, journal, "a", 10_ns));
  world.run_until(Time{10});
  EXPECT_FALSE(node.cancel("a", 8));
  EXPECT_TRUE(node.cancel("a", 7));
  EXPECT_FALSE(node.cancel("a", 7));
  EXPECT_FALSE(world.run_until(kNever)) << "an event of the task is left";
  EXPECT_EQ(journal.lines.size(), 1u);
}

TEST_F(NodeTest, ATaskThatWasCancelledBeforeItsStartNeverStarts) {
  node.spawn("a", tick(node, journal, "a", 10_ns));
  EXPECT_TRUE(node.cancel("a"));
  EXPECT_FALSE(world.run_until(kNever));
  EXPECT_EQ(world.dispatched(), 0u);
}

TEST_F(NodeTest, ANameIsFreeAgainWhenItsTaskHasEnded) {
  int runs = 0;
  struct Local {
    static Task<> once(int& runs) {
      ++runs;
      co_return;
    }
  };
  for (int i = 0; i < 3; ++i) {
    node.spawn("once", Local::once(runs));
    world.run_until(world.now());
  }
  EXPECT_EQ(runs, 3);
}

// ---------------------------------------------------------------- death and restart

struct Fate final : NodeFate {
  Fate(Node& in_node, Journal& in_journal) : node(in_node), journal(in_journal) {
    node.follow(*this);
  }
  ~Fate() { node.unfollow(*this); }
  void node_killed() override { journal.write(node.now(), "killed"); }
  void node_restarted() override { journal.write(node.now(), "restarted"); }
  void node_paused() override { journal.write(node.now(), "paused"); }
  void node_resumed() override { journal.write(node.now(), "resumed"); }
  Node& node;
  Journal& journal;
};

/// Writes when it goes.
struct Thing {
  Thing(Node& in_node, Journal& in_journal, std::string in_name)
      : node(in_node), journal(in_journal), name(std::move(in_name)) {}
  ~Thing() { journal.write(node.now(), name + " gone"); }
  Node& node;
  Journal& journal;
  std::string name;
};

Task<> hold(Node& node, Journal& journal) {
  const Thing thing(node, journal, "local");
  co_await node.sleep(1_s);
}

TEST_F(NodeTest, DeathTakesTasksThenKeptObjectsNewestFirstThenTellsFates) {
  Fate fate(node, journal);
  node.emplace<Thing>(node, journal, "oldest");
  node.emplace<Thing>(node, journal, "newest");
  node.spawn("hold", hold(node, journal));
  world.run_until(Time{5});
  world.kill(node, "test");
  EXPECT_TRUE(node.alive()) << "a kill is an event";
  world.run_until(Time{5});
  EXPECT_FALSE(node.alive());
  EXPECT_EQ(journal.lines, (Lines{"5 local gone", "5 newest gone", "5 oldest gone", "5 killed"}));
  EXPECT_FALSE(world.run_until(kNever));
}

Task<> suicide(Node& node, Journal& journal) {
  const Thing thing(node, journal, "local");
  node.world().kill(node, "itself");
  journal.write(node.now(), "still here");
  co_await node.sleep(0_ns);
  journal.write(node.now(), "undead");
}

TEST_F(NodeTest, ATaskThatKillsItsNodeRunsUntilItWaits) {
  node.spawn("suicide", suicide(node, journal));
  world.run_until(kNever);
  EXPECT_EQ(journal.lines, (Lines{"0 still here", "0 local gone"}));
}

TEST_F(NodeTest, ADeadNodeIsSilent) {
  Timer timer(node, "timer", 0, [this] { journal.write(node.now(), "timer"); });
  timer.arm(Time{10});
  node.spawn("a", tick(node, journal, "a", 10_ns));
  world.kill(node, "test");
  world.run_until(Time{5});
  EXPECT_FALSE(timer.armed());
  EXPECT_EQ(timer.deadline(), kNever);
  timer.arm(Time{7});
  node.spawn("b", tick(node, journal, "b", 10_ns));
  EXPECT_FALSE(timer.armed());
  EXPECT_FALSE(node.running("b"));
  EXPECT_FALSE(world.run_until(kNever));
  EXPECT_TRUE(journal.lines.empty());
}

TEST_F(NodeTest, RestartBootsANewGeneration) {
  Fate fate(node, journal);
  Timer timer(node, "timer", 0, [this] { journal.write(node.now(), "timer"); });
  timer.arm(Time{30});
  world.on_restart(node, [this] { node.spawn("boot", tick(node, journal, "boot", 10_ns)); });
  world.run_until(Time{5});
  world.kill(node, "test");
  world.restart(node);
  world.run_until(Time{20});
  EXPECT_TRUE(node.alive());
  EXPECT_EQ(node.generation(), 2u);
  timer.arm(Time{24});
  world.run_until(Time{34});
  EXPECT_EQ(journal.lines, (Lines{"5 killed", "5 restarted", "15 boot", "24 timer", "25 boot"}));
}

TEST_F(NodeTest, WhatMakesNoSenseIsVoid) {
  Fate fate(node, journal);
  world.restart(node);
  world.resume(node);
  world.kill(node, "one");
  world.kill(node, "two");
  world.pause(node);
  world.run_until(kNever);
  EXPECT_EQ(journal.lines, (Lines{"0 killed"}));
  EXPECT_EQ(node.generation(), 1u);
  EXPECT_FALSE(node.paused());
}

/// A busy node: children, time-outs, mailboxes, timers. Killed after every number of events, it
/// leaves nothing behind. (The address sanitizer sees what this test cannot.)
struct Busy {
  explicit Busy(Node& in_node, int& in_alive)
      : node(in_node), alive(in_alive), timer(node, "beat", 0, [this] { beat(); }) {
    beat();
  }
  void beat() {
    box.put(Counted(alive));
    timer.arm(node.now() + 7_ns);
  }
  Node& node;
  int& alive;
  Counted member{alive};
  Mailbox<Counted> box;
  Signal done;
  Timer timer;
};

Task<bool> nap(Node& node, Busy& busy, Duration duration) {
  const Counted counted(busy.alive);
  co_return co_await busy.done.wait_until(node.now() + duration);
}

Task<> consumer(Node& node, Busy& busy) {
  const Counted counted(busy.alive);
  for (int i = 0; i < 12; ++i) {
    auto item = co_await busy.box.take_until(node.now() + 3_ns);
    if (!item) co_await nap(node, busy, 2_ns);
  }
  busy.done.raise();
}

TEST(NodeKill, AtEveryStepLeavesNothingBehind) {
  int steps = 0;
  for (bool ended = false; !ended; ++steps) {
    int alive = 0;
    TestWorld test;
    Node& node = test.world.add_node("host", "host");
    Node& killer = test.world.add_node("killer", "host");
    Busy& busy = node.emplace<Busy>(node, alive);
    for (std::uint64_t i = 0; i < 3; ++i) node.spawn("consumer", i, consumer(node, busy));
    // Kills between any two instants, with everything of that instant still to come.
    struct Local {
      static Task<> kill_at(Node& killer, Node& victim, Time when) {
        co_await killer.sleep_until(when);
        killer.world().kill(victim, "test");
      }
    };
    killer.spawn("kill", Local::kill_at(killer, node, Time{steps}));
    test.world.run_until(Time{steps - 1});
    ended = busy.done.raised();
    EXPECT_GT(alive, 0);
    test.world.run_until(Time{steps});
    EXPECT_EQ(alive, 0) << "killed at " << steps;
    EXPECT_FALSE(test.world.run_until(kNever)) << "killed at " << steps;
  }
  EXPECT_GT(steps, 40);
}

TEST(NodeKill, DestroyingAWorldInTheMiddleLeavesNothingBehind) {
  for (int when = 0; when < 60; ++when) {
    int alive = 0;
    {
      TestWorld test;
      Node& node = test.world.add_node("host", "host");
      Busy& busy = node.emplace<Busy>(node, alive);
      for (std::uint64_t i = 0; i < 3; ++i) node.spawn("consumer", i, consumer(node, busy));
      test.world.run_until(Time{when});
    }
    EXPECT_EQ(alive, 0);
  }
}

// ---------------------------------------------------------------- timers

TEST_F(NodeTest, ArmingATimerAgainReplacesItsDeadline) {
  Timer timer(node, "timer", 0, [this] { journal.write(node.now(), "timer"); });
  timer.arm(Time{10});
  timer.arm(Time{20});
  EXPECT_EQ(timer.deadline(), Time{20});
  world.run_until(Time{30});
  EXPECT_FALSE(timer.armed());
  timer.arm(Time{5});
  EXPECT_EQ(timer.deadline(), Time{30}) << "an instant in the past fires now";
  world.run_until(Time{30});
  timer.arm(Time{40});
  timer.disarm();
  timer.arm(kNever);
  EXPECT_FALSE(world.run_until(kNever));
  EXPECT_EQ(journal.lines, (Lines{"20 timer", "30 timer"}));
}

TEST_F(NodeTest, ATimerMayArmItselfWhenItFires) {
  int left = 3;
  Timer timer(node, "timer", 0, [&] {
    journal.write(node.now(), "timer");
    if (--left > 0) timer.arm(node.now() + 10_ns);
  });
  timer.arm(Time{10});
  world.run_until(kNever);
  EXPECT_EQ(journal.lines, (Lines{"10 timer", "20 timer", "30 timer"}));
}

TEST(Timer, MayOutliveItsWorld) {
  traces::Recorder recorder;
  auto world = std::make_unique<World>(WorldConfig{}, recorder);
  Timer timer(world->add_node("host", "host"), "timer", 0, [] {});
  timer.arm(Time{10});
  world.reset();
  EXPECT_FALSE(timer.armed());
  timer.arm(Time{10});
  EXPECT_FALSE(timer.armed());
}

using NodeDeathTest = NodeTest;

TEST_F(NodeDeathTest, TwoLiveTasksOfOneNameAreADefect) {
  node.spawn("a", 1, tick(node, journal, "a", 10_ns));
  EXPECT_DEATH(node.spawn("a", 1, tick(node, journal, "a", 10_ns)), "two live tasks");
}

Task<> cancels_itself(Node& node) {
  node.cancel("self");
  co_return;
}

TEST_F(NodeDeathTest, ATaskThatCancelsItselfIsADefect) {
  node.spawn("self", cancels_itself(node));
  EXPECT_DEATH(world.run_until(kNever), "cancelled itself");
}

}  // namespace
}  // namespace sim
