// Quantities with units: exact, or refused.
#include "scenarios/language/units.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace scenarios {
namespace {

constexpr std::int64_t kLongestNs = 100LL * 24 * 3600 * 1'000'000'000;

TEST(Units, DurationsOfEveryUnit) {
  EXPECT_EQ(parse_duration("1ns")->ns, 1);
  EXPECT_EQ(parse_duration("250us")->ns, 250'000);
  EXPECT_EQ(parse_duration("1.5s")->ns, 1'500'000'000);
  EXPECT_EQ(parse_duration("2min")->ns, 120'000'000'000);
  EXPECT_EQ(parse_duration("10m")->ns, 600'000'000'000) << "as sleep(1) writes minutes";
  EXPECT_EQ(parse_duration("1h")->ns, 3'600'000'000'000);
  EXPECT_EQ(parse_duration("0ms")->ns, 0);
  EXPECT_EQ(parse_duration("0.000000001s")->ns, 1);
}

TEST(Units, WhatIsNoDuration) {
  for (const char* text :
       {"",      "1",   "ms",    "-1ms",          "+1ms",   "1 ms", " 1ms",  "1ms ",
        "1e3ms", ".5s", "1.s",   "1..5s",         "1.5.5s", "0x1s", "010ms", "1,5s",
        "1MS",   "1M",  "0.5ns", "0.0000000001s", "99999h", "nan",  "infs",  "1ms\n"}) {
    EXPECT_FALSE(parse_duration(text)) << '"' << text << '"';
  }
}

TEST(Units, SizesAreBinaryAndExact) {
  EXPECT_EQ(parse_size("64MiB"), 64ULL << 20);
  EXPECT_EQ(parse_size("0.5KiB"), 512U);
  EXPECT_EQ(parse_size("1.5TiB"), 3ULL << 39);
  EXPECT_EQ(parse_size("1024TiB"), 1ULL << 50);
  for (const char* text : {"64MB", "64", "64mib", "64M", "1025TiB", "0.3B", "-1KiB"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(Units, RatesAreDecimal) {
  EXPECT_EQ(parse_rate("10Gbit/s"), 10'000'000'000U);
  EXPECT_EQ(parse_rate("2.5Gbit/s"), 2'500'000'000U);
  EXPECT_EQ(parse_rate("1bit/s"), 1U);
  for (const char* text : {"10GB/s", "10Gbit", "10Gbps", "1.5bit/s", "10001Gbit/s"}) {
    EXPECT_FALSE(parse_rate(text)) << text;
  }
}

TEST(Units, PercentagesStayBelowAWhole) {
  const auto half = parse_percent("0.5%");
  ASSERT_TRUE(half);
  EXPECT_EQ(half->numerator * 200, half->denominator);
  const auto all = parse_percent("100%");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->numerator, all->denominator);
  for (const char* text : {"100.1%", "5", "-1%", "%", "1 %", "0,5%"}) {
    EXPECT_FALSE(parse_percent(text)) << text;
  }
}

TEST(Units, CountsAreDecimal) {
  EXPECT_EQ(parse_count("0"), 0U);
  EXPECT_EQ(parse_count("999999999999999999"), 999'999'999'999'999'999U);
  for (const char* text : {"", "010", "00", "0x10", "1.0", "1e3", "-1", "+1", "1_000",
                           "1000000000000000000", "99999999999999999999999999"}) {
    EXPECT_FALSE(parse_count(text)) << text;
  }
}

TEST(Units, ChancesOfEqualSizeAreEqualFractions) {
  EXPECT_EQ(parse_percent("0.5%"), sim::Chance::per_million(5'000));
  EXPECT_EQ(parse_percent("0.50%"), parse_percent("0.5%"));
  EXPECT_EQ(parse_percent("0.00001%")->denominator, 100'000'000'000U);
}

TEST(Units, TextsAreTheShortestThatAreExact) {
  EXPECT_EQ(duration_text(sim::Duration{1'500'000}), "1500us");
  EXPECT_EQ(duration_text(sim::Duration{120'000'000'000}), "120s");
  EXPECT_EQ(duration_text(sim::Duration{0}), "0ns");
  EXPECT_EQ(size_text(64ULL << 20), "64MiB");
  EXPECT_EQ(size_text(1025), "1025B");
  EXPECT_EQ(rate_text(2'500'000'000), "2500Mbit/s");
  EXPECT_EQ(percent_text(sim::Chance::per_million(5'000)), "0.5%");
  EXPECT_EQ(percent_text(sim::Chance::always()), "100%");
  EXPECT_EQ(percent_text(sim::Chance::never()), "0%");
}

RC_GTEST_PROP(Units, EveryQuantitySurvivesItsText, ()) {
  const auto ns = *rc::gen::inRange<std::int64_t>(0, kLongestNs);
  RC_ASSERT(parse_duration(duration_text(sim::Duration{ns}))->ns == ns);
  const auto bytes = *rc::gen::inRange<std::uint64_t>(0, 1ULL << 50);
  RC_ASSERT(parse_size(size_text(bytes)) == bytes);
  const auto bits = *rc::gen::inRange<std::uint64_t>(0, 10'000'000'000'001);
  RC_ASSERT(parse_rate(rate_text(bits)) == bits);
  const auto chance = sim::Chance::per_million(*rc::gen::inRange<std::uint64_t>(1, 1'000'001));
  RC_ASSERT(parse_percent(percent_text(chance)) == chance);
}

RC_GTEST_PROP(Units, EveryNanosecondSurvivesItsText, ()) {
  const auto ns = *rc::gen::inRange<std::int64_t>(0, kLongestNs);
  RC_ASSERT(parse_duration(std::to_string(ns) + "ns")->ns == ns);
}

RC_GTEST_PROP(Units, FractionsOfSecondsAreExact, ()) {
  const auto ns = *rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000'000);
  std::string fraction = std::to_string(ns % 1'000'000'000);
  fraction.insert(0, 9 - fraction.size(), '0');
  const std::string text = std::to_string(ns / 1'000'000'000) + "." + fraction + "s";
  // 18 digits at most; what is longer must be refused, never rounded.
  const auto parsed = parse_duration(text);
  if (text.size() - 2 <= 18) {
    RC_ASSERT(parsed && parsed->ns == ns);
  } else {
    RC_ASSERT(!parsed);
  }
}

RC_GTEST_PROP(Units, NothingOverflows, ()) {
  const auto digits =
      *rc::gen::container<std::string>(rc::gen::inRange('0', static_cast<char>('9' + 1)));
  const std::string number = "1" + digits;
  const auto size = parse_size(number + "TiB");
  const auto duration = parse_duration(number + "h");
  const auto rate = parse_rate(number + "Gbit/s");
  if (number.size() > 6) RC_ASSERT(!size && !duration && !rate);
  if (size) RC_ASSERT(*size == std::stoull(number) << 40);
  if (duration) RC_ASSERT(duration->ns == std::stoll(number) * 3'600'000'000'000);
  if (rate) RC_ASSERT(*rate == std::stoull(number) * 1'000'000'000);
}

RC_GTEST_PROP(Units, AnyTextIsAQuantityOrNothing, (const std::string& text)) {
  if (const auto duration = parse_duration(text)) {
    RC_ASSERT(duration->ns >= 0 && duration->ns <= kLongestNs);
  }
  if (const auto size = parse_size(text)) RC_ASSERT(*size <= 1ULL << 50);
  if (const auto chance = parse_percent(text)) RC_ASSERT(chance->numerator <= chance->denominator);
}

}  // namespace
}  // namespace scenarios
