#include "traces/page_set.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <utility>
#include <vector>

namespace traces {
namespace {

using Model = std::set<std::uint64_t>;
using Ranges = std::vector<std::pair<std::uint8_t, std::uint8_t>>;

/// Ranges within some three hundred pages, so that they touch and overlap often.
std::pair<PageSet, Model> build(const Ranges& ranges) {
  PageSet set;
  Model model;
  for (const auto& [first, size] : ranges) {
    const std::uint64_t count = size % 9;
    set.add(first, count);
    for (std::uint64_t page = first; page < first + count; ++page) model.insert(page);
  }
  return {set, model};
}

Model model_of(const PageSet& set) {
  Model model;
  set.for_each([&](std::uint64_t page) { model.insert(page); });
  return model;
}

void check_shape(const PageSet& set) {
  std::uint64_t pages = 0;
  for (std::size_t i = 0; i < set.runs().size(); ++i) {
    RC_ASSERT(set.runs()[i].count > 0u);
    if (i > 0) RC_ASSERT(set.runs()[i].first > set.runs()[i - 1].end());
    pages += set.runs()[i].count;
  }
  RC_ASSERT(set.count() == pages);
}

RC_GTEST_PROP(PageSet, HoldsExactlyWhatWasAdded, (const Ranges& ranges)) {
  const auto [set, model] = build(ranges);
  check_shape(set);
  RC_ASSERT(model_of(set) == model);
  RC_ASSERT(set.count() == model.size());
  RC_ASSERT(set.empty() == model.empty());
  for (std::uint64_t page = 0; page < 270; ++page) {
    RC_ASSERT(set.contains(page) == (model.count(page) != 0));
  }
}

RC_GTEST_PROP(PageSet, CombinesLikeASetOfNumbers, (const Ranges& left, const Ranges& right)) {
  const auto [a, model_a] = build(left);
  const auto [b, model_b] = build(right);
  Model both = model_a;
  both.insert(model_b.begin(), model_b.end());
  Model rest;
  Model common;
  for (const std::uint64_t page : model_a) (model_b.count(page) != 0 ? common : rest).insert(page);
  for (const PageSet& set : {a.united_with(b), a.without(b), a.intersected_with(b)}) {
    check_shape(set);
  }
  RC_ASSERT(model_of(a.united_with(b)) == both);
  RC_ASSERT(model_of(a.without(b)) == rest);
  RC_ASSERT(model_of(a.intersected_with(b)) == common);
  RC_ASSERT(a.is_subset_of(b) == rest.empty());
  RC_ASSERT(a.intersected_with(b).is_subset_of(a));
  RC_ASSERT(a.intersects(b) == !common.empty());
  RC_ASSERT((a == b) == (model_a == model_b));
}

RC_GTEST_PROP(PageSet, EveryWayToBuildGivesTheSame, (const Ranges& ranges)) {
  const auto [set, model] = build(ranges);
  std::vector<std::uint64_t> pages(model.rbegin(), model.rend());
  pages.insert(pages.end(), model.begin(), model.end());
  RC_ASSERT(PageSet::from_pages(pages) == set);

  std::vector<std::uint64_t> words(5);
  for (const std::uint64_t page : model) words[page / 64] |= 1ULL << (page % 64);
  RC_ASSERT(PageSet::from_bitmap(words) == set);
  PageSet shifted;
  for (const std::uint64_t page : model) shifted.add(page + 1000);
  RC_ASSERT(PageSet::from_bitmap(words, 1000) == shifted);
  check_shape(PageSet::from_bitmap(words));
}

RC_GTEST_PROP(PageSet, ComesBackFromItsBytes, (const Ranges& ranges)) {
  const PageSet set = build(ranges).first;
  const auto back = PageSet::decode(set.encode());
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == set);
}

RC_GTEST_PROP(PageSet, AnyBytesAreRefusedOrTheOneFormOfASet,
              (const std::vector<std::uint8_t>& raw)) {
  const auto view = std::as_bytes(std::span(raw));
  const std::vector<std::byte> bytes(view.begin(), view.end());
  const auto set = PageSet::decode(bytes);
  if (!set) return;
  RC_ASSERT(set->encode() == bytes);
  check_shape(*set);
}

TEST(PageSet, FullWordsOfABitmapAreOneRun) {
  const std::vector<std::uint64_t> words{0, ~0ULL, ~0ULL, 1, 0};
  const PageSet set = PageSet::from_bitmap(words);
  ASSERT_EQ(set.runs().size(), 1u);
  EXPECT_EQ(set.runs()[0], (PageSet::Run{64, 129}));
}

TEST(PageSet, TheLastPageIsRepresentableAndTheNextIsNot) {
  PageSet set;
  set.add(PageSet::kLimit - 1);
  set.add(0, PageSet::kLimit);
  EXPECT_EQ(set.count(), PageSet::kLimit);
  auto bytes = set.encode();
  EXPECT_EQ(PageSet::decode(bytes), set);
  EXPECT_DEATH(set.add(PageSet::kLimit), "beyond");
  // One page behind the end: a gap of zero (one page is certain) and a count of one.
  bytes.push_back(std::byte{0});
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(PageSet::decode(bytes).has_value());
}

TEST(PageSet, HalfARunIsRefused) {
  const std::byte bytes[] = {std::byte{5}};
  EXPECT_FALSE(PageSet::decode(bytes).has_value());
}

}  // namespace
}  // namespace traces
