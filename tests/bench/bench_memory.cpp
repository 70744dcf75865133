// What guest memory costs the simulator: touching, the dirty log, whole passes over a 4 GiB guest,
// and a whole simulated live migration of one (design: at most 3 ms, which includes all of it).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "sim/kernel/world.hpp"
#include "sim/memory/guest_memory.hpp"
#include "traces/assert.hpp"
#include "traces/record.hpp"

namespace {

using sim::Backing;
using sim::Frame;
using sim::GuestMemory;
using sim::PageBatch;

constexpr std::uint64_t kPages = 1 << 20;  // 4 GiB

struct Host {
  Host() : world(sim::WorldConfig{}, recorder), node(world.add_node("host", "host")) {
    recorder.set_detail(false);
  }
  std::unique_ptr<GuestMemory> memory(Backing backing, std::uint64_t pages) {
    return std::make_unique<GuestMemory>(
        node, sim::GuestMemoryConfig{.backing = backing, .ram_pages = pages});
  }
  traces::Recorder recorder;
  sim::World world;
  sim::Node& node;
};

std::unique_ptr<GuestMemory> touched(Host& host) {
  auto memory = host.memory(Backing::Versions, kPages);
  for (std::uint64_t f = 0; f < kPages; ++f) memory->touch({f});
  return memory;
}

/// A fixed order in which every frame of a power of two occurs once.
Frame shuffled(std::uint64_t i, std::uint64_t pages) { return {i * 0x9e3779b1 % pages}; }

void touch_in_order(benchmark::State& state) {
  Host host;
  const auto memory = touched(host);
  memory->start_log();
  std::uint64_t i = 0;
  for (auto _ : state) memory->touch({i++ % kPages});
}
BENCHMARK(touch_in_order);

void touch_in_no_order(benchmark::State& state) {
  Host host;
  const auto memory = touched(host);
  memory->start_log();
  std::uint64_t i = 0;
  for (auto _ : state) memory->touch(shuffled(i++, kPages));
}
BENCHMARK(touch_in_no_order);

void touch_64_neighbours(benchmark::State& state) {
  Host host;
  const auto memory = touched(host);
  memory->start_log();
  std::uint64_t i = 0;
  for (auto _ : state) memory->touch({i++ * 64 % kPages}, 64);
}
BENCHMARK(touch_64_neighbours);

void host_write_of_4_bytes(benchmark::State& state) {
  Host host;
  const auto memory = host.memory(Backing::Versions, kPages);
  memory->start_log();
  std::uint32_t i = 0;
  for (auto _ : state) {
    memory->write_u32({500 + i % 16}, 64, i, traces::Writer::Host);
    ++i;
  }
}
BENCHMARK(host_write_of_4_bytes);

/// Argument: one page in so many is dirty.
void fetch_and_clear(benchmark::State& state) {
  Host host;
  const auto memory = touched(host);
  memory->start_log();
  const auto one_in = static_cast<std::uint64_t>(state.range(0));
  std::uint64_t dirty = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (std::uint64_t f = 0; f < kPages; f += one_in) memory->touch({f});
    state.ResumeTiming();
    dirty = memory->fetch_and_clear().count();
  }
  state.counters["dirty"] = static_cast<double>(dirty);
}
BENCHMARK(fetch_and_clear)
    ->Arg(1)
    ->Arg(8)
    ->Arg(1000)
    ->Iterations(200)
    ->Unit(benchmark::kMicrosecond);

/// Argument: one page in so many was touched since the digest before. 4096: every region of the
/// store is hashed again; 0: none.
void digest_of_4_gib(benchmark::State& state) {
  Host host;
  const auto memory = touched(host);
  const auto one_in = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    for (std::uint64_t f = 0; one_in != 0 && f < kPages; f += one_in) memory->touch({f});
    benchmark::DoNotOptimize(memory->digest());
  }
}
BENCHMARK(digest_of_4_gib)->Arg(4096)->Arg(0)->Unit(benchmark::kMicrosecond);

void export_4_gib(benchmark::State& state) {
  Host host;
  const auto memory = touched(host);
  const traces::PageSet all = memory->populated();
  for (auto _ : state) benchmark::DoNotOptimize(memory->export_pages(all));
}
BENCHMARK(export_4_gib)->Unit(benchmark::kMicrosecond);

void import_4_gib(benchmark::State& state) {
  Host host;
  const auto memory = touched(host);
  const PageBatch batch = memory->export_pages(memory->populated());
  for (auto _ : state) host.memory(Backing::Versions, kPages)->import_pages(batch);
}
BENCHMARK(import_4_gib)->Unit(benchmark::kMicrosecond);

/// Sends a set in chunks, as a migration stream does.
void send(const traces::PageSet& set, const GuestMemory& from, GuestMemory& to) {
  constexpr std::uint64_t kChunk = 1 << 16;
  traces::PageSet chunk;
  for (const traces::PageSet::Run& run : set.runs()) {
    for (std::uint64_t at = run.first; at != run.end();) {
      const std::uint64_t count = std::min(run.end() - at, kChunk - chunk.count());
      chunk.add(at, count);
      at += count;
      if (chunk.count() != kChunk) continue;
      to.import_pages(from.export_pages(chunk));
      chunk.clear();
    }
  }
  to.import_pages(from.export_pages(chunk));
}

/// One migration: round 0 sends everything, then each round what was dirtied meanwhile, 12 % of
/// what the round before sent, until 50 pages are left; digests on both sides. The dirtying itself
/// is the guest's work and is not counted. Argument: dirty pages come in runs of so many.
void live_migration(benchmark::State& state) {
  Host host;
  auto source = touched(host);
  const auto run = static_cast<std::uint64_t>(state.range(0));
  std::uint64_t rounds = 0;
  for (auto _ : state) {
    auto target = host.memory(Backing::Versions, kPages);
    source->start_log();
    traces::PageSet set = source->populated();
    rounds = 0;
    while (true) {
      send(set, *source, *target);
      ++rounds;
      state.PauseTiming();
      const std::uint64_t dirty = set.count() * 12 / 100;
      for (std::uint64_t i = 0; i < dirty; i += run) {
        const std::uint64_t first = shuffled(i + rounds, kPages / run).value * run;
        source->touch({first}, std::min(run, dirty - i));
      }
      state.ResumeTiming();
      set = source->fetch_and_clear();
      if (set.count() <= 50) break;
    }
    send(set, *source, *target);
    source->stop_log();
    const bool equal = source->digest() == target->digest();
    state.PauseTiming();
    HVSIM_ASSERT(equal, "the target differs from the source");
    source = std::move(target);  // and back again: the old one's memory is free for the next
    state.ResumeTiming();
  }
  state.counters["rounds"] = static_cast<double>(rounds);
}
BENCHMARK(live_migration)->Arg(1)->Arg(16)->Arg(64)->Iterations(100)->Unit(benchmark::kMicrosecond);

/// Arguments: MiB of RAM, and one page in how many holds something. The digest is not told which.
void digest_of_bytes(benchmark::State& state) {
  Host host;
  const std::uint64_t pages = static_cast<std::uint64_t>(state.range(0)) << 8;
  const auto memory = host.memory(Backing::Bytes, pages);
  const std::vector<std::byte> content(sim::kPageSize, std::byte{0x5a});
  for (std::uint64_t f = 0; f < pages / static_cast<std::uint64_t>(state.range(1)); ++f) {
    memory->write({f}, 0, content, traces::Writer::Host);
  }
  for (auto _ : state) benchmark::DoNotOptimize(memory->digest());
}
BENCHMARK(digest_of_bytes)
    ->Args({64, 4})
    ->Args({1024, 4})
    ->Args({16 << 10, 1024})
    ->Args({256 << 10, 16384})
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
