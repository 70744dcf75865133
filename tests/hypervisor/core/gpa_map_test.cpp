#include "hypervisor/core/gpa_map.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

namespace hv {
namespace {

constexpr sim::Rights kAll{true, true, true};
constexpr sim::Rights kReadOnly{true, false, false};

TEST(GpaMap, AcceptsExactlyTheLegalCombinationsOfRights) {
  int accepted = 0;
  for (int bits = 0; bits < 8; ++bits) {
    GpaMap map;
    const sim::Rights rights{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0};
    const bool legal = bits == 7 || bits == 5 || bits == 3 || bits == 1 || bits == 0;
    EXPECT_EQ(map.map({0}, 1, {0}, rights) == Status::Success, legal) << bits;
    accepted += map.lookup({0}).has_value() ? 1 : 0;
  }
  EXPECT_EQ(accepted, 5);
}

TEST(GpaMap, RefusesPagesBeyondTheAddressSpace) {
  GpaMap map;
  EXPECT_EQ(map.map({std::uint64_t{1} << 40}, 1, {0}, kAll), Status::InvalidParameter);
  EXPECT_EQ(map.map({1}, ~std::uint64_t{0}, {0}, kAll), Status::InvalidParameter);
  EXPECT_EQ(map.map({0}, 0, {0}, kAll), Status::InvalidParameter);
  EXPECT_EQ(map.limit(), 0u);
}

TEST(GpaMap, TheNewestOfTwoOverlaysIsVisibleAndTheOtherReappears) {
  GpaMap map;
  map.map({0}, 4, {100}, kAll);
  map.cover({2}, {500}, kReadOnly);
  map.cover({2}, {501}, kReadOnly);
  EXPECT_EQ(map.lookup({2})->frame, sim::Frame{501});
  EXPECT_TRUE(map.lookup({2})->overlay);
  EXPECT_FALSE(map.lookup({2})->rights.write) << "the covered page's rights do not apply";
  EXPECT_EQ(*map.ram({2}), sim::Frame{102});
  map.uncover({2}, {501});
  EXPECT_EQ(map.lookup({2})->frame, sim::Frame{500});
  map.uncover({2}, {500});
  EXPECT_EQ(map.lookup({2})->frame, sim::Frame{102});
  EXPECT_FALSE(map.lookup({2})->overlay);
}

TEST(GpaMap, EveryChangeMovesTheGeneration) {
  GpaMap map;
  std::uint64_t last = map.generation();
  const auto moved = [&] { return std::exchange(last, map.generation()) != map.generation(); };
  map.map({0}, 4, {0}, kAll);
  EXPECT_TRUE(moved());
  map.cover({1}, {9}, kAll);
  EXPECT_TRUE(moved());
  map.uncover({1}, {9});
  EXPECT_TRUE(moved());
  map.unmap({0}, 1);
  EXPECT_TRUE(moved());
}

RC_GTEST_PROP(GpaMap, AgreesWithATableOfPagesAfterAnyHistory, ()) {
  GpaMap map;
  std::map<std::uint64_t, std::uint64_t> model;
  const auto steps = *rc::gen::inRange(1, 20);
  for (int i = 0; i < steps; ++i) {
    const auto first = *rc::gen::inRange<std::uint64_t>(0, 24);
    const auto pages = *rc::gen::inRange<std::uint64_t>(1, 12);
    if (*rc::gen::arbitrary<bool>()) {
      const auto frame = *rc::gen::inRange<std::uint64_t>(0, 1000);
      map.map({first}, pages, {frame}, kAll);
      for (std::uint64_t p = 0; p < pages; ++p) model[first + p] = frame + p;
    } else {
      map.unmap({first}, pages);
      for (std::uint64_t p = 0; p < pages; ++p) model.erase(first + p);
    }
  }
  for (std::uint64_t page = 0; page < 40; ++page) {
    const auto found = model.find(page);
    const auto entry = map.lookup({page});
    RC_ASSERT(entry.has_value() == (found != model.end()));
    if (entry) RC_ASSERT(entry->frame.value == found->second);
  }
}

}  // namespace
}  // namespace hv
