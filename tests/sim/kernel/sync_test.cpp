#include "sim/kernel/sync.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

#include "tests/sim/kernel/journal.hpp"

namespace sim {
namespace {

struct SyncTest : ::testing::Test, TestWorld {
  Signal signal;
  Mailbox<int> box;
  Node& node = world.add_node("host", "host");
};

Task<> wait(Node& node, Signal& signal, Journal& journal, std::string name, Time deadline) {
  const bool raised = co_await signal.wait_until(deadline);
  journal.write(node.now(), name + (raised ? " raised" : " timed out"));
}

TEST_F(SyncTest, ARaisedSignalIsNotWaitedFor) {
  signal.raise();
  node.spawn("a", wait(node, signal, journal, "a", kNever));
  world.run_until(Time{0});
  EXPECT_EQ(journal.lines, (Lines{"0 a raised"}));
  EXPECT_EQ(world.dispatched(), 1u);
}

TEST_F(SyncTest, ARaiseWakesAllWhoWaitNow) {
  node.spawn("a", wait(node, signal, journal, "a", kNever));
  node.spawn("b", wait(node, signal, journal, "b", Time{100}));
  world.run_until(Time{50});
  signal.raise();
  EXPECT_TRUE(journal.lines.empty()) << "never inside the caller";
  EXPECT_FALSE(world.run_until(Time{200})) << "the time-out was not withdrawn";
  EXPECT_EQ(std::multiset<std::string>(journal.lines.begin(), journal.lines.end()),
            (std::multiset<std::string>{"50 a raised", "50 b raised"}));
}

TEST_F(SyncTest, AWaitEndsAtItsDeadline) {
  node.spawn("a", wait(node, signal, journal, "a", Time{100}));
  world.run_until(Time{200});
  signal.raise();
  EXPECT_FALSE(world.run_until(Time{300}));
  EXPECT_EQ(journal.lines, (Lines{"100 a timed out"}));
}

TEST_F(SyncTest, ADeadlineInThePastTimesOutNow) {
  world.run_until(Time{50});
  node.spawn("a", wait(node, signal, journal, "a", Time{10}));
  world.run_until(Time{60});
  EXPECT_EQ(journal.lines, (Lines{"50 a timed out"}));
}

TEST_F(SyncTest, APulseIsSeenByWhoWaitedForIt) {
  node.spawn("a", wait(node, signal, journal, "a", Time{100}));
  world.run_until(Time{50});
  signal.raise();
  signal.reset();
  node.spawn("b", wait(node, signal, journal, "b", Time{100}));
  world.run_until(Time{200});
  EXPECT_EQ(journal.lines, (Lines{"50 a raised", "100 b timed out"}));
}

/// Whether the raise or the deadline of one instant comes first is decided by the event order; the
/// task is woken once and told the truth.
TEST_F(SyncTest, RaiseAndDeadlineAtOneInstantWakeOnce) {
  struct Local {
    static Task<> raise(Node& node, Signal& signal) {
      co_await node.sleep_until(Time{100});
      signal.raise();
    }
  };
  Node& before = *world.find_node("host");
  Node& after = world.add_node("after", "host");
  Signal other;
  before.spawn("raise", Local::raise(before, signal));
  after.spawn("waits", wait(after, signal, journal, "waits", Time{100}));
  after.spawn("raise", Local::raise(after, other));
  before.spawn("waits", wait(before, other, journal, "waits", Time{100}));
  world.run_until(kNever);
  EXPECT_EQ(journal.lines, (Lines{"100 waits timed out", "100 waits raised"}));
}

// ---------------------------------------------------------------- mailboxes

Task<> take(Node& node, Mailbox<int>& box, Journal& journal, std::string name, Time deadline) {
  const std::optional<int> item = co_await box.take_until(deadline);
  journal.write(node.now(), name + " " + (item ? std::to_string(*item) : "nothing"));
}

TEST_F(SyncTest, AMailboxKeepsItsOrder) {
  for (int i : {1, 2, 3}) box.put(i);
  EXPECT_EQ(box.size(), 3u);
  EXPECT_EQ(box.try_take(), 1);
  node.spawn("a", take(node, box, journal, "a", kNever));
  world.run_until(Time{0});
  EXPECT_EQ(journal.lines, (Lines{"0 a 2"}));
  box.clear();
  EXPECT_EQ(box.try_take(), std::nullopt);
}

TEST_F(SyncTest, ReceiversAreServedInTheOrderInWhichTheyCame) {
  // Names whose paths sort otherwise would show an order by path.
  const Lines names = {"e", "b", "d", "a", "c"};
  for (const std::string& name : names) {
    node.spawn(name, take(node, box, journal, name, kNever));
    world.run_until(world.now() + 1_ns);
  }
  Lines expected;
  for (int i = 0; i < 5; ++i) {
    box.put(i);
    world.run_until(world.now() + 1_ns);
    expected.push_back(std::to_string(5 + i) + " " + names[static_cast<std::size_t>(i)] + " " +
                       std::to_string(i));
  }
  EXPECT_EQ(journal.lines, expected);
}

TEST_F(SyncTest, OneItemWakesOneReceiver) {
  node.spawn("a", take(node, box, journal, "a", Time{10}));
  world.run_until(Time{1});
  node.spawn("b", take(node, box, journal, "b", Time{10}));
  world.run_until(Time{2});
  box.put(7);
  world.run_until(kNever);
  EXPECT_EQ(journal.lines, (Lines{"2 a 7", "10 b nothing"}));
}

TEST_F(SyncTest, AQuickerReceiverLeavesTheWokenOneEmptyHanded) {
  node.spawn("a", take(node, box, journal, "a", kNever));
  world.run_until(Time{1});
  box.put(7);
  EXPECT_EQ(box.try_take(), 7);
  world.run_until(Time{2});
  EXPECT_EQ(journal.lines, (Lines{"1 a nothing"}));
}

TEST_F(SyncTest, AReceiverThatDiesBetweenWakingAndTakingPassesTheItemOn) {
  node.spawn("a", take(node, box, journal, "a", kNever));
  world.run_until(Time{1});
  node.spawn("b", take(node, box, journal, "b", kNever));
  world.run_until(Time{2});
  box.put(7);
  node.cancel("a");
  world.run_until(Time{3});
  EXPECT_EQ(journal.lines, (Lines{"2 b 7"}));
}

TEST_F(SyncTest, ATaskThatWaitsOnADestroyedListNeverWakes) {
  auto gone = std::make_unique<Signal>();
  auto notified = std::make_unique<Signal>();
  node.spawn("a", wait(node, *gone, journal, "a", Time{10}));
  node.spawn("b", wait(node, *notified, journal, "b", Time{10}));
  world.run_until(Time{1});
  notified->raise();
  gone.reset();
  notified.reset();
  EXPECT_FALSE(world.run_until(kNever));
  EXPECT_TRUE(journal.lines.empty());
  EXPECT_TRUE(node.cancel("a"));
}

/// Receivers that come, time out, are cancelled; items that are put at any time: no item is lost,
/// none is taken twice, and no receiver waits while items lie there.
Task<> collect(Node& node, Mailbox<int>& box, std::vector<int>& taken, Duration patience) {
  for (;;) {
    const std::optional<int> item = co_await box.take_until(node.now() + patience);
    if (item) taken.push_back(*item);
  }
}

RC_GTEST_PROP(Mailbox, NeitherLosesNorDoublesNorForgets, ()) {
  TestWorld test;
  Mailbox<int> box;
  std::vector<int> taken;
  Node& node = test.world.add_node("host", "host");
  int items = 0;
  const auto script = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 12));
  for (const int action : script) {
    const auto key = static_cast<std::uint64_t>(action % 4);
    if (action < 4) {
      box.put(items++);
    } else if (action < 8) {
      if (!node.running("collect", key)) {
        const Duration patience{static_cast<std::int64_t>(key) * 5 + 1};
        node.spawn("collect", key, collect(node, box, taken, patience));
      }
    } else if (action < 10) {
      node.cancel("collect", key);
    } else {
      test.world.run_until(test.world.now() + Duration{action});
      bool any = false;
      for (std::uint64_t i = 0; i < 4; ++i) any |= node.running("collect", i);
      RC_ASSERT(!any || box.empty());
    }
  }
  while (auto rest = box.try_take()) taken.push_back(*rest);
  std::vector<int> sorted = taken;
  std::sort(sorted.begin(), sorted.end());
  RC_ASSERT(static_cast<int>(sorted.size()) == items);
  RC_ASSERT(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
  RC_ASSERT(sorted == taken);  // and in the order in which they were put
}

}  // namespace
}  // namespace sim
