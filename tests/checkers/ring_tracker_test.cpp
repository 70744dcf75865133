// One look at the rings of a stream serves all properties of it.
#include <gtest/gtest.h>

#include <array>

#include "checkers/checker.hpp"
#include "checkers/watched_rings.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;

constexpr std::uint32_t kFrames = 3;
const RingKey kRing{{1, 2, 7}, false};

template <class E>
traces::Event event_of(std::uint64_t index, const E& payload) {
  return {index, {}, {1}, E::kType, &payload};
}

struct Watched : ::testing::Test {
  Watched() {
    tracker.take(event_of(0, watch));
    tracker.take(event_of(1, first));
  }
  std::vector<std::byte> bytes = std::vector<std::byte>(std::size_t{kFrames} * 4096);
  ev::MemoryWatch watch{2, 5, traces::WatchPurpose::RingToHost, 0, kFrames, 7};
  ev::MemoryWatchedWrite first{2, 5, traces::Writer::Guest, 0, bytes};
  RingTracker tracker;
};

TEST_F(Watched, AnEventThatIsShownTwiceHappensOnce) {
  const std::array index{std::byte{8}, std::byte{0}, std::byte{0}, std::byte{0}};
  const ev::MemoryWatchedWrite write{2, 5, traces::Writer::Guest, 0, index};
  for (int i = 0; i < 2; ++i) {
    const auto& happenings = tracker.take(event_of(2, write));
    ASSERT_EQ(happenings.size(), 1u);
    EXPECT_EQ(happenings[0].kind, RingHappening::Kind::Written);
    EXPECT_EQ(happenings[0].write.before.write, 0u);
  }
  EXPECT_EQ(tracker.ring(kRing)->header.write, 8u);
}

TEST_F(Watched, ARingThatClosesIsThereForEverybodyOnceMore) {
  const ev::MemoryUnwatch unwatch{2, 5};
  for (int i = 0; i < 2; ++i) {
    const auto& happenings = tracker.take(event_of(2, unwatch));
    ASSERT_EQ(happenings.size(), 1u);
    EXPECT_EQ(happenings[0].kind, RingHappening::Kind::Closed);
    EXPECT_EQ(happenings[0].ring->key, kRing);
  }
  EXPECT_EQ(tracker.ring(kRing), nullptr);
}

TEST_F(Watched, WhatIsWrittenAnywhereIsRead) {
  std::array<std::byte, 6> data;
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i + 1);
  // Over the border of two pages of data; the header's page comes before them.
  const ev::MemoryWatchedWrite write{2, 5, traces::Writer::Host, 2 * 4096 - 3, data};
  tracker.take(event_of(2, write));
  std::array<std::byte, 8> read;
  tracker.ring(kRing)->copy(4096 - 4, read);
  const std::array<int, 8> expected{0, 1, 2, 3, 4, 5, 6, 0};
  for (std::size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(std::to_integer<int>(read[i]), expected[i]) << i;
  }
  // And over the end of the ring to its beginning.
  tracker.ring(kRing)->copy(2 * 4096 - 2, read);
  EXPECT_EQ(read[0], std::byte{0});
}

TEST(AllCheckers, OfRingsAreToldOfWritesOnlyIfTheyJudgeThem) {
  const auto write = static_cast<std::size_t>(ev::MemoryWatchedWrite::kType);
  const auto watch = static_cast<std::size_t>(ev::MemoryWatch::kType);
  int judging = 0;
  int others = 0;
  for (const auto& checker : all_checkers()) {
    const auto* of_rings = dynamic_cast<const RingProperty*>(checker.get());
    if (of_rings == nullptr) continue;
    EXPECT_TRUE(checker->events()[watch]);
    EXPECT_EQ(checker->events()[write], of_rings->judges_writes());
    ++(of_rings->judges_writes() ? judging : others);
  }
  EXPECT_GT(judging, 0);  // or nobody would look at the rings
  EXPECT_GT(others, 0);
}

}  // namespace
}  // namespace checkers
