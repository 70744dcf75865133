#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>

#include "sim/memory/page_content.hpp"
#include "tests/sim/memory/memory_world.hpp"

namespace sim {
namespace {

using test::MemoryWorld;
using test::page_of;
using test::pages;
using traces::Writer;

traces::PageSet range(std::uint64_t first, std::uint64_t count) {
  traces::PageSet set;
  set.add(first, count);
  return set;
}

TEST(Batch, CostsEightBytesForZeroAndAPageMoreForContent) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Versions, 100);
  memory->touch({1});
  memory->write_u32({2}, 0, 1, Writer::Host);
  memory->write_u32({3}, 0, 0, Writer::Host);  // zero, though written
  const PageBatch batch = memory->export_pages(range(0, 5));
  EXPECT_EQ(batch.pages, 5u);
  EXPECT_EQ(batch.wire_bytes, 5 * 8 + 2 * kPageSize);
  EXPECT_EQ(batch.byte_pages.size(), 1u);
}

TEST(Batch, ContiguousVersionsAreOneRun) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Versions, 20000);
  for (std::uint64_t f = 10; f < 9000; ++f) memory->touch({f});
  const PageBatch batch = memory->export_pages(memory->populated());
  ASSERT_EQ(batch.runs.size(), 1u);
  EXPECT_EQ(batch.runs[0].first.value, 10u);
  EXPECT_EQ(batch.runs[0].count, 8990u);
  EXPECT_TRUE(batch.bytes.empty());
}

TEST(Batch, AFrameThatBecameZeroBecomesZeroOnTheTarget) {
  MemoryWorld host;
  for (const Backing backing : {Backing::Bytes, Backing::Versions}) {
    const auto source = host.memory(backing, 10);
    const auto target = host.memory(backing, 10);
    target->write_u32({4}, 0, 77, Writer::Host);
    source->write_u32({4}, 0, 0, Writer::Host);
    target->import_pages(source->export_pages(pages({4})));
    EXPECT_EQ(page_of(*target, 4), test::bytes_of(kPageSize, 0));
    EXPECT_EQ(target->digest(), source->digest());
  }
}

TEST(Batch, VersionsBecomeRealBytesInAMemoryOfBytes) {
  MemoryWorld host;
  const auto source = host.memory(Backing::Versions, 10);
  const auto target = host.memory(Backing::Bytes, 10);
  source->touch({4});
  target->import_pages(source->export_pages(pages({4})));
  EXPECT_EQ(page_of(*target, 4), page_of(*source, 4));
}

TEST(Batch, ImportedFramesArePopulated) {
  MemoryWorld host;
  const auto source = host.memory(Backing::Bytes, 10);
  const auto target = host.memory(Backing::Bytes, 10);
  source->write_u32({4}, 0, 1, Writer::Host);
  target->import_pages(source->export_pages(pages({4})));
  EXPECT_EQ(target->populated(), pages({4}));
  EXPECT_FALSE(target->must_report_store({4}));
}

TEST(Batch, DoesNotFitAMemoryThatLacksItsFrames) {
  MemoryWorld host;
  const auto large = host.memory(Backing::Versions, 1000);
  const auto small = host.memory(Backing::Versions, 10);
  large->touch({3});
  EXPECT_TRUE(small->fits(large->export_pages(large->populated())));
  large->write_u32({900}, 0, 1, Writer::Host);
  EXPECT_FALSE(small->fits(large->export_pages(large->populated())));
  large->touch({900});
  EXPECT_FALSE(small->fits(large->export_pages(large->populated())));
}

/// A memory with any mixture of versions, bytes, written zeros and holes.
std::unique_ptr<GuestMemory> any_memory(MemoryWorld& host, Backing backing, std::uint64_t count) {
  auto memory = host.memory(backing, count);
  const auto parts = *rc::gen::inRange(0, 12);
  for (int i = 0; i < parts; ++i) {
    const auto first = *rc::gen::inRange<std::uint64_t>(0, count);
    const auto length = *rc::gen::inRange<std::uint64_t>(1, 20);
    const auto end = std::min(first + length * length, count);
    const auto kind = *rc::gen::inRange(0u, 3u);
    for (std::uint64_t f = first; f < end; ++f) {
      if (kind == 0 && backing == Backing::Versions) {
        memory->touch({f});
      } else {
        memory->write_u32({f}, 128, kind, Writer::Host);
      }
    }
  }
  return memory;
}

RC_GTEST_PROP(VersionScan, FindsWhatAPlainLoopFinds, ()) {
  const auto shift = *rc::gen::inRange<unsigned>(0, 32);  // many zeros, or hardly any
  auto number = *rc::gen::arbitrary<std::uint32_t>();
  std::vector<std::uint32_t> versions(64 * 64);
  for (std::uint32_t& version : versions) {
    number = number * 1664525u + 1013904223u;
    version = number >> shift;
  }
  const auto gaps = *rc::gen::arbitrary<std::vector<std::uint8_t>>();
  for (const std::uint8_t gap : gaps) std::fill_n(versions.begin() + gap % 64 * 64, 64, 0u);

  std::uint64_t leaves = 0, nonzero = 0;
  for (std::size_t i = 0; i < versions.size(); ++i) {
    if (versions[i] == 0) continue;
    ++nonzero;
    leaves |= std::uint64_t{1} << i / 64;
  }
  const memory::LeafScan found =
      memory::scan_leaves(std::span<const std::uint32_t, 64 * 64>(versions));
  RC_ASSERT(found.leaves == leaves);
  RC_ASSERT(found.nonzero == nonzero);

  const auto part = std::span(versions).first(*rc::gen::inRange<std::size_t>(0, 200));
  const memory::VersionScan scanned = memory::scan(part);
  RC_ASSERT(scanned.nonzero == part.size() - std::count(part.begin(), part.end(), 0u));
  RC_ASSERT(scanned.bits == std::reduce(part.begin(), part.end(), 0u, std::bit_or<>()));
}

RC_GTEST_PROP(Batch, ExportAndImportMakeEqualMemories, ()) {
  constexpr std::uint64_t kPages = 9000;
  MemoryWorld host;
  const auto backing = *rc::gen::element(Backing::Bytes, Backing::Versions);
  const auto source = any_memory(host, backing, kPages);
  const auto target = any_memory(host, backing, kPages);
  const traces::PageSet both = source->populated().united_with(target->populated());
  const PageBatch batch = source->export_pages(both);
  RC_ASSERT(batch.pages == both.count());
  target->import_pages(batch);
  RC_ASSERT(target->digest() == source->digest());
  const auto frame = *rc::gen::inRange<std::uint64_t>(0, kPages);
  RC_ASSERT(page_of(*target, frame) == page_of(*source, frame));
  RC_ASSERT(target->hash_of({frame}) == source->hash_of({frame}));
}

RC_GTEST_PROP(Batch, ImportChangesTheFramesOfTheBatchAndNoOthers, ()) {
  constexpr std::uint64_t kPages = 500;
  MemoryWorld host;
  const auto backing = *rc::gen::element(Backing::Bytes, Backing::Versions);
  const auto source = any_memory(host, backing, kPages);
  const auto target = any_memory(host, backing, kPages);
  std::vector<std::uint64_t> before;
  for (std::uint64_t f = 0; f < kPages; ++f) before.push_back(target->hash_of({f}));
  const auto set = pages(
      *rc::gen::container<std::set<std::uint64_t>>(rc::gen::inRange<std::uint64_t>(0, kPages)));
  target->import_pages(source->export_pages(set));
  for (std::uint64_t f = 0; f < kPages; ++f) {
    const std::uint64_t expected = set.contains(f) ? source->hash_of({f}) : before[f];
    RC_ASSERT(target->hash_of({f}) == expected);
  }
}

RC_GTEST_PROP(BatchCodec, DecodesWhatItEncodes, ()) {
  constexpr std::uint64_t kPages = 5000;
  MemoryWorld host;
  const auto backing = *rc::gen::element(Backing::Bytes, Backing::Versions);
  const auto source = any_memory(host, backing, kPages);
  const auto target = host.memory(backing, kPages);
  const PageBatch batch = source->export_pages(source->populated());
  PageBatch decoded;
  RC_ASSERT(GuestMemory::decode(GuestMemory::encode(batch), decoded));
  RC_ASSERT(decoded.pages == batch.pages);
  RC_ASSERT(decoded.wire_bytes == batch.wire_bytes);
  target->import_pages(decoded);
  RC_ASSERT(target->digest() == source->digest());
}

TEST(BatchCodec, RefusesEveryTruncation) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Versions, 100);
  memory->touch({1});
  memory->touch({5});
  memory->write_u32({7}, 0, 1, Writer::Host);
  const auto bytes = GuestMemory::encode(memory->export_pages(memory->populated()));
  PageBatch decoded;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(GuestMemory::decode(std::span(bytes).first(size), decoded)) << size;
  }
  EXPECT_TRUE(GuestMemory::decode(bytes, decoded));
}

TEST(BatchCodec, LeavesTheTargetAloneWhenItRefuses) {
  PageBatch batch;
  batch.pages = 42;
  EXPECT_FALSE(GuestMemory::decode(test::bytes_of(100, 0xff), batch));
  EXPECT_EQ(batch.pages, 42u);
}

TEST(BatchCodec, RefusesFramesThatAreNamedTwice) {
  PageBatch batch;
  batch.runs = {{{5}, 2, 0}};
  batch.versions = {1, 2};
  batch.byte_pages = {{{6}, 0}};
  batch.bytes = test::bytes_of(kPageSize, 1);
  PageBatch decoded;
  EXPECT_FALSE(GuestMemory::decode(GuestMemory::encode(batch), decoded));
  batch.byte_pages[0].frame = {7};
  EXPECT_TRUE(GuestMemory::decode(GuestMemory::encode(batch), decoded));
  batch.runs = {{{5}, 1, 0}, {{5}, 1, 1}};
  EXPECT_FALSE(GuestMemory::decode(GuestMemory::encode(batch), decoded));
}

TEST(BatchCodec, RefusesNumbersThatAreNoVersions) {
  PageBatch batch;
  batch.runs = {{{5}, 1, 0}};
  batch.versions = {memory::kMaxVersion + 1};
  PageBatch decoded;
  EXPECT_FALSE(GuestMemory::decode(GuestMemory::encode(batch), decoded));
  batch.versions = {memory::kMaxVersion};
  EXPECT_TRUE(GuestMemory::decode(GuestMemory::encode(batch), decoded));
}

RC_GTEST_PROP(BatchCodec, SurvivesHostileBytes, ()) {
  MemoryWorld host;
  const auto source = any_memory(host, Backing::Versions, 300);
  auto bytes = GuestMemory::encode(source->export_pages(source->populated()));
  const auto changes = *rc::gen::inRange(1, 8);
  for (int i = 0; i < changes; ++i) {
    // Mostly the head, where the counts are.
    const auto limit = *rc::gen::arbitrary<bool>() ? std::size_t{48} : bytes.size();
    const auto at = *rc::gen::inRange<std::size_t>(0, std::min(limit, bytes.size()));
    bytes[at] = static_cast<std::byte>(*rc::gen::arbitrary<unsigned char>());
  }
  PageBatch decoded;
  if (!GuestMemory::decode(bytes, decoded)) return;
  // What is accepted is canonical, no larger than the input, and safe to import where it fits.
  RC_ASSERT(GuestMemory::encode(decoded) == bytes);
  RC_ASSERT(decoded.versions.size() * 4 + decoded.bytes.size() <= bytes.size());
  const auto target = host.memory(Backing::Versions, 300);
  if (target->fits(decoded)) target->import_pages(decoded);
}

}  // namespace
}  // namespace sim
