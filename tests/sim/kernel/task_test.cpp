#include "sim/kernel/task.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

#include "tests/sim/kernel/journal.hpp"

namespace sim {
namespace {

struct TaskTest : ::testing::Test, TestWorld {
  Node& node = world.add_node("host", "host");
};

Task<int> doubled(Node& node, int value) {
  co_await node.sleep(1_ms);
  co_return value * 2;
}

Task<> double_thrice(Node& node, int& result) {
  int value = 1;
  for (int i = 0; i < 3; ++i) value = co_await doubled(node, value);
  result = value;
}

TEST_F(TaskTest, ChildTasksReturnTheirValues) {
  int result = 0;
  node.spawn("double", double_thrice(node, result));
  EXPECT_FALSE(world.run_until(kNever));
  EXPECT_EQ(result, 8);
  EXPECT_EQ(world.now(), Time{3'000'000});
}

TEST_F(TaskTest, ATaskIsLazy) {
  int result = 0;
  { Task<> never_awaited = double_thrice(node, result); }
  world.run_until(Time{1'000'000'000});
  EXPECT_EQ(result, 0);
}

Task<std::unique_ptr<int>> boxed(int value) { co_return std::make_unique<int>(value); }

Task<> unbox(int& result) { result = *co_await boxed(5); }

TEST_F(TaskTest, ResultsNeedNotBeCopyable) {
  int result = 0;
  node.spawn("unbox", unbox(result));
  world.run_until(Time{0});
  EXPECT_EQ(result, 5);
}

Task<int> one() { co_return 1; }

Task<> sum_of(int children, int& sum) {
  for (int i = 0; i < children; ++i) sum += co_await one();
}

TEST_F(TaskTest, AMillionChildrenOneAfterAnotherAreSafe) {
  int sum = 0;
  node.spawn("sum", sum_of(1'000'000, sum));
  world.run_until(Time{0});
  EXPECT_EQ(sum, 1'000'000);
  EXPECT_EQ(world.dispatched(), 1u) << "children that do not wait cost no events";
}

Task<int> depth(Node& node, int levels, int& alive) {
  const Counted counted(alive);
  if (levels == 0) {
    co_await node.sleep(1_ms);
    co_return 0;
  }
  co_return 1 + co_await depth(node, levels - 1, alive);
}

Task<> dive(Node& node, int levels, int& result, int& alive) {
  result = co_await depth(node, levels, alive);
}

TEST_F(TaskTest, AMillionNestedChildrenReturnSafely) {
  int result = 0, alive = 0;
  node.spawn("dive", dive(node, 1'000'000, result, alive));
  world.run_until(Time{0});
  EXPECT_EQ(alive, 1'000'001);
  world.run_until(Time{1'000'000});
  EXPECT_EQ(result, 1'000'000);
  EXPECT_EQ(alive, 0);
}

TEST_F(TaskTest, AMillionNestedChildrenAreKilledSafely) {
  int result = 0, alive = 0;
  node.spawn("dive", dive(node, 1'000'000, result, alive));
  world.run_until(Time{0});
  world.kill(node, "test");
  world.run_until(kNever);
  EXPECT_EQ(result, 0);
  EXPECT_EQ(alive, 0);
}

class Named {
 public:
  Named(Lines& order, std::string name) : order_(order), name_(std::move(name)) {}
  ~Named() { order_.push_back(name_); }

 private:
  Lines& order_;
  std::string name_;
};

Task<> inner(Node& node, Lines& order) {
  const Named first(order, "inner first");
  const Named second(order, "inner second");
  co_await node.sleep(1_s);
}

Task<> outer(Node& node, Lines& order) {
  const Named local(order, "outer");
  co_await inner(node, order);
}

TEST_F(TaskTest, ATaskIsDestroyedInnermostFirst) {
  Lines order;
  node.spawn("outer", outer(node, order));
  world.run_until(Time{0});
  EXPECT_TRUE(node.cancel("outer"));
  EXPECT_EQ(order, (Lines{"inner second", "inner first", "outer"}));
}

/// Arguments, locals and results exactly once, whatever the compiler's habits.
Task<Counted> pass_through(Node& node, Counted by_value) {
  co_await node.sleep(1_ns);
  co_return by_value;
}

Task<> pass_around(Node& node, int& alive) {
  const Counted local(alive);
  const Counted copy = co_await pass_through(node, local);
  EXPECT_EQ(alive, 2);
  co_await node.sleep(1_ns);
}

TEST_F(TaskTest, ValuesAreDestroyedExactlyOnce) {
  int alive = 0;
  node.spawn("pass", pass_around(node, alive));
  world.run_until(kNever);
  EXPECT_EQ(alive, 0);
}

Task<> throws(Node& node, int& alive) {
  const Counted counted(alive);
  co_await node.sleep(1_ns);
  throw std::runtime_error("no such thing");
}

Task<> awaits_thrower(Node& node, int& alive) {
  const Counted counted(alive);
  co_await throws(node, alive);
}

TEST_F(TaskTest, AnExceptionLeavesTheWorldAndNothingLeaks) {
  int alive = 0;
  {
    TestWorld other;
    Node& elsewhere = other.world.add_node("host", "host");
    elsewhere.spawn("awaits", awaits_thrower(elsewhere, alive));
    EXPECT_THROW(other.world.run_until(kNever), std::runtime_error);
    EXPECT_EQ(alive, 1) << "the thrower has unwound, its parent still stands";
  }
  EXPECT_EQ(alive, 0);
}

Task<> catches(Node& node, Journal& journal) {
  try {
    co_await node.sleep(1_ns);
    throw std::runtime_error("caught");
  } catch (const std::runtime_error& error) {
    journal.write(node.now(), error.what());
  }
}

TEST_F(TaskTest, ATaskMayCatchWhatItThrows) {
  node.spawn("catches", catches(node, journal));
  world.run_until(kNever);
  EXPECT_EQ(journal.lines, (Lines{"1 caught"}));
}

using TaskDeathTest = TaskTest;

Task<> awaits_nothing() {
  Task<> empty;
  co_await std::move(empty);
}

TEST_F(TaskDeathTest, AwaitingAnEmptyTaskIsADefect) {
  node.spawn("empty", awaits_nothing());
  EXPECT_DEATH(world.run_until(kNever), "an empty task was awaited");
}

}  // namespace
}  // namespace sim
