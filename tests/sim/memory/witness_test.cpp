#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>
#include <map>

#include "tests/sim/memory/memory_world.hpp"

namespace sim {
namespace {

using test::MemoryWorld;
using test::pages;
using traces::Writer;

TEST(Witness, ReportsFramesWhoseContentChanged) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Versions, 9000);
  memory->touch({1});
  memory->write_u32({2}, 0, 5, Writer::Host);
  memory->witness_interval(0);
  memory->touch({1});
  memory->touch({8000});
  memory->write_u32({2}, 0, 5, Writer::Host);  // the same
  memory->witness_interval(0);
  memory->write_u32({2}, 0, 6, Writer::Host);
  memory->witness_interval(1);
  ASSERT_EQ(host.events.written.size(), 2u) << "the first look only takes the reference";
  EXPECT_EQ(host.events.written[0].set, pages({1, 8000}));
  EXPECT_EQ(host.events.written[1].set, pages({2}));
  EXPECT_EQ(host.events.written[1].interval, 1u);
}

TEST(Witness, SeesWhatTheLogDoesNot) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Bytes, 100);
  memory->start_log();
  memory->witness_interval(0);
  memory->storage()[42 * kPageSize] = std::byte{1};  // an engine that forgot its report
  memory->witness_interval(0);
  EXPECT_EQ(memory->dirty_pages(), 0u);
  ASSERT_EQ(host.events.written.size(), 1u);
  EXPECT_EQ(host.events.written[0].set, pages({42}));
}

TEST(Witness, SaysNothingWhileDetailIsOff) {
  MemoryWorld host;
  host.recorder.set_detail(false);
  const auto memory = host.memory(Backing::Versions, 100);
  memory->witness_interval(0);
  memory->touch({1});
  memory->witness_interval(0);
  EXPECT_TRUE(host.events.written.empty());
}

TEST(Witness, StartsAnewAfterItsEnd) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Versions, 100);
  memory->witness_interval(0);
  memory->end_witness();
  memory->touch({1});
  memory->witness_interval(0);
  EXPECT_TRUE(host.events.written.empty());
  memory->touch({2});
  memory->witness_interval(0);
  ASSERT_EQ(host.events.written.size(), 1u);
  EXPECT_EQ(host.events.written[0].set, pages({2}));
}

RC_GTEST_PROP(Witness, FindsExactlyTheChangesInBothBackings, ()) {
  constexpr std::uint64_t kPages = 5000;
  MemoryWorld host;
  const auto backing = *rc::gen::element(Backing::Bytes, Backing::Versions);
  const auto memory = host.memory(backing, kPages);
  const auto change = [&] {
    const auto frame = *rc::gen::inRange<std::uint64_t>(0, kPages);
    if (backing == Backing::Versions && *rc::gen::arbitrary<bool>()) {
      memory->touch({frame});
    } else {
      memory->write_u32({frame}, 0, *rc::gen::inRange(0u, 3u), Writer::Host);
    }
    return frame;
  };
  const auto rounds = *rc::gen::inRange(1, 4);
  memory->witness_interval(0);
  for (int round = 0; round < rounds; ++round) {
    std::map<std::uint64_t, std::vector<std::byte>> before;
    std::vector<std::vector<std::byte>> all;
    for (std::uint64_t f = 0; f < kPages; f += 1) all.push_back(test::page_of(*memory, f));
    const auto changes = *rc::gen::inRange(0, 20);
    std::set<std::uint64_t> candidates;
    for (int i = 0; i < changes; ++i) candidates.insert(change());
    std::set<std::uint64_t> changed;
    for (const std::uint64_t f : candidates) {
      if (test::page_of(*memory, f) != all[f]) changed.insert(f);
    }
    memory->witness_interval(static_cast<std::uint32_t>(round));
    RC_ASSERT(host.events.written.back().set == pages(changed));
  }
}

TEST(Watch, BeginsWithItsContent) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Bytes, 100);
  memory->write_u32({9}, 4, 0x01020304, Writer::Guest);
  const Frame frames[] = {{8}, {9}};
  const std::uint32_t watch = memory->watch(traces::WatchPurpose::RingToHost, frames, 33);
  EXPECT_EQ(watch, 1u);
  ASSERT_EQ(host.events.watches.size(), 1u);
  EXPECT_EQ(host.events.watches[0].first_frame, 8u);
  EXPECT_EQ(host.events.watches[0].frames, 2u);
  EXPECT_EQ(host.events.watches[0].owner, 33u);
  ASSERT_EQ(host.events.writes.size(), 1u);
  EXPECT_EQ(host.events.writes[0].offset, 0u);
  EXPECT_EQ(host.events.writes[0].data.size(), 2 * kPageSize);
  EXPECT_EQ(host.events.writes[0].data[kPageSize + 4], std::byte{4});
}

TEST(Watch, TellsTheGuestsStoresFromTheHosts) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Bytes, 100);
  const Frame frames[] = {{8}};
  memory->watch(traces::WatchPurpose::RingToGuest, frames, 1);
  host.events.writes.clear();
  test::cpu_store(*memory, 8, 0, std::byte{7});
  memory->write_u32({8}, 4, 9, Writer::Host);
  test::cpu_store(*memory, 8, 100, std::byte{5});
  memory->sample_watches();
  ASSERT_EQ(host.events.writes.size(), 3u);
  EXPECT_EQ(host.events.writes[0].writer, Writer::Guest);
  EXPECT_EQ(host.events.writes[0].offset, 0u);
  EXPECT_EQ(host.events.writes[1].writer, Writer::Host);
  EXPECT_EQ(host.events.writes[1].offset, 4u);
  EXPECT_EQ(host.events.writes[2].writer, Writer::Guest);
  EXPECT_EQ(host.events.writes[2].offset, 100u);
}

TEST(Watch, ReportsARingIndexWholeAndItsNeighbourNotAtAll) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Bytes, 100);
  memory->write_u32({8}, 0, 0x00010001, Writer::Guest);
  const Frame frames[] = {{8}};
  memory->watch(traces::WatchPurpose::RingToGuest, frames, 1);
  host.events.writes.clear();
  memory->write_u32({8}, 0, 0x00020002, Writer::Host);  // bytes 0 and 2 differ
  ASSERT_EQ(host.events.writes.size(), 1u);
  EXPECT_EQ(host.events.writes[0].data.size(), 4u);
}

TEST(Watch, SaysNothingWhenNothingChanged) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Bytes, 100);
  const Frame frames[] = {{8}};
  memory->watch(traces::WatchPurpose::MessagePage, frames, 0);
  host.events.writes.clear();
  memory->write_u32({8}, 0, 0, Writer::Host);
  memory->write_u32({9}, 0, 1, Writer::Host);
  memory->sample_watches();
  EXPECT_TRUE(host.events.writes.empty());
}

TEST(Watch, EndsWithUnwatch) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Bytes, 100);
  const Frame frames[] = {{8}, {8}};
  const std::uint32_t first = memory->watch(traces::WatchPurpose::MessagePage, frames, 0);
  const std::uint32_t second = memory->watch(traces::WatchPurpose::EventPage, frames, 0);
  memory->unwatch(first);
  host.events.writes.clear();
  memory->write_u32({8}, 0, 1, Writer::Host);
  EXPECT_EQ(host.events.writes.size(), 2u) << "both places of the watch that is left";
  memory->unwatch(second);
  EXPECT_EQ(host.events.unwatched, (std::vector<std::uint32_t>{first, second}));
  host.events.writes.clear();
  memory->write_u32({8}, 0, 2, Writer::Host);
  memory->sample_watches();
  EXPECT_TRUE(host.events.writes.empty());
}

TEST(Watch, DoesNotExistWhileDetailIsOff) {
  MemoryWorld host;
  host.recorder.set_detail(false);
  const auto memory = host.memory(Backing::Bytes, 100);
  const Frame frames[] = {{8}};
  EXPECT_EQ(memory->watch(traces::WatchPurpose::MessagePage, frames, 0), 0u);
  memory->unwatch(0);
}

TEST(Watch, AnImportIsTheHostsWrite) {
  MemoryWorld host;
  const auto source = host.memory(Backing::Versions, 100);
  const auto target = host.memory(Backing::Versions, 100);
  source->touch({8});
  const Frame frames[] = {{8}};
  target->watch(traces::WatchPurpose::RingToHost, frames, 0);
  host.events.writes.clear();
  target->import_pages(source->export_pages(pages({8})));
  ASSERT_EQ(host.events.writes.size(), 1u);
  EXPECT_EQ(host.events.writes[0].writer, Writer::Host);
}

RC_GTEST_PROP(Watch, ReportsEveryChangedWordOnceWithItsWriter, ()) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Bytes, 16);
  const Frame frames[] = {{3}, {9}, {4}};
  memory->watch(traces::WatchPurpose::RingToHost, frames, 1);
  host.events.writes.clear();
  std::vector<std::byte> replayed(3 * kPageSize);
  for (int i = *rc::gen::inRange(0, 30); i > 0; --i) {
    const auto index = *rc::gen::inRange<std::size_t>(0, 3);
    const std::uint64_t frame = frames[index].value;
    const auto offset = *rc::gen::inRange<std::uint32_t>(0, 64);
    const auto value = static_cast<std::byte>(*rc::gen::inRange(0, 4));
    const bool by_host = *rc::gen::arbitrary<bool>();
    const auto before = test::page_of(*memory, frame);
    if (by_host) {
      memory->write({frame}, offset, std::vector<std::byte>(13, value), Writer::Host);
    } else {
      test::cpu_store(*memory, frame, offset, value);
      memory->sample_watches();
    }
    const auto after = test::page_of(*memory, frame);
    if (by_host) RC_ASSERT(host.events.writes.size() <= 1u);
    std::set<std::size_t> words;
    for (const auto& write : host.events.writes) {
      RC_ASSERT(write.writer == (by_host ? Writer::Host : Writer::Guest));
      RC_ASSERT(write.offset / kPageSize == index);
      for (std::size_t at = 0; at < write.data.size(); at += 4) {
        RC_ASSERT(words.insert((write.offset % kPageSize + at) / 4).second);
      }
      std::copy(write.data.begin(), write.data.end(), replayed.begin() + write.offset);
    }
    for (std::size_t word = 0; word < kPageSize / 4; ++word) {
      const bool changed = std::memcmp(&before[word * 4], &after[word * 4], 4) != 0;
      // One write of the host's is one report, also of what it left as it was in its middle.
      const bool inside = by_host && word >= offset / 4 && word <= (offset + 12) / 4;
      RC_ASSERT(words.contains(word) == changed || (inside && !changed));
    }
    host.events.writes.clear();
  }
  for (std::size_t i = 0; i < 3; ++i) {
    const auto page = test::page_of(*memory, frames[i].value);
    RC_ASSERT(std::equal(page.begin(), page.end(), replayed.begin() + i * kPageSize));
  }
}

TEST(Watch, HostWritesBesideTheWatchedFramesAreToldToo) {
  test::MemoryWorld host;
  const auto memory = host.memory(Backing::Bytes, 16);
  const std::vector<std::byte> data(8, std::byte{1});
  memory->write({3}, 16, data, Writer::Host);
  EXPECT_TRUE(host.events.host_writes.empty()) << "a guest that is loaded has no watch";
  const Frame frames[] = {{5}};
  const std::uint32_t watch = memory->watch(traces::WatchPurpose::MessagePage, frames, 0);
  memory->write({3}, 16, data, Writer::Host);
  memory->write({5}, 16, data, Writer::Host);
  memory->write({4}, 16, data, Writer::Guest);
  ASSERT_EQ(host.events.host_writes.size(), 1u);
  const auto& told = host.events.host_writes.front();
  EXPECT_EQ(told.partition, 2u);
  EXPECT_EQ(told.frame, 3u);
  EXPECT_EQ(told.offset, 16u);
  EXPECT_EQ(told.bytes, 8u) << "also of what left everything as it was";
  memory->unwatch(watch);
}

}  // namespace
}  // namespace sim
