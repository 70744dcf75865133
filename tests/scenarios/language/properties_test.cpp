// The user's own properties in `expect`: how they read, and every mistake in them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "scenarios/language/parser.hpp"
#include "tests/scenarios/language/complaint.hpp"
#include "tests/scenarios/language/library.hpp"

namespace scenarios {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Kind = checkers::Pattern::Kind;

int first_line() {
  int lines = 1;
  for (const char c : test::quickstart()) lines += c == '\n' ? 1 : 0;
  return lines;
}

ExpectSpec read(const std::string& item) {
  return parse_scenario("s.yaml", test::quickstart() + item).expect.back();
}

/// The complaint about one entry of `expect`, without file and line when it is on the first line.
std::string wrong(const std::string& item) {
  const std::string text = test::complaint(test::quickstart() + item);
  const std::string place = "s.yaml:" + std::to_string(first_line()) + ":";
  return text.rfind(place, 0) == 0 ? text.substr(place.size()) : text;
}

TEST(Properties, ReadEveryKind) {
  const ExpectSpec never = read(
      "  - never: {event: migration.finished, where: \"outcome == aborted\"}\n"
      "    name: no aborts\n    vm: web\n");
  EXPECT_EQ(never.name, "never");
  EXPECT_EQ(never.vm, "web");
  EXPECT_EQ(never.pattern->kind, Kind::Never);
  EXPECT_EQ(never.pattern->name, "no aborts");
  EXPECT_EQ(never.pattern->events[0].event, "migration.finished");
  EXPECT_EQ(never.pattern->events[0].where, "outcome == aborted");
  const ExpectSpec answer = read(
      "  - eventually: {event: migration.finished, where: job == start.job}\n"
      "    after: {event: verb.started, as: start}\n    within: 5s\n");
  EXPECT_EQ(answer.pattern->kind, Kind::Eventually);
  EXPECT_EQ(answer.pattern->after->as, "start");
  EXPECT_EQ(answer.pattern->within->ns, 5'000'000'000);
  const ExpectSpec most = read(
      "  - at-most: 3\n    of: {event: heartbeat.sent}\n"
      "    between: {event: migration.started}\n    and: {event: migration.finished}\n");
  EXPECT_EQ(most.pattern->most, 3U);
  EXPECT_EQ(most.pattern->events[0].event, "heartbeat.sent");
  EXPECT_EQ(most.pattern->after->event, "migration.started");
  EXPECT_EQ(most.pattern->until->event, "migration.finished");
  const ExpectSpec order =
      read("  - ordered: [{event: verb.started}, {event: migration.started}, {event: vm.owner}]\n");
  EXPECT_EQ(order.pattern->events.size(), 3U);
  EXPECT_EQ(read("  - always: {event: migration.round, where: final}\n").pattern->kind,
            Kind::Always);
}

TEST(Properties, MistakesInEventsAndConditions) {
  EXPECT_EQ(wrong("  - never: {event: migration.finishd}\n"),
            "20: there is no event `migration.finishd`, did you mean `migration.finished`?");
  EXPECT_EQ(wrong("  - never: {event: zzzzzzzzzzzzzzzz}\n"),
            "20: there is no event `zzzzzzzzzzzzzzzz`, known: those of docs/events.md");
  EXPECT_EQ(wrong("  - never: {event: migration.round, where: \"page > 3\"}\n"),
            "45: event `migration.round` has no field `page` (text stands in quotes), did you mean "
            "`pages`?");
  EXPECT_EQ(wrong("  - never: {event: migration.round, where: \"pages > 3 and tok > 1s\"}\n"),
            "59: event `migration.round` has no field `tok` (text stands in quotes), did you mean "
            "`took`?");
  EXPECT_EQ(wrong("  - never: {event: migration.round, where: pages > 3 and bytes < 20ms}\n"),
            "66: cannot compare a size with a duration");
  EXPECT_EQ(wrong("  - never: {event: migration.finished, where: \"outcome == abortd\"}\n"),
            "59: `MigrationOutcome` has no value `abortd`, did you mean `aborted`?");
  EXPECT_EQ(wrong("  - ordered: [{event: vm.owner}, {event: vm.owner, where: \"vm = 1\"}]\n"),
            "63: a single `=`; to compare write `==`");
}

TEST(Properties, MistakesInTheirForm) {
  EXPECT_THAT(wrong("  - always: {event: migration.round}\n"),
              HasSubstr("`always` takes a `where`"));
  EXPECT_THAT(wrong("  - ordered: [{event: vm.owner}]\n"), HasSubstr("two events or more"));
  EXPECT_THAT(wrong("  - at-most: 3\n"), HasSubstr("at-most needs `of`"));
  EXPECT_THAT(wrong("  - at-most: many\n    of: {event: vm.owner}\n"),
              HasSubstr("`many` is not a whole number"));
  EXPECT_THAT(wrong("  - never: {event: vm.owner}\n    of: {event: vm.owner}\n"),
              HasSubstr("`of` belongs to at-most"));
  EXPECT_THAT(wrong("  - at-most: 3\n    of: {event: vm.owner}\n    after: {event: vm.owner}\n"),
              HasSubstr("at-most counts `between`"));
  EXPECT_THAT(wrong("  - at-most: 3\n    of: {event: vm.owner}\n    and: {event: vm.owner}\n"),
              HasSubstr("`between` is missing"));
  EXPECT_THAT(wrong("  - never: {event: vm.owner}\n    within: 3s\n"),
              HasSubstr("`within` belongs to `eventually`"));
  EXPECT_THAT(wrong("  - never: {event: vm.owner}\n    always: {event: vm.owner}\n"),
              StartsWith("5: two expectations in one entry: `never` and `always`"));
  EXPECT_THAT(wrong("  - no-guest-panic: true\n    within: 3s\n"),
              HasSubstr("`within` belongs to a pattern, not to `no-guest-panic`"));
  EXPECT_THAT(wrong("  - never: {event: vm.owner, as: a-b}\n"), HasSubstr("- is minus there"));
  EXPECT_THAT(wrong("  - never: {event: world.ended}\n    vm: web\n"),
              HasSubstr("event `world.ended` has no field `vm`; leave `vm` out"));
  EXPECT_THAT(wrong("  - never: {evnt: vm.owner}\n"), HasSubstr("did you mean `event`?"));
  EXPECT_THAT(wrong("  - never: vm.owner\n"), HasSubstr("expected a mapping with keys"));
  EXPECT_THAT(wrong("  - within: 3s\n"), HasSubstr("an entry names one expectation"));
}

}  // namespace
}  // namespace scenarios
