#include <gtest/gtest.h>

#include "scenarios/guests/images.hpp"
#include "scenarios/guests/pattern.h"

namespace {

TEST(GuestImages, EveryListedGuestHasBytesAndEveryNameIsListedOnce) {
  std::string_view previous;
  for (const guests::ImageInfo& info : guests::images()) {
    EXPECT_LT(previous, info.name);
    previous = info.name;
    EXPECT_GT(guests::image(info.name).size(), 1000u) << info.name;
    EXPECT_EQ(guests::find_image(info.name), &info);
    EXPECT_FALSE(info.summary.empty());
  }
  EXPECT_TRUE(guests::image("nobody").empty());
  EXPECT_EQ(guests::find_image("nobody"), nullptr);
}

TEST(GuestPattern, NewestWriteOfASlotIsTheLastThatWentThere) {
  constexpr std::uint64_t kSlots = 7;
  for (std::uint64_t last = 1; last < 40; ++last) {
    for (std::uint64_t sequence = 1; sequence <= last; ++sequence) {
      std::uint64_t newest = sequence;
      for (std::uint64_t n = sequence; n <= last; ++n) {
        if (pattern_slot_of(n, kSlots) == pattern_slot_of(sequence, kSlots)) newest = n;
      }
      EXPECT_EQ(pattern_newest(sequence, last, kSlots), newest);
    }
  }
}

TEST(GuestPattern, ABlockHoldsOnlyWhatItWasFilledWith) {
  std::uint64_t words[PATTERN_BLOCK_WORDS];
  pattern_block_fill(words, 3, 5);
  EXPECT_TRUE(pattern_block_holds(words, 3, 5));
  EXPECT_FALSE(pattern_block_holds(words, 4, 5));
  EXPECT_FALSE(pattern_block_holds(words, 3, 6));
  for (std::uint64_t& word : words) {
    word ^= 1;
    EXPECT_FALSE(pattern_block_holds(words, 3, 5));
    word ^= 1;
  }
}

TEST(GuestPattern, APageThatWasNeverWrittenHoldsCounterZero) {
  std::uint64_t words[PATTERN_PAGE_WORDS] = {};
  EXPECT_TRUE(pattern_page_holds(words, 0, 9));
  pattern_page_write(words, 1, 9);
  EXPECT_TRUE(pattern_page_holds(words, 1, 9));
  EXPECT_FALSE(pattern_page_holds(words, 0, 9));
  words[PATTERN_PAGE_WORDS - 1] = 0;  // torn: the end of the page is older
  EXPECT_FALSE(pattern_page_holds(words, 1, 9));
}

}  // namespace
