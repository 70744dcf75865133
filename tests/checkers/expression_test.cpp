// Conditions over events: what they say, and what is wrong with them.
#include "checkers/expression.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "traces/events.hpp"

namespace checkers {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using Result = Expression::Result;

traces::ev::MigrationRound round_event() {
  traces::ev::MigrationRound round;
  round.job = 3;
  round.vm = 1;
  round.round = 2;
  round.final = true;
  round.pages = 100;
  round.bytes = 64ULL << 20;
  round.took = traces::Duration{20'000'000};
  round.remaining = 0;
  return round;
}

template <class E>
traces::Event event_of(const E& payload, std::int64_t ms) {
  traces::Event event;
  event.type = E::kType;
  event.time = traces::Time{ms * 1'000'000};
  event.node = traces::NodeId{1};
  event.payload = &payload;
  return event;
}

/// Holds a condition against a migration.round at 500ms, and its phase `start` at 490ms.
Result test(const std::string& text, std::string* why = nullptr, bool started = true) {
  const auto payload = round_event();
  const traces::Event event = event_of(payload, 500);
  traces::ev::MigrationPhase phase;
  phase.job = 3;
  phase.phase = traces::MigrationPhase::StopAndCopy;
  const traces::Event start = event_of(phase, 490);
  const ExpressionScope scope{traces::find_event("migration.round"),
                              {{"start", traces::find_event("migration.phase")}}};
  const std::vector<const traces::Event*> captures{started ? &start : nullptr};
  const traces::NodeNames names;
  std::string ignored;
  return Expression(text, scope).test({event, names, captures}, why != nullptr ? *why : ignored);
}

ExpressionMistake mistake(const std::string& text, const char* event = "migration.round") {
  try {
    const ExpressionScope scope{traces::find_event(event),
                                {{"start", traces::find_event("migration.phase")}}};
    Expression(text, scope);
  } catch (const ExpressionMistake& found) {
    return found;
  }
  return {9999, "", "", {}};
}

void expect_mistake(const std::string& text, std::size_t offset, const std::string& says,
                    const char* event = "migration.round") {
  const ExpressionMistake found = mistake(text, event);
  EXPECT_EQ(found.offset, offset) << text << ": " << found.text;
  EXPECT_THAT(found.text, HasSubstr(says)) << text;
}

TEST(Expression, TrueOnes) {
  for (const char* text : {"bytes == 64MiB",
                           "bytes <= 0.0625GiB",
                           "pages > 99 and pages < 101",
                           "final",
                           "not (final and pages == 1)",
                           "took == 20ms",
                           "took / 1us == 20000",
                           "time == 0.5s",
                           "time - start.time < 20ms",
                           "time - start.time == 10ms",
                           "job == start.job",
                           "start.phase == stop_and_copy",
                           "stop_and_copy == start.phase",
                           "start.phase != 'commit'",
                           "bytes / pages > 600KiB",
                           "pages * 4KiB == 400KiB",
                           "2 + 3 * 4 == 14",
                           "(2 + 3) * 4 == 20",
                           "10 - 4 - 3 == 3",
                           "24 / 4 / 2 == 3",
                           "-pages < 0",
                           "- - 1 == 1",
                           "remaining == 0",
                           "bytes > 0",
                           "took > 0",
                           "round == 2 or pages / remaining == 1",
                           "node == 'node-1'",
                           "node != \"alpha\"",
                           "0xff == 255",
                           "final == true",
                           "not false",
                           "time > took"}) {
    EXPECT_EQ(test(text), Result::True) << text;
  }
}

TEST(Expression, FalseOnes) {
  for (const char* text : {"bytes < 64MiB", "final == false", "not final", "round == 1 and final",
                           "start.phase == commit", "took > 20ms", "node == 'alpha'"}) {
    EXPECT_EQ(test(text), Result::False) << text;
  }
}

TEST(Expression, AndBindsTighterThanOr) {
  EXPECT_EQ(test("final or final and false"), Result::True);
  EXPECT_EQ(test("(final or final) and false"), Result::False);
  EXPECT_EQ(test("not false and false"), Result::False);
}

TEST(Expression, WhatHasNotHappenedIsMissing) {
  EXPECT_EQ(test("time - start.time < 20ms", nullptr, false), Result::Missing);
  EXPECT_EQ(test("not (job == start.job)", nullptr, false), Result::Missing);
  EXPECT_EQ(test("final or job == start.job", nullptr, false), Result::True);
}

TEST(Expression, ArithmeticThatFailsSaysSo) {
  std::string why;
  EXPECT_EQ(test("pages / remaining > 1", &why), Result::Failed);
  EXPECT_EQ(why, "division by 0");
  EXPECT_EQ(test("pages * 18446744073709551615 > 1", &why), Result::Failed);
  EXPECT_THAT(why, HasSubstr("does not fit in 64 bits"));
  EXPECT_EQ(test("not (-9223372036854775807 - 2 < 0)", &why), Result::Failed);
  EXPECT_EQ(test("remaining > 0 and pages / remaining > 1"), Result::False) << "not looked at";
}

TEST(Expression, MistakesStandAtTheirPlace) {
  expect_mistake("pges > 3", 0, "event `migration.round` has no field `pges`");
  EXPECT_THAT(mistake("pges > 3").known, Contains("pages"));
  expect_mistake("pages > 3 and strt.time > 1s", 14, "there is no event `strt` here");
  EXPECT_THAT(mistake("strt.time > 1s").known, Contains("start"));
  expect_mistake("start.tme > 1s", 0, "event `migration.phase` has no field `tme`");
  expect_mistake("bytes < 20ms", 8, "cannot compare a size with a duration");
  expect_mistake("bytes < 20", 8, "sizes carry a unit");
  expect_mistake("took < 20", 7, "durations carry a unit");
  expect_mistake("took + bytes > 1s", 5, "`+` does not join a duration and a size");
  expect_mistake("took * took > 1s", 5, "`*` does not join a duration and a duration");
  expect_mistake("start.phase == comit", 15, "`MigrationPhase` has no value `comit`");
  EXPECT_THAT(mistake("start.phase == comit").known, Contains("commit"));
  expect_mistake("start.phase < commit", 12, "orders numbers");
  expect_mistake("pages", 0, "a condition is true or false; this is a number");
  expect_mistake("pages = 3", 6, "to compare write `==`");
  expect_mistake("pages == ", 9, "something is missing at the end");
  expect_mistake("(pages == 1", 11, "expected `)`");
  expect_mistake("pages == 1)", 10, "expected an operator or the end");
  expect_mistake("1 < pages < 3", 10, "comparisons do not chain");
  expect_mistake("pages and final", 6, "`and` joins conditions, not a number");
  expect_mistake("pages == 3MB", 9, "`3MB` is not a number, a size");
  expect_mistake("pages == 0.3B", 9, "is not a number");
  expect_mistake("pages == 99999999999999999999", 9, "is not a number");
  expect_mistake("took == 999999999h", 8, "is not a number");
  expect_mistake("pages == 'x", 9, "has no end");
  expect_mistake("pages # 3", 6, "`#` has no meaning here");
  expect_mistake("node == alpha", 8, "(text stands in quotes)");
  expect_mistake("- final", 0, "`-` stands before a number");
  expect_mistake("set == 1", 0, "string of bytes", "memory.written");
  expect_mistake("digest < digest", 7, "orders numbers", "memory.digest");
  expect_mistake(std::string(200, '(') + "final", 60, "nested too deeply");
  expect_mistake(std::string(1001, ' '), 0, "too long");
  expect_mistake("", 0, "something is missing");
}

RC_GTEST_PROP(Expression, AnyTextIsAConditionOrAMistakeInsideOfIt, ()) {
  static const std::vector<std::string> kWords{
      "bytes", "took", "final", "time", "node", "start", ".",  "phase", "commit", "and", "or",
      "not",   "==",   "<",     "+",    "-",    "*",     "/",  "(",     ")",      "3",   "20ms",
      "4KiB",  "'",    "\"",    "=",    "!",    "0x",    "1.", "\xc3",  "true"};
  std::string text;
  for (int left = *rc::gen::inRange(0, 12); left > 0; --left) {
    text += *rc::gen::elementOf(kWords);
    if (*rc::gen::arbitrary<bool>()) text += ' ';
  }
  const ExpressionScope scope{traces::find_event("migration.round"), {}};
  try {
    const Expression read(text, scope);
    const auto payload = round_event();
    const traces::NodeNames names;
    std::string why;
    read.test({event_of(payload, 1), names, {}}, why);
  } catch (const ExpressionMistake& found) {
    RC_ASSERT(found.offset <= text.size());
    RC_ASSERT(!found.text.empty());
  }
}

RC_GTEST_PROP(Expression, SumsAreExactOrFail, ()) {
  const auto a = *rc::gen::arbitrary<std::uint64_t>();
  const auto b = *rc::gen::arbitrary<std::uint64_t>();
  const auto sum = static_cast<unsigned __int128>(a) + b;
  const bool fits = sum <= std::numeric_limits<std::uint64_t>::max();
  const std::string text = std::to_string(a) + " + " + std::to_string(b) +
                           " == " + std::to_string(static_cast<std::uint64_t>(sum));
  RC_ASSERT(test(text) == (fits ? Result::True : Result::Failed));
}

}  // namespace
}  // namespace checkers
