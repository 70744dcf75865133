// What a guest costs is what it touched (design §4). The bounds are per touched page, everything
// included: directories, bitmaps, the dirty log, unused room.
#include <gtest/gtest.h>
#include <malloc.h>

#include "tests/sim/memory/memory_world.hpp"

namespace sim {
namespace {

using test::MemoryWorld;

constexpr std::uint64_t kGuests = 16;
constexpr std::uint64_t kGuestPages = 64ull << 30 >> kPageShift;
constexpr std::uint64_t kTouched = 64ull << 20 >> kPageShift;

double bytes_per_touched_page(std::uint64_t stride) {
  MemoryWorld host;
  std::vector<std::unique_ptr<GuestMemory>> guests;
  std::uint64_t bytes = 0;
  for (std::uint64_t g = 0; g < kGuests; ++g) {
    guests.push_back(host.memory(Backing::Versions, kGuestPages));
    guests.back()->start_log();
    for (std::uint64_t i = 0; i < kTouched; ++i) guests.back()->touch({g * 4096 + i * stride});
    bytes += guests.back()->footprint();
  }
  return static_cast<double>(bytes) / static_cast<double>(kGuests * kTouched);
}

TEST(Footprint, AContiguousPageOfALargeGuestCostsLessThan16Bytes) {
  // 4 for the version; the rest are directories of a guest that is a thousand times larger.
  EXPECT_LT(bytes_per_touched_page(1), 16.0);
}

TEST(Footprint, AScatteredPageCostsLessThanASixthOfAPageWhateverTheStride) {
  // At worst every page has a leaf of 64 versions for itself, or shares a dense region with one
  // page in 128; few pages in a region share its bitmaps.
  for (const std::uint64_t stride : {2, 16, 64, 100, 128, 200, 256, 1000}) {
    EXPECT_LT(bytes_per_touched_page(stride), 680.0) << "stride " << stride;
  }
}

// The sanitizers' allocators do not count.
#ifndef __SANITIZE_ADDRESS__
TEST(Footprint, WhatItSaysIsWhatTheAllocatorGave) {
  MemoryWorld host;
  const auto memory = host.memory(Backing::Versions, kGuestPages);
  const auto in_use = [] {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  const std::uint64_t claimed_before = memory->footprint();
  const std::uint64_t before = in_use();
  for (std::uint64_t i = 0; i < kTouched; ++i) memory->touch({i * 77});
  const double real = static_cast<double>(in_use() - before);
  const double claimed = static_cast<double>(memory->footprint() - claimed_before);
  EXPECT_NEAR(claimed / real, 1.0, 0.1);
}
#endif

}  // namespace
}  // namespace sim
