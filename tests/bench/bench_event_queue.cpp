// What one event of the world costs, against the least that any discrete-event simulator pays: a
// std::priority_queue of a time and a payload, with nothing to wake.
//
//   bare       pop and push on std::priority_queue
//   queue      pop and push on sim::EventQueue: full keys, handles, withdrawal
//   sleepers   World with n coroutines in n sleeps; one event resumes one of them, which sleeps on
//   crowd      the same, but one coroutine runs and n others have far deadlines
//
// The argument is the number of pending events. Delays are drawn alike everywhere, outside the
// world's own random streams, so that all pay the same for them.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <queue>
#include <vector>

#include "sim/kernel/event_queue.hpp"
#include "sim/kernel/world.hpp"

namespace {

/// A cheap generator: its cost is part of every variant.
class Delays {
 public:
  std::int64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::int64_t>(state_ & 0xffff'ffff) + 1;
  }

 private:
  std::uint64_t state_ = 0x2545'f491'4f6c'dd1d;
};

struct BareEvent {
  std::int64_t time;
  std::uint64_t payload;
  std::uint64_t more;
  friend bool operator<(const BareEvent& a, const BareEvent& b) { return a.time > b.time; }
};

void bare(benchmark::State& state) {
  Delays delays;
  std::priority_queue<BareEvent> queue;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    queue.push({delays.next(), static_cast<std::uint64_t>(i), 0});
  }
  for (auto _ : state) {
    BareEvent event = queue.top();
    queue.pop();
    event.time += delays.next();
    queue.push(event);
  }
}
BENCHMARK(bare)->Arg(10'000)->Arg(100'000)->Arg(1'000'000);

struct Nothing final : sim::Wakeable {
  void wake() override {}
};

void queue(benchmark::State& state) {
  Delays delays;
  sim::EventQueue queue;
  Nothing nothing;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    const auto path = static_cast<std::uint64_t>(i) * 0x9e37'79b9'7f4a'7c15;
    queue.push({sim::Time{delays.next()}, sim::NodeId{1}, 0, path}, nothing);
  }
  for (auto _ : state) {
    sim::EventKey key = queue.pop().key;
    key.time.ns += delays.next();
    ++key.sequence;
    queue.push(key, nothing);
  }
}
BENCHMARK(queue)->Arg(10'000)->Arg(100'000)->Arg(1'000'000);

/// The world's clock goes on by as much as holds this many events on average, so that entering and
/// leaving run_until is not what is measured.
constexpr std::uint64_t kBatch = 256;

sim::Task<> sleeper(sim::Node& node, Delays& delays) {
  for (;;) co_await node.sleep(sim::Duration{delays.next()});
}

sim::Task<> bystander(sim::Node& node, Delays& delays) {
  co_await node.sleep(sim::Duration{INT64_MAX / 2 + delays.next()});
}

void run(benchmark::State& state, std::int64_t sleepers, std::int64_t bystanders) {
  Delays delays;
  traces::Recorder recorder;
  sim::World world(sim::WorldConfig{}, recorder);
  sim::Node& node = world.add_node("host", "host");
  for (std::int64_t i = 0; i < sleepers; ++i) {
    node.spawn("sleeper", static_cast<std::uint64_t>(i), sleeper(node, delays));
  }
  for (std::int64_t i = 0; i < bystanders; ++i) {
    node.spawn("bystander", static_cast<std::uint64_t>(i), bystander(node, delays));
  }
  // Until the delays have spread: two of the longest.
  world.run_until(sim::Time{sleepers > 1 ? std::int64_t{1} << 33 : 0});
  // Steps of the clock that hold kBatch events on average.
  const std::int64_t step = (std::int64_t{1} << 31) / sleepers * static_cast<std::int64_t>(kBatch);
  std::uint64_t events = 0;
  while (state.KeepRunningBatch(static_cast<std::int64_t>(kBatch))) {
    const std::uint64_t before = world.dispatched();
    world.run_until(world.now() + sim::Duration{step});
    events += world.dispatched() - before;
  }
  state.counters["s_per_event"] = benchmark::Counter(
      static_cast<double>(events), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void sleepers(benchmark::State& state) { run(state, state.range(0), 0); }
BENCHMARK(sleepers)->Arg(10'000)->Arg(100'000)->Arg(1'000'000);

void crowd(benchmark::State& state) { run(state, 1, state.range(0) - 1); }
BENCHMARK(crowd)->Arg(10'000)->Arg(100'000)->Arg(1'000'000);

}  // namespace

BENCHMARK_MAIN();
