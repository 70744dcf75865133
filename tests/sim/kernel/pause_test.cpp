#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "sim/kernel/node.hpp"
#include "tests/sim/kernel/journal.hpp"

namespace sim {
namespace {

struct PauseTest : ::testing::Test, TestWorld {
  Node& node = world.add_node("host", "host");
  Node& other = world.add_node("other", "host");
  void pause_between(std::int64_t from, std::int64_t to) {
    world.run_until(Time{from});
    world.pause(node);
    world.run_until(Time{to});
    world.resume(node);
  }
};

TEST_F(PauseTest, APausedNodeStandsStillAndOthersGoOn) {
  node.spawn("a", tick(node, journal, "a", 10_ns));
  other.spawn("b", tick(other, journal, "b", 15_ns));
  pause_between(12, 52);
  world.run_until(Time{63});
  EXPECT_EQ(journal.lines, (Lines{"10 a", "15 b", "30 b", "45 b", "52 a", "60 b", "62 a"}));
}

TEST_F(PauseTest, DeferredEventsKeepTheirOrder) {
  Timer timer(node, "timer", 0, [this] { journal.write(node.now(), "timer"); });
  timer.arm(Time{31});
  struct Local {
    static Task<> once(Node& node, Journal& journal, Time when, std::string name) {
      co_await node.sleep_until(when);
      journal.write(node.now(), name);
    }
  };
  Lines expected;
  for (int i = 0; i < 8; ++i) {
    const std::string name = std::to_string(20 + 2 * i);
    node.spawn(name, Local::once(node, journal, Time{20 + 2 * i}, name));
    expected.push_back("100 " + name);
    if (i == 5) expected.push_back("100 timer");
  }
  pause_between(15, 100);
  world.run_until(Time{100});
  EXPECT_EQ(journal.lines, expected);
}

TEST_F(PauseTest, ADeferredEventCanBeWithdrawn) {
  Timer timer(node, "timer", 0, [this] { journal.write(node.now(), "timer"); });
  timer.arm(Time{30});
  node.spawn("a", tick(node, journal, "a", 30_ns));
  pause_between(15, 100);
  EXPECT_TRUE(timer.armed());
  timer.disarm();
  EXPECT_TRUE(node.cancel("a"));
  EXPECT_FALSE(world.run_until(kNever));
  EXPECT_TRUE(journal.lines.empty());
}

TEST_F(PauseTest, ADeferredTimeOutYieldsToANotification) {
  Signal signal;
  struct Local {
    static Task<> wait(Node& node, Signal& signal, Journal& journal) {
      const bool raised = co_await signal.wait_until(Time{30});
      journal.write(node.now(), raised ? "raised" : "timed out");
    }
  };
  node.spawn("wait", Local::wait(node, signal, journal));
  world.run_until(Time{10});
  world.pause(node);
  world.run_until(Time{40});
  signal.raise();
  world.resume(node);
  EXPECT_FALSE(world.run_until(kNever));
  EXPECT_EQ(journal.lines, (Lines{"40 raised"}));
}

TEST_F(PauseTest, APausedNodeCanBeKilled) {
  struct Stranger final : Wakeable {
    Stranger(Node& in_node, Journal& in_journal) : node(in_node), journal(in_journal) {}
    void wake() override { journal.write(node.now(), node.alive() ? "alive" : "dead"); }
    Node& node;
    Journal& journal;
  };
  Stranger stranger(node, journal);
  world.schedule({Time{20}, node.id(), 0, 1}, stranger);
  node.spawn("a", tick(node, journal, "a", 10_ns));
  world.run_until(Time{5});
  world.pause(node);
  world.run_until(Time{30});
  EXPECT_TRUE(node.paused());
  world.kill(node, "test");
  EXPECT_FALSE(world.run_until(kNever));
  EXPECT_FALSE(node.paused());
  EXPECT_EQ(journal.lines, (Lines{"30 dead"})) << "what others scheduled is theirs to judge";
  world.restart(node);
  node.spawn("b", tick(node, journal, "b", 10_ns));
  world.run_until(Time{45});
  EXPECT_EQ(journal.lines.size(), 1u) << "the task was spawned before the restart took effect";
  node.spawn("c", tick(node, journal, "c", 10_ns));
  world.run_until(Time{55});
  EXPECT_EQ(journal.lines.back(), "55 c");
}

TEST_F(PauseTest, PauseAndResumeAtOneInstantChangeNothing) {
  const auto run = [](bool pauses) {
    TestWorld test;
    Node& node = test.world.add_node("host", "host");
    for (const char* name : {"p", "q", "r"}) {
      node.spawn(name, tick(node, test.journal, name, 10_ns));
    }
    test.world.run_until(Time{20});
    if (pauses) {
      test.world.pause(node);
      test.world.resume(node);
    }
    test.world.run_until(Time{50});
    return test.journal.lines;
  };
  EXPECT_EQ(run(true), run(false));
}

/// A node that only talks to itself cannot tell a pause from time that passed before it was there:
/// it does the same things in the same order, later.
RC_GTEST_PROP(Pause, OnlyShiftsWhatANodeDoesByItself, ()) {
  const auto periods =
      *rc::gen::container<std::vector<std::int64_t>>(3, rc::gen::inRange<std::int64_t>(1, 50));
  const auto paused_at = *rc::gen::inRange<std::int64_t>(0, 200);
  const auto paused_for = *rc::gen::inRange<std::int64_t>(1, 500);
  struct Local {
    static Task<> relay(Node& node, Journal& journal, std::vector<std::int64_t> periods) {
      for (int round = 0; round < 20; ++round) {
        for (const std::int64_t period : periods) {
          co_await node.sleep(Duration{period});
          journal.write(node.now(), std::to_string(round));
        }
      }
    }
    static Lines names_of(const Lines& lines) {
      Lines names;
      for (const std::string& line : lines) names.push_back(line.substr(line.find(' ')));
      return names;
    }
  };
  TestWorld plain, paused;
  for (TestWorld* test : {&plain, &paused}) {
    Node& node = test->world.add_node("host", "host");
    node.spawn("relay", Local::relay(node, test->journal, periods));
    if (test == &paused) {
      test->world.run_until(Time{paused_at});
      test->world.pause(node);
      test->world.run_until(Time{paused_at + paused_for});
      test->world.resume(node);
    }
    test->world.run_until(Time{100'000});
  }
  RC_ASSERT(Local::names_of(plain.journal.lines) == Local::names_of(paused.journal.lines));
}

}  // namespace
}  // namespace sim
