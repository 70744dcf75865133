#include "sim/memory/frame_bits.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace sim::memory {
namespace {

TEST(FrameBits, ARangeMayCrossWordsAndChunks) {
  FrameBits bits(20000);
  bits.set_range({4090}, 9000);
  EXPECT_EQ(bits.count(), 9000u);
  EXPECT_FALSE(bits.test({4089}));
  EXPECT_TRUE(bits.test({4090}));
  EXPECT_TRUE(bits.test({13089}));
  EXPECT_FALSE(bits.test({13090}));
  ASSERT_EQ(bits.to_page_set().runs().size(), 1u);
}

TEST(FrameBits, SettingASetBitSaysSo) {
  FrameBits bits(100);
  EXPECT_TRUE(bits.set({99}));
  EXPECT_FALSE(bits.set({99}));
  EXPECT_EQ(bits.count(), 1u);
}

TEST(FrameBits, ReleasingGivesTheMemoryBack) {
  FrameBits bits(std::uint64_t{1} << 24);
  const std::uint64_t empty = bits.footprint();
  bits.set_range({0}, 1 << 20);
  EXPECT_GT(bits.footprint(), empty);
  bits.release();
  EXPECT_EQ(bits.footprint(), empty);
  EXPECT_EQ(bits.count(), 0u);
  EXPECT_TRUE(bits.to_page_set().empty());
}

RC_GTEST_PROP(FrameBits, EqualsAPlainSetUnderAnyOperations, ()) {
  constexpr std::uint64_t kFrames = 30000;
  FrameBits bits(kFrames);
  std::set<std::uint64_t> model;
  const auto operations = *rc::gen::inRange(0, 40);
  for (int i = 0; i < operations; ++i) {
    const auto first = *rc::gen::inRange<std::uint64_t>(0, kFrames);
    switch (*rc::gen::inRange(0, 8)) {
      case 0: {
        const auto count = *rc::gen::inRange<std::uint64_t>(0, kFrames - first);
        bits.set_range({first}, count);
        for (std::uint64_t f = first; f < first + count; ++f) model.insert(f);
        break;
      }
      case 1:
        bits.clear({first});
        model.erase(first);
        break;
      case 2:
        bits.clear_all();
        model.clear();
        break;
      default:
        RC_ASSERT(bits.set({first}) == model.insert(first).second);
    }
    RC_ASSERT(bits.count() == model.size());
    RC_ASSERT(bits.test({first}) == model.contains(first));
  }
  RC_ASSERT(bits.to_page_set() == traces::PageSet::from_pages({model.begin(), model.end()}));
}

}  // namespace
}  // namespace sim::memory
