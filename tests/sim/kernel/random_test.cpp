#include "sim/kernel/random.hpp"

#include <Random123/philox.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <set>

namespace sim {
namespace {

/// Published answers of Philox 4x64-10 (Random123's kat_vectors).
TEST(Random, GeneratorGivesThePublishedAnswers) {
  struct Answer {
    std::array<std::uint64_t, 4> counter;
    std::array<std::uint64_t, 2> key;
    std::array<std::uint64_t, 4> block;
  };
  constexpr std::uint64_t kOnes = UINT64_MAX;
  const Answer answers[] = {
      {{0, 0, 0, 0},
       {0, 0},
       {0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b}},
      {{kOnes, kOnes, kOnes, kOnes},
       {kOnes, kOnes},
       {0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6, 0xa09caebf594f0ba0}},
      {{0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89},
       {0x452821e638d01377, 0xbe5466cf34e90c6c},
       {0xa528f45403e61d95, 0x38c72dbd566e9788, 0xa5a1610e72fd18b5, 0x57bd43b5e52b7fe6}},
  };
  for (const Answer& answer : answers) {
    const philox4x64_ctr_t block = philox4x64_R(
        10, {{answer.counter[0], answer.counter[1], answer.counter[2], answer.counter[3]}},
        {{answer.key[0], answer.key[1]}});
    for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(block.v[i], answer.block[i]);
  }
  Draw draw(0, 0, {0, 0, 0});
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(draw.bits(), answers[0].block[i]);
}

TEST(Random, DrawNumbersItsBlocksInTheLastWordOfTheCounter) {
  Draw draw(11, 22, {33, 44, 55});
  for (std::uint64_t number : {0u, 1u, 2u}) {
    const philox4x64_ctr_t block = philox4x64_R(10, {{33, 44, 55, number}}, {{11, 22}});
    for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(draw.bits(), block.v[i]);
  }
}

TEST(Random, ChoiceDependsOnSeedStreamAndOperationAlone) {
  const Random random(7);
  Draw other = random.draw("net.loss", 1, 2, 3);
  other.bits();
  std::set<std::uint64_t> values;
  const auto first = [](Draw draw) { return draw.bits(); };
  for (std::uint64_t operation = 0; operation < 10; ++operation) {
    EXPECT_EQ(first(random.draw("net.loss", operation)), first(random.draw("net.loss", operation)));
    values.insert(first(random.draw("net.loss", operation)));
    values.insert(first(random.draw("net.delay", operation)));
    values.insert(first(random.draw("net.loss", 0, operation + 1)));
    values.insert(first(random.draw("net.loss", 0, 0, operation + 1)));
    values.insert(first(Random(8).draw("net.loss", operation)));
  }
  EXPECT_EQ(values.size(), 50u);
}

/// Names and mixing are part of every stored finding: these figures may never change.
TEST(Random, ValuesAreTheSameInEveryBuild) {
  Draw draw = Random(1).draw("disk.torn", 2, 3, 4);
  EXPECT_EQ(draw.bits(), 0x73a3d2d0512d6596u);
  EXPECT_EQ(draw.below(1000), 263u);
  EXPECT_EQ(draw.between(std::int64_t{-5}, std::int64_t{5}), -1);
}

RC_GTEST_PROP(Random, BoundedChoicesStayInBounds, (std::uint64_t seed)) {
  Draw draw(seed, 0, {});
  const std::uint64_t bound = *rc::gen::oneOf(
      rc::gen::inRange<std::uint64_t>(1, 100),
      rc::gen::map(rc::gen::arbitrary<std::uint64_t>(), [](auto n) { return n == 0 ? 1 : n; }),
      rc::gen::just((std::uint64_t{1} << 63) + 1));
  for (int i = 0; i < 20; ++i) RC_ASSERT(draw.below(bound) < bound);
}

RC_GTEST_PROP(Random, RangesIncludeBothEndsAndNothingElse, (std::int64_t a, std::int64_t b)) {
  const std::int64_t low = std::min(a, b);
  const std::int64_t high = std::max(a, b);
  Draw draw(1, 2, {});
  for (int i = 0; i < 20; ++i) {
    const std::int64_t value = draw.between(low, high);
    RC_ASSERT(low <= value && value <= high);
  }
}

TEST(Random, FullRangeIsAllowed) {
  Draw draw(1, 2, {});
  bool negative = false, positive = false;
  for (int i = 0; i < 64; ++i) {
    const std::int64_t value = draw.between(INT64_MIN, INT64_MAX);
    negative |= value < 0;
    positive |= value > 0;
  }
  EXPECT_TRUE(negative && positive);
}

/// 3 * 2^62 leaves a quarter of all words over: folding them in would favour some thirds by half.
TEST(Random, BoundedChoicesAreUnbiased) {
  constexpr std::uint64_t kThird = std::uint64_t{1} << 62;
  Draw draw(3, 4, {});
  std::array<int, 3> thirds{};
  for (int i = 0; i < 30'000; ++i) ++thirds[draw.below(3 * kThird) / kThird];
  for (int count : thirds) EXPECT_NEAR(count, 10'000, 400);
  std::array<int, 6> dice{};
  for (int i = 0; i < 60'000; ++i) ++dice[draw.below(6)];
  for (int count : dice) EXPECT_NEAR(count, 10'000, 450);
}

TEST(Random, AChanceOfZeroOrOneDrawsNothing) {
  Draw draw(5, 6, {});
  Draw untouched(5, 6, {});
  EXPECT_FALSE(draw.happens(Chance::never()));
  EXPECT_TRUE(draw.happens(Chance::always()));
  EXPECT_TRUE(draw.happens({7, 7}));
  EXPECT_EQ(draw.bits(), untouched.bits());
}

TEST(Random, AChanceHappensAsOftenAsItSays) {
  const Random random(9);
  int happened = 0;
  for (std::uint64_t operation = 0; operation < 100'000; ++operation) {
    happened += random.draw("test", operation).happens(Chance::per_million(250'000)) ? 1 : 0;
  }
  EXPECT_NEAR(happened, 25'000, 600);
}

}  // namespace
}  // namespace sim
