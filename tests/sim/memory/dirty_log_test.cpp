#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/sim/memory/memory_world.hpp"

namespace sim {
namespace {

using test::MemoryWorld;
using test::pages;
using traces::Writer;

TEST(DirtyLog, IsOffAtFirstAndReportsNothing) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Bytes, 10);
  memory->write_u32({1}, 0, 1, Writer::Host);
  EXPECT_FALSE(memory->logging());
  EXPECT_TRUE(memory->fetch_and_clear().empty());
}

TEST(DirtyLog, StartMarksNothingDirty) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Versions, 10);
  memory->touch({1});
  memory->start_log();
  EXPECT_EQ(memory->dirty_pages(), 0u);
  EXPECT_TRUE(memory->fetch_and_clear().empty());
}

TEST(DirtyLog, EveryWriterFeedsIt) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Bytes, 100);
  const auto other = host.memory(Backing::Bytes, 100);
  other->write_u32({6}, 0, 1, Writer::Guest);
  memory->start_log();
  memory->write({1}, 0, test::bytes_of(10, 1), Writer::Host);
  memory->write({2}, 0, test::bytes_of(10, 1), Writer::Guest);
  memory->write_u32({3}, 0, 1, Writer::Host);
  memory->fetch_or_u32({4}, 0, 1, Writer::Host);
  test::cpu_store(*memory, 5, 0, std::byte{1});
  memory->import_pages(other->export_pages(pages({6, 7})));
  memory->write_u32(memory->overlay_frame(0), 0, 1, Writer::Host);
  EXPECT_EQ(memory->dirty_pages(), 8u);
  EXPECT_EQ(memory->fetch_and_clear(), pages({1, 2, 3, 4, 5, 6, 7, 100}));
  EXPECT_EQ(memory->dirty_pages(), 0u);
}

TEST(DirtyLog, TouchingAFrameFeedsIt) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Versions, 100);
  memory->touch({8});
  memory->start_log();
  memory->touch({8});
  memory->touch({8});
  memory->touch({9});
  EXPECT_EQ(memory->fetch_and_clear(), pages({8, 9}));
}

TEST(DirtyLog, AWriteOfTheSameContentIsDirtyToo) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Versions, 100);
  memory->write_u32({8}, 0, 5, Writer::Host);
  memory->start_log();
  memory->write_u32({8}, 0, 5, Writer::Host);
  EXPECT_EQ(memory->fetch_and_clear(), pages({8}));
}

TEST(DirtyLog, StoppingForgets) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Versions, 100);
  memory->start_log();
  memory->touch({8});
  memory->stop_log();
  EXPECT_EQ(memory->dirty_pages(), 0u);
  memory->start_log();
  EXPECT_TRUE(memory->fetch_and_clear().empty());
}

TEST(StoreReports, AreDueForTheFirstStoreEver) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Bytes, 10);
  EXPECT_TRUE(memory->must_report_store({3}));
  memory->stored({3});
  EXPECT_FALSE(memory->must_report_store({3}));
  EXPECT_EQ(memory->populated(), pages({3}));
}

TEST(StoreReports, AreDueOncePerRoundWhileLogging) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Bytes, 10);
  memory->stored({3});
  const std::uint64_t before = memory->generation();
  memory->start_log();
  EXPECT_GT(memory->generation(), before);
  EXPECT_TRUE(memory->must_report_store({3}));
  memory->stored({3});
  EXPECT_FALSE(memory->must_report_store({3}));
  const std::uint64_t within = memory->generation();
  memory->fetch_and_clear();
  EXPECT_GT(memory->generation(), within);
  EXPECT_TRUE(memory->must_report_store({3}));
  memory->stop_log();
  EXPECT_FALSE(memory->must_report_store({3}));
}

RC_GTEST_PROP(StoreReports, NoFrameNeedsOneAgainInTheSameGeneration, ()) {
  // What an engine relies on when it keeps a frame's fast path until the generation grows.
  MemoryWorld host;
  const auto memory = host.memory(Backing::Bytes, 32);
  std::map<std::uint64_t, std::uint64_t> free_since;  // frame -> generation
  const auto operations = *rc::gen::inRange(0, 60);
  for (int i = 0; i < operations; ++i) {
    const auto frame = *rc::gen::inRange<std::uint64_t>(0, 32);
    switch (*rc::gen::inRange(0, 6)) {
      case 0:
        memory->start_log();
        break;
      case 1:
        memory->stop_log();
        break;
      case 2:
        memory->fetch_and_clear();
        break;
      case 3:
        memory->write_u32({frame}, 0, 0, Writer::Host);
        break;
      default:
        test::cpu_store(*memory, frame, 0, std::byte{1});
        free_since[frame] = memory->generation();
    }
    for (const auto& [stored, generation] : free_since) {
      if (generation == memory->generation()) RC_ASSERT(!memory->must_report_store({stored}));
    }
  }
}

RC_GTEST_PROP(DirtyLog, TheUnionOfAllFetchesIsWhatWasWritten, ()) {
  constexpr std::uint64_t kPages = 9000;
  MemoryWorld host;
  const auto backing = *rc::gen::element(Backing::Bytes, Backing::Versions);
  const auto memory = host.memory(backing, kPages);
  memory->start_log();
  traces::PageSet fetched;
  std::set<std::uint64_t> since_fetch;
  std::set<std::uint64_t> all;
  const auto operations = *rc::gen::inRange(0, 80);
  for (int i = 0; i < operations; ++i) {
    const auto frame = *rc::gen::inRange<std::uint64_t>(0, kPages);
    const int kind = *rc::gen::inRange(0, 6);
    if (kind == 0) {
      const traces::PageSet set = memory->fetch_and_clear();
      RC_ASSERT(set == pages(since_fetch));
      fetched = fetched.united_with(set);
      since_fetch.clear();
      continue;
    }
    if (kind == 1) {
      memory->write_u32({frame}, 0, 1, Writer::Host);
    } else if (backing == Backing::Bytes) {
      test::cpu_store(*memory, frame, 7, std::byte{1});
    } else {
      memory->touch({frame});
    }
    since_fetch.insert(frame);
    all.insert(frame);
    RC_ASSERT(memory->dirty_pages() == since_fetch.size());
  }
  fetched = fetched.united_with(memory->fetch_and_clear());
  RC_ASSERT(fetched == pages(all));
}

}  // namespace
}  // namespace sim
