// What one live migration of a 4 GiB model guest costs in wall time through the whole stack: the
// scenario, the management, the protocol, the network, both memories and the recorder. The guest
// dirties 12 % of what the 10 Gbit/s link carries. Bound: 3 ms.
#include <benchmark/benchmark.h>

#include <chrono>
#include <optional>
#include <string>

#include "scenarios/language/parser.hpp"
#include "scenarios/runner/simulation.hpp"
#include "traces/assert.hpp"

namespace {

using Clock = std::chrono::steady_clock;

// 10 Gbit/s carries 304 581 pages of 4104 bytes a second; 12 % of that is 36.5 a millisecond. By
// the time of the move each page was written about six times: hardly any is zero.
constexpr const char* kScenario = R"(
scenario: migration-cost
platform: ws2012
seed: 1
end: 190s
hosts:
  alpha: {memory: 16GiB}
  beta: {memory: 16GiB}
networks:
  migration: {hosts: [alpha, beta], bandwidth: 10Gbit/s, latency: 40us}
vms:
  big:
    host: alpha
    memory: 4GiB
    guest: {model: dirtying, working-set: 4GiB, dirty-rate: 37}
timeline:
  - at: 180s
    move-vm: big
    to: beta
expect:
  - migrations-completed: 1
)";
constexpr sim::Time kMove{180'000'000'000};

/// Looks at the clock when the migration ends.
class Finish final : public traces::Observer {
 public:
  static traces::EventSet events() {
    traces::EventSet set;
    set.set(static_cast<std::size_t>(traces::ev::MigrationRound::kType));
    set.set(static_cast<std::size_t>(traces::ev::MigrationFinished::kType));
    return set;
  }
  void on_event(const traces::Event& event) override {
    if (const auto* round = event.as<traces::ev::MigrationRound>()) {
      ++rounds;
      pages += round->pages;
      bytes += round->bytes;
    } else if (const auto* finished = event.as<traces::ev::MigrationFinished>()) {
      at = Clock::now();
      completed = finished->outcome == traces::MigrationOutcome::Completed;
    }
  }
  std::optional<Clock::time_point> at;
  bool completed = false;
  std::uint64_t rounds = 0, pages = 0, bytes = 0;
};

void real_stack(benchmark::State& state) {
  const scenarios::Scenario scenario =
      scenarios::parse_scenario("migration-cost.yaml", kScenario, {});
  scenarios::SimulationOptions options;
  options.detail = false;
  Finish finish;
  for (auto _ : state) {
    scenarios::Simulation simulation(scenario, options);
    finish = Finish{};
    simulation.recorder().attach(finish, Finish::events());
    simulation.run_until(sim::Time{kMove.ns - 1});
    const Clock::time_point start = Clock::now();
    simulation.run();
    HVSIM_ASSERT(finish.at && finish.completed, "the measured migration completes");
    state.SetIterationTime(std::chrono::duration<double>(*finish.at - start).count());
  }
  state.counters["rounds"] = static_cast<double>(finish.rounds);
  state.counters["pages"] = static_cast<double>(finish.pages);
  state.counters["wire_bytes"] = static_cast<double>(finish.bytes);
}
BENCHMARK(real_stack)
    ->UseManualTime()
    ->Iterations(1)
    ->Repetitions(7)
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
