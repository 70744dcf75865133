// What a dirtying guest costs: 4 GiB, dirtied at 12 % of a 10 Gbit/s link, for as long as its
// migration over that link takes (about 4 s of guest time), with the dirty log on.
#include <benchmark/benchmark.h>

#include "tests/scenarios/guests/model_world.hpp"

namespace guests_test {
namespace {

void BM_DirtyFourGibibytesForOneMigration(benchmark::State& state) {
  constexpr std::uint64_t kPages = (std::uint64_t{4} << 30) / sim::kPageSize;
  constexpr std::uint64_t kLinkPagesPerSecond = 10'000'000'000 / 8 / sim::kPageSize;
  guests::DirtyingConfig config;
  config.pages = kPages;
  config.pages_per_second = kLinkPagesPerSecond * 12 / 100;
  config.run_pages = static_cast<std::uint32_t>(state.range(0));
  ModelWorld world(kPages, config);
  world.partition->resume("bench");
  world.memory->start_log();
  world.run_for(sim::Duration{100'000'000});
  for (auto _ : state) world.run_for(sim::Duration{4'000'000'000});
  state.counters["touches"] = benchmark::Counter(static_cast<double>(config.pages_per_second * 4));
}
// Pages per run; the default of DirtyingConfig is 64. Short runs cost a cache miss each.
BENCHMARK(BM_DirtyFourGibibytesForOneMigration)
    ->Arg(1)
    ->Arg(8)
    ->Arg(64)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace guests_test

BENCHMARK_MAIN();
