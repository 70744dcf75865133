#include "sim/memory/guest_memory.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>
#include <map>

#include "sim/memory/page_content.hpp"
#include "tests/sim/memory/memory_world.hpp"

namespace sim {
namespace {

using test::MemoryWorld;
using test::page_of;
using traces::Writer;

class BothBackings : public testing::TestWithParam<Backing> {
 protected:
  std::unique_ptr<GuestMemory> make(std::uint64_t pages) { return host.memory(GetParam(), pages); }
  MemoryWorld host;
};

INSTANTIATE_TEST_SUITE_P(GuestMemory, BothBackings,
                         testing::Values(Backing::Bytes, Backing::Versions), [](const auto& info) {
                           return info.param == Backing::Bytes ? "Bytes" : "Versions";
                         });

TEST_P(BothBackings, StartsAsZeroAndEmpty) {
  const auto memory = make(100);
  EXPECT_EQ(page_of(*memory, 99), test::bytes_of(kPageSize, 0));
  EXPECT_TRUE(memory->populated().empty());
  EXPECT_EQ(memory->hash_of({5}), 0u);
  std::uint64_t count = 1;
  memory->digest(&count);
  EXPECT_EQ(count, 0u);
}

TEST_P(BothBackings, ReturnsWhatWasWritten) {
  const auto memory = make(100);
  memory->write({3}, 4090, test::bytes_of(6, 0xab), Writer::Host);
  std::vector<std::byte> expected = test::bytes_of(kPageSize, 0);
  std::fill(expected.begin() + 4090, expected.end(), std::byte{0xab});
  EXPECT_EQ(page_of(*memory, 3), expected);
  EXPECT_EQ(memory->populated(), test::pages({3}));
}

TEST_P(BothBackings, HoldsOverlayFramesAboveItsRam) {
  const auto memory = make(100);
  const Frame overlay = memory->overlay_frame(2);
  EXPECT_EQ(overlay.value, 102u);
  memory->write_u32(overlay, 8, 0xdeadbeef, Writer::Guest);
  EXPECT_EQ(memory->read_u32(overlay, 8), 0xdeadbeefu);
  EXPECT_EQ(memory->populated(), test::pages({102}));
}

TEST_P(BothBackings, FetchOrReturnsTheOldValue) {
  const auto memory = make(4);
  memory->write_u32({1}, 12, 0x0f, Writer::Host);
  EXPECT_EQ(memory->fetch_or_u32({1}, 12, 0xf0, Writer::Host), 0x0fu);
  EXPECT_EQ(memory->read_u32({1}, 12), 0xffu);
}

TEST_P(BothBackings, AWrittenZeroEqualsAnUntouchedFrameInTheDigest) {
  const auto memory = make(64);
  const traces::Digest untouched = memory->digest();
  memory->write_u32({9}, 0, 0, Writer::Host);
  EXPECT_EQ(memory->digest(), untouched);
  EXPECT_EQ(memory->hash_of({9}), 0u);
  EXPECT_EQ(memory->populated(), test::pages({9})) << "but the first round must send it";
}

TEST_P(BothBackings, EmitsItsDigestWithTheNumberOfPages) {
  const auto memory = make(64);
  memory->write_u32({9}, 0, 1, Writer::Host);
  memory->write_u32({10}, 0, 0, Writer::Host);
  memory->emit_digest(traces::DigestPoint::Suspended);
  ASSERT_EQ(host.events.digests.size(), 1u);
  EXPECT_EQ(host.events.digests[0].pages, 1u);
  EXPECT_EQ(host.events.digests[0].vm, 7u);
  EXPECT_EQ(host.events.digests[0].partition, 2u);
  EXPECT_EQ(host.events.digests[0].digest, memory->digest());
}

TEST_P(BothBackings, ReadingLeavesNothingBehind) {
  const auto memory = make(64);
  const std::uint64_t before = memory->footprint();
  page_of(*memory, 17);
  EXPECT_EQ(memory->footprint(), before);
  EXPECT_TRUE(memory->populated().empty());
}

TEST(GuestMemory, AnEngineStoresBehindItsBackAndTheDigestSeesIt) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Bytes, 64);
  const traces::Digest empty = memory->digest();
  memory->storage()[17 * kPageSize + 5] = std::byte{1};  // unreported: the digest asks nobody
  std::uint64_t count = 0;
  EXPECT_NE(memory->digest(&count), empty);
  EXPECT_EQ(count, 1u);
}

TEST(GuestMemory, TheDigestFindsUnreportedStoresAnywhereInALargeMemory) {
  MemoryWorld host;
  constexpr std::uint64_t kPages = std::uint64_t{64} << 18;  // 64 GiB
  const auto memory = host.memory(Backing::Bytes, kPages, 0);
  traces::Digest last = memory->digest();
  std::uint64_t stores = 0;
  for (const std::uint64_t frame : {kPages - 1, std::uint64_t{0}, kPages / 2, kPages / 2 - 1}) {
    memory->storage()[frame * kPageSize + 4095] = std::byte{1};
    page_of(*memory, frame / 2 + 9);  // which gives a frame that stays zero a place in the host
    std::uint64_t count = 0;
    const traces::Digest now = memory->digest(&count);
    EXPECT_NE(now, last);
    EXPECT_EQ(count, ++stores);
    last = now;
  }
}

/// Whatever was digested before, the next digest is that of a memory that was never looked at.
RC_GTEST_PROP(GuestMemory, AnEarlierDigestNeverShowsInALaterOne, ()) {
  constexpr std::uint64_t kPages = 3 * 4096;
  MemoryWorld host;
  const auto memory = host.memory(Backing::Versions, kPages);
  const auto other = host.memory(Backing::Versions, kPages);
  other->touch({100}, 8000);
  const PageBatch some = other->export_pages(other->populated());
  for (int step = *rc::gen::inRange(1, 12); step != 0; --step) {
    const Frame frame{*rc::gen::inRange<std::uint64_t>(0, kPages)};
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        memory->touch(frame);
        break;
      case 1:
        memory->touch(frame, *rc::gen::inRange<std::uint64_t>(0, kPages - frame.value + 1));
        break;
      case 2:
        memory->write_u32(frame, 40, *rc::gen::inRange(0u, 3u), traces::Writer::Host);
        break;
      case 3:
        memory->fetch_or_u32(frame, 40, 4, traces::Writer::Host);
        break;
      default:
        memory->import_pages(some);
        break;
    }
    const auto fresh = host.memory(Backing::Versions, kPages);
    fresh->import_pages(memory->export_pages(memory->populated()));
    std::uint64_t pages = 0, fresh_pages = 0;
    RC_ASSERT(memory->digest(&pages) == fresh->digest(&fresh_pages));
    RC_ASSERT(pages == fresh_pages);
  }
}

TEST(GuestMemory, ATouchedFrameReadsAsBytesThatDependOnFrameAndVersion) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Versions, 64);
  memory->touch({1});
  memory->touch({2});
  const auto first = page_of(*memory, 1);
  EXPECT_NE(first, test::bytes_of(kPageSize, 0));
  EXPECT_NE(first, page_of(*memory, 2));
  memory->touch({1});
  EXPECT_NE(first, page_of(*memory, 1));
}

TEST(GuestMemory, TouchingNeighboursAtOnceEqualsTouchingEach) {
  MemoryWorld host;
  const auto at_once = host.memory(Backing::Versions, 8192);
  const auto each = host.memory(Backing::Versions, 8192);
  for (const auto& memory : {&at_once, &each}) {
    (*memory)->touch({4090});  // before the log starts: not dirty, and at its second version then
    (*memory)->start_log();
    (*memory)->touch({4100});
  }
  at_once->touch({4080}, 100);
  at_once->touch({8191}, 1);
  at_once->touch({8192}, 0);
  for (std::uint64_t frame = 4080; frame < 4180; ++frame) each->touch({frame});
  each->touch({8191});
  EXPECT_EQ(at_once->digest(), each->digest());
  EXPECT_EQ(at_once->dirty_pages(), 101u);
  EXPECT_EQ(each->dirty_pages(), 101u);
  EXPECT_EQ(at_once->fetch_and_clear(), each->fetch_and_clear());
}

RC_GTEST_PROP(GuestMemory, TouchingARunEqualsTouchingEachOverAnyContents, ()) {
  constexpr std::uint64_t kPages = 300;
  MemoryWorld host;
  const auto at_once = host.memory(Backing::Versions, kPages);
  const auto each = host.memory(Backing::Versions, kPages);
  PageBatch last;  // frame 70 at the last version there is
  last.runs = {{{70}, 1, 0}};
  last.versions = {memory::kMaxVersion};
  for (const auto& memory : {&at_once, &each}) {
    (*memory)->import_pages(last);
    (*memory)->write_u32({150}, 0, 1, Writer::Guest);
  }
  for (int i = *rc::gen::inRange(1, 12); i > 0; --i) {
    const auto first = *rc::gen::inRange<std::uint64_t>(0, kPages);
    const auto count = *rc::gen::inRange<std::uint64_t>(0, kPages - first + 1);
    at_once->touch({first}, count);
    for (std::uint64_t f = first; f < first + count; ++f) each->touch({f});
    RC_ASSERT(at_once->digest() == each->digest());
    RC_ASSERT(at_once->populated() == each->populated());
  }
}

TEST(GuestMemory, AnyPartOfAVersionFrameReadsAsThePartOfTheWhole) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Versions, 64);
  memory->touch({5});
  const auto whole = page_of(*memory, 5);
  std::vector<std::byte> part(77);
  memory->read({5}, 1003, part);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 1003));
}

TEST(GuestMemory, AHostsWriteKeepsTheRestOfAVersionFrame) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Versions, 64);
  memory->touch({5});
  auto expected = page_of(*memory, 5);
  memory->write({5}, 100, test::bytes_of(3, 0x11), Writer::Host);
  std::fill_n(expected.begin() + 100, 3, std::byte{0x11});
  EXPECT_EQ(page_of(*memory, 5), expected);
}

TEST(GuestMemory, WhatATouchLeavesDependsOnTheContentAlone) {
  // Two hosts that hold the same bytes go on to the same content, whatever they did before.
  MemoryWorld host;
  const auto a = host.memory(Backing::Versions, 8);
  const auto b = host.memory(Backing::Versions, 8);
  for (int i = 0; i < 9; ++i) a->touch({3});
  a->write({3}, 0, test::bytes_of(kPageSize, 0x22), Writer::Guest);
  b->write({3}, 0, test::bytes_of(kPageSize, 0x22), Writer::Guest);
  a->touch({3});
  b->touch({3});
  EXPECT_EQ(page_of(*a, 3), page_of(*b, 3));
  EXPECT_EQ(a->digest(), b->digest());
}

TEST(GuestMemory, TheLastVersionIsFollowedByTheFirst) {
  EXPECT_EQ(memory::version_after(memory::kMaxVersion), 1u);
  EXPECT_EQ(memory::version_after(1u), 2u);
}

TEST(GuestMemory, TheContentOfAVersionIsTheSameOnEveryHost) {
  // The value is part of the contract: versions travel, and either side may read them as bytes.
  std::array<std::byte, 8> bytes;
  memory::fill_with_version({0x1234}, 7, 4088, bytes);
  std::uint64_t word;
  std::memcpy(&word, bytes.data(), sizeof word);
  EXPECT_EQ(word, 0x29ebc77dce1bd019u);
}

/// What a memory must be: a map from frame to content.
class Reference {
 public:
  std::vector<std::byte> page(std::uint64_t frame) const {
    if (const auto bytes = bytes_.find(frame); bytes != bytes_.end()) return bytes->second;
    std::vector<std::byte> page(kPageSize);
    if (const auto v = versions_.find(frame); v != versions_.end()) {
      memory::fill_with_version({frame}, v->second, 0, page);
    }
    return page;
  }
  void write(std::uint64_t frame, std::uint32_t offset, const std::vector<std::byte>& data) {
    auto content = page(frame);
    std::copy(data.begin(), data.end(), content.begin() + offset);
    bytes_[frame] = content;
    versions_.erase(frame);
  }
  void touch(std::uint64_t frame) {
    if (bytes_.contains(frame)) {
      versions_[frame] = memory::version_after(std::span<const std::byte>(bytes_[frame]));
      bytes_.erase(frame);
    } else {
      versions_[frame] = versions_.contains(frame) ? versions_[frame] + 1 : 1;
    }
  }
  std::set<std::uint64_t> frames() const {
    std::set<std::uint64_t> all;
    for (const auto& [frame, content] : bytes_) all.insert(frame);
    for (const auto& [frame, version] : versions_) all.insert(frame);
    return all;
  }

 private:
  std::map<std::uint64_t, std::vector<std::byte>> bytes_;
  std::map<std::uint64_t, std::uint32_t> versions_;
};

void compare_with_reference(Backing backing) {
  constexpr std::uint64_t kPages = 9000;  // three regions
  MemoryWorld host;
  const auto memory = host.memory(backing, kPages);
  Reference reference;
  const auto operations = *rc::gen::inRange(0, 60);
  // Few distinct frames, so that operations meet each other.
  const auto frames = *rc::gen::nonEmpty(
      rc::gen::container<std::vector<std::uint64_t>>(rc::gen::inRange<std::uint64_t>(0, kPages)));
  for (int i = 0; i < operations; ++i) {
    const std::uint64_t frame = *rc::gen::elementOf(frames);
    if (backing == Backing::Versions && *rc::gen::arbitrary<bool>()) {
      memory->touch({frame});
      reference.touch(frame);
      continue;
    }
    const auto offset = *rc::gen::inRange<std::uint32_t>(0, kPageSize);
    const auto size = *rc::gen::inRange<std::size_t>(1, kPageSize - offset + 1);
    const auto data = test::bytes_of(size, *rc::gen::inRange(0u, 4u));
    memory->write({frame}, offset, data, Writer::Host);
    reference.write(frame, offset, data);
  }
  for (const std::uint64_t frame : frames) {
    RC_ASSERT(page_of(*memory, frame) == reference.page(frame));
  }
  RC_ASSERT(memory->populated() == test::pages(reference.frames()));
}

RC_GTEST_PROP(GuestMemory, WithBytesEqualsAPlainMap, ()) { compare_with_reference(Backing::Bytes); }

RC_GTEST_PROP(GuestMemory, WithVersionsEqualsAPlainMap, ()) {
  compare_with_reference(Backing::Versions);
}

void compare_digests(Backing backing) {
  // Two memories reach some contents in different orders; digests are equal exactly if these are.
  constexpr std::uint64_t kPages = 5000;
  MemoryWorld host;
  const auto a = host.memory(backing, kPages);
  const auto b = host.memory(backing, kPages);
  const auto writes = *rc::gen::container<std::map<std::uint64_t, unsigned>>(
      rc::gen::inRange<std::uint64_t>(0, kPages), rc::gen::inRange(0u, 3u));
  for (auto w = writes.begin(); w != writes.end(); ++w) {
    a->write_u32({w->first}, 40, w->second, Writer::Host);
  }
  for (auto w = writes.rbegin(); w != writes.rend(); ++w) {
    b->write_u32({w->first}, 40, 99, Writer::Host);
    b->write_u32({w->first}, 40, w->second, Writer::Host);
  }
  RC_ASSERT(a->digest() == b->digest());
  if (writes.empty()) return;
  const std::uint64_t frame = writes.begin()->first;
  b->write_u32({frame}, 40, 4, Writer::Host);
  RC_ASSERT(a->digest() != b->digest());
  b->write_u32({frame}, 40, writes.begin()->second, Writer::Host);
  RC_ASSERT(a->digest() == b->digest());
}

RC_GTEST_PROP(GuestMemory, BytesHaveEqualDigestsExactlyIfContentsAreEqual, ()) {
  compare_digests(Backing::Bytes);
}

RC_GTEST_PROP(GuestMemory, VersionsHaveEqualDigestsExactlyIfContentsAreEqual, ()) {
  compare_digests(Backing::Versions);
}

RC_GTEST_PROP(GuestMemory, TheDigestOfVersionsIgnoresTheOrderOfTouching, ()) {
  constexpr std::uint64_t kPages = 10000;
  MemoryWorld host;
  const auto a = host.memory(Backing::Versions, kPages);
  const auto b = host.memory(Backing::Versions, kPages);
  // Enough frames to turn some regions dense, in an order of their own each.
  const auto stride = *rc::gen::elementOf(std::vector<std::uint64_t>{1, 7, 63, 64, 65, 1001});
  const auto count = *rc::gen::inRange<std::uint64_t>(1, 3000);
  for (std::uint64_t i = 0; i < count; ++i) a->touch({i * stride % kPages});
  for (std::uint64_t i = count; i-- > 0;) b->touch({i * stride % kPages});
  RC_ASSERT(a->digest() == b->digest());
  b->touch({*rc::gen::inRange<std::uint64_t>(0, kPages)});
  RC_ASSERT(a->digest() != b->digest());
}

}  // namespace
}  // namespace sim
