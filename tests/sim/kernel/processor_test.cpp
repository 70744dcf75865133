#include "sim/kernel/processor.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "tests/sim/kernel/journal.hpp"

namespace sim {
namespace {

/// Executes instructions of a fixed length; after each, a function of the test may act.
class FakeProcessor final : public Processor, public NodeFate {
 public:
  FakeProcessor(Node& in_node, std::uint64_t order, Duration length)
      : node(in_node), length_(length) {
    node.world().add_processor(*this, node, order);
    node.follow(*this);
  }
  ~FakeProcessor() override { node.unfollow(*this); }

  void start() {
    clock_ = std::max(clock_, node.world().now());
    node.world().set_runnable(*this, true);
  }
  void halt() {
    halted_ = true;
    node.world().set_runnable(*this, false);
  }

  Time local_time() const override { return clock_; }
  void run_to(Time limit) override {
    limit_ = limit;
    halted_ = false;
    longest_run = std::max(longest_run, limit - clock_);
    while (clock_ < limit_ && !halted_) {
      clock_ = clock_ + length_;
      ++instructions;
      if (on_instruction) on_instruction();
    }
  }
  void lower_limit(Time limit) override { limit_ = std::min(limit_, limit); }
  void node_killed() override {}
  void node_resumed() override { clock_ = std::max(clock_, node.world().now()); }

  Node& node;
  std::function<void()> on_instruction;
  int instructions = 0;
  Duration longest_run{};

 private:
  Duration length_;
  Time clock_{};
  Time limit_{};
  bool halted_ = false;
};

struct ProcessorTest : ::testing::Test, TestWorld {
  Node& node = world.add_node("host", "host");
};

struct Callback final : Wakeable {
  explicit Callback(std::function<void()> in_what) : what(std::move(in_what)) {}
  void wake() override { what(); }
  std::function<void()> what;
};

TEST_F(ProcessorTest, RunsOnlyWhileItIsRunnable) {
  FakeProcessor processor(node, 0, 10_ns);
  EXPECT_FALSE(world.run_until(Time{100}));
  EXPECT_EQ(processor.instructions, 0);
  processor.start();
  EXPECT_TRUE(world.run_until(Time{200}));
  EXPECT_EQ(processor.instructions, 10) << "its clock starts when it becomes runnable";
  processor.halt();
  EXPECT_FALSE(world.run_until(Time{300}));
  EXPECT_EQ(processor.instructions, 10);
}

TEST_F(ProcessorTest, NoEventHappensWhileAProcessorIsBehindIt) {
  FakeProcessor a(node, 0, 7_ns);
  FakeProcessor b(node, 1, 13_ns);
  int checks = 0;
  Timer timer(node, "timer", 0, [&] {
    ++checks;
    EXPECT_GE(a.local_time(), world.now());
    EXPECT_GE(b.local_time(), world.now());
    EXPECT_LT(a.local_time(), world.now() + 7_ns);
    EXPECT_LT(b.local_time(), world.now() + 13_ns);
    timer.arm(world.now() + 100_ns);
  });
  timer.arm(Time{50});
  a.start();
  b.start();
  world.run_until(Time{1'000});
  EXPECT_EQ(checks, 10);
}

TEST_F(ProcessorTest, RunsAheadOfTheSlowestByNoMoreThanTheWindow) {
  FakeProcessor a(node, 0, 10_ns);
  FakeProcessor b(node, 1, 10_ns);
  Duration lead{};
  const auto measure = [&] {
    const Time early = std::min(a.local_time(), b.local_time());
    const Time late = std::max(a.local_time(), b.local_time());
    lead = std::max(lead, late - early);
  };
  a.on_instruction = b.on_instruction = measure;
  a.start();
  b.start();
  world.run_until(Time{200'000});
  EXPECT_EQ(lead, Duration{10'000});
  EXPECT_EQ(a.instructions, 20'000);
  EXPECT_EQ(b.instructions, 20'000);
}

TEST_F(ProcessorTest, ALoneProcessorNeedsNoWindow) {
  FakeProcessor a(node, 0, 10_ns);
  FakeProcessor sleeping(node, 1, 10_ns);
  a.start();
  world.run_until(Time{1'000'000});
  EXPECT_EQ(a.longest_run, Duration{1'000'000});
}

TEST_F(ProcessorTest, TheTimeInsideARunIsTheProcessors) {
  FakeProcessor processor(node, 0, 10_ns);
  processor.on_instruction = [&] {
    journal.write(world.now(), "instruction");
    EXPECT_EQ(world.now(), processor.local_time());
  };
  processor.start();
  world.run_until(Time{30});
  EXPECT_EQ(journal.lines, (Lines{"10 instruction", "20 instruction", "30 instruction"}));
}

TEST_F(ProcessorTest, AnEventThatAProcessorSchedulesStopsItsRun) {
  FakeProcessor processor(node, 0, 10_ns);
  Timer timer(node, "timer", 0, [&] {
    journal.write(world.now(), "timer after " + std::to_string(processor.instructions));
  });
  processor.on_instruction = [&] {
    if (processor.instructions == 5) timer.arm(world.now() + 15_ns);
    if (processor.instructions == 20) timer.arm(world.now());
  };
  processor.start();
  world.run_until(Time{1'000});
  EXPECT_EQ(journal.lines, (Lines{"65 timer after 7", "200 timer after 20"}));
}

/// What the fast one does to the slow one becomes visible at the fast one's time, not before.
TEST_F(ProcessorTest, AnEventForAnotherProcessorWaitsUntilThatOneIsThere) {
  Node& second = world.add_node("second", "host");
  FakeProcessor fast(node, 0, 10_ns);
  FakeProcessor slow(second, 0, 10_ns);
  int seen_by_slow = 0;
  bool interrupted = false;
  Callback interrupt([&] {
    interrupted = true;
    seen_by_slow = slow.instructions;
  });
  fast.on_instruction = [&] {
    if (fast.instructions == 500) {
      EXPECT_EQ(slow.instructions, 0) << "the fast one runs first, up to the window";
      world.schedule({world.now() + 3_ns, second.id(), 0, 1}, interrupt);
    }
    if (fast.instructions <= 500) {
      EXPECT_FALSE(interrupted);
    }
  };
  fast.start();
  slow.start();
  world.run_until(Time{20'000});
  EXPECT_TRUE(interrupted);
  EXPECT_EQ(seen_by_slow, 501) << "5003 ns, rounded up to whole instructions";
}

TEST_F(ProcessorTest, AProcessorThatIsStartedByAnotherIsNotLeftBehind) {
  FakeProcessor boot(node, 0, 10_ns);
  FakeProcessor second(node, 1, 10_ns);
  boot.on_instruction = [&] {
    if (boot.instructions == 100) second.start();
    if (second.local_time() > Time{}) {
      EXPECT_LE(boot.local_time() - second.local_time(), Duration{10'000});
    }
  };
  boot.start();
  world.run_until(Time{100'000});
  EXPECT_EQ(second.instructions, 10'000 - 100);
}

TEST_F(ProcessorTest, EqualClocksGoByNodeThenOrder) {
  Node& second = world.add_node("second", "host");
  FakeProcessor d(second, 1, 10'000_ns);
  FakeProcessor b(node, 7, 10'000_ns);
  FakeProcessor c(second, 0, 10'000_ns);
  FakeProcessor a(node, 3, 10'000_ns);
  const std::pair<FakeProcessor*, const char*> all[] = {{&d, "d"}, {&b, "b"}, {&c, "c"}, {&a, "a"}};
  for (const auto& [processor, name] : all) {
    processor->on_instruction = [this, name = name] { journal.write(world.now(), name); };
    processor->start();
  }
  world.run_until(Time{10'000});
  world.run_until(Time{20'000});
  EXPECT_EQ(journal.lines, (Lines{"10000 a", "10000 b", "10000 c", "10000 d",  //
                                  "20000 a", "20000 b", "20000 c", "20000 d"}));
}

TEST_F(ProcessorTest, AKillFromInsideARunTakesEffectAfterIt) {
  FakeProcessor processor(node, 0, 10_ns);
  processor.on_instruction = [&] {
    if (processor.instructions == 5) world.kill(node, "guest");
    EXPECT_TRUE(node.alive());
  };
  processor.start();
  EXPECT_FALSE(world.run_until(Time{1'000}));
  EXPECT_FALSE(node.alive());
  EXPECT_EQ(processor.instructions, 5);
}

TEST_F(ProcessorTest, AProcessorMayBeRemovedInsideItsOwnRun) {
  FakeProcessor processor(node, 0, 10_ns);
  FakeProcessor other(node, 1, 10_ns);
  processor.on_instruction = [&] {
    if (processor.instructions == 5) {
      world.remove_processor(processor);
      EXPECT_EQ(world.now(), Time{50}) << "until it returns, its clock is the world's";
    }
  };
  processor.start();
  other.start();
  world.run_until(Time{1'000});
  EXPECT_EQ(processor.instructions, 5);
  EXPECT_EQ(other.instructions, 100);
}

TEST_F(ProcessorTest, AProcessorThatStopsAndStartsInItsOwnRunGoesOn) {
  FakeProcessor processor(node, 0, 10_ns);
  processor.on_instruction = [&] {
    if (processor.instructions == 5) {
      processor.halt();
      processor.start();
    }
  };
  processor.start();
  world.run_until(Time{1'000});
  EXPECT_EQ(processor.instructions, 100);
}

TEST_F(ProcessorTest, ADestroyedProcessorHasLeftItsWorld) {
  {
    FakeProcessor processor(node, 0, 10_ns);
    processor.start();
  }
  EXPECT_FALSE(world.run_until(Time{100}));
}

TEST_F(ProcessorTest, StoppingTheWorldInsideARunStopsAtOnce) {
  FakeProcessor processor(node, 0, 10_ns);
  processor.on_instruction = [&] {
    if (processor.instructions == 5) world.stop("enough");
  };
  processor.start();
  world.run_until(Time{1'000});
  EXPECT_EQ(processor.instructions, 5);
  EXPECT_EQ(world.stop_reason(), "enough");
}

TEST_F(ProcessorTest, APausedNodeHoldsItsProcessors) {
  FakeProcessor processor(node, 0, 10_ns);
  processor.start();
  world.run_until(Time{100});
  world.pause(node);
  EXPECT_FALSE(world.run_until(Time{500}));
  EXPECT_EQ(processor.instructions, 10);
  world.resume(node);
  processor.on_instruction = [&] { journal.write(world.now(), "goes on"); };
  world.run_until(Time{510});
  EXPECT_EQ(journal.lines, (Lines{"510 goes on"}));
}

TEST_F(ProcessorTest, AHaltedProcessorIsWokenByAnEventAndItsClockNeverRunsBackwards) {
  FakeProcessor processor(node, 0, 30_ns);
  Timer timer(node, "timer", 0, [&] { processor.start(); });
  Time last{};
  processor.on_instruction = [&] {
    EXPECT_GE(world.now(), last + 30_ns);
    last = world.now();
    timer.arm(world.now() + 5_ns);
    processor.halt();
  };
  processor.start();
  world.run_until(Time{1'000});
  EXPECT_EQ(processor.instructions, 29) << "one every 35 ns";
}

using ProcessorDeathTest = ProcessorTest;

struct Lazy final : Processor {
  Time local_time() const override { return {}; }
  void run_to(Time) override {}
  void lower_limit(Time) override {}
};

TEST_F(ProcessorDeathTest, AProcessorThatDoesNotRunIsADefect) {
  Lazy lazy;
  world.add_processor(lazy, node, 0);
  world.set_runnable(lazy, true);
  EXPECT_DEATH(world.run_until(Time{10}), "stopped too early");
}

TEST_F(ProcessorDeathTest, AProcessorThatForgetsToSetItsClockIsADefect) {
  Lazy lazy;
  world.add_processor(lazy, node, 0);
  world.run_until(Time{10});
  world.set_runnable(lazy, true);
  EXPECT_DEATH(world.run_until(Time{20}), "runs in the past");
}

}  // namespace
}  // namespace sim
