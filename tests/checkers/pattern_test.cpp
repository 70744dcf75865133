// The user's own properties: each kind holds, is violated and is undecided when it should be.
#include "checkers/pattern.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

using testing::EventStream;
using ::testing::HasSubstr;
using Kind = Pattern::Kind;

traces::ev::MigrationRound round_of(std::uint64_t pages, std::uint32_t vm = 1,
                                    std::uint64_t job = 1) {
  traces::ev::MigrationRound round;
  round.vm = vm;
  round.job = job;
  round.pages = pages;
  return round;
}

traces::ev::VerbStarted verb(const char* name, std::uint64_t job = 1) {
  traces::ev::VerbStarted event;
  event.verb = name;
  event.job = job;
  return event;
}

traces::ev::MigrationFinished finished(traces::MigrationOutcome outcome, std::uint64_t job = 1) {
  traces::ev::MigrationFinished event;
  event.outcome = outcome;
  event.job = job;
  event.vm = 1;
  return event;
}

Pattern pattern(Kind kind, std::vector<EventPattern> events) {
  Pattern pattern;
  pattern.kind = kind;
  pattern.events = std::move(events);
  return pattern;
}

constexpr auto kCompleted = traces::MigrationOutcome::Completed;
constexpr auto kAborted = traces::MigrationOutcome::Aborted;

TEST(Never, IsViolatedByTheFirstThatMatches) {
  EventStream stream(
      make_pattern(pattern(Kind::Never, {{"migration.finished", "outcome == aborted", ""}})));
  stream.at_ms(1).add(finished(kCompleted));
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  const auto bad = stream.at_ms(2).add(finished(kAborted));
  stream.at_ms(3).add(finished(kAborted));
  EXPECT_TRUE(stream.blames(bad));
  EXPECT_THAT(stream.conclude().explanation, HasSubstr("migration.finished on "));
  EXPECT_THAT(stream.conclude().explanation, HasSubstr("outcome=aborted"));
}

TEST(Never, AfterAndWithinLimitIt) {
  Pattern never = pattern(Kind::Never, {{"migration.round", "job == start.job", ""}});
  never.after = EventPattern{"verb.started", "verb == 'move-vm'", "start"};
  never.within = traces::Duration{10'000'000};
  EventStream stream(make_pattern(never));
  stream.at_ms(1).add(round_of(1));
  stream.at_ms(2).add(verb("move-vm"));
  stream.at_ms(3).add(round_of(1, 1, 2));
  stream.at_ms(13).add(round_of(1));
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.at_ms(20).add(verb("move-vm"));
  const auto bad = stream.at_ms(30).add(round_of(1));
  EXPECT_TRUE(stream.blames(bad));
}

TEST(Always, EveryEventOfTheTypeCounts) {
  EventStream stream(make_pattern(pattern(Kind::Always, {{"migration.round", "pages <= 10", ""}})));
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.add(round_of(10));
  EXPECT_EQ(stream.conclude().measured, "1 of 1");
  EXPECT_TRUE(stream.blames(stream.add(round_of(11))));
}

TEST(Always, OfOneVmOnly) {
  EventStream stream(
      make_pattern(pattern(Kind::Always, {{"migration.round", "pages <= 10", ""}}), 2));
  stream.add(round_of(11, 1));
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(stream.add(round_of(11, 2))));
}

TEST(Always, ArithmeticThatFailsLeavesItUndecided) {
  EventStream stream(
      make_pattern(pattern(Kind::Always, {{"migration.round", "10 / pages < 99", ""}})));
  stream.add(round_of(0));
  EXPECT_EQ(stream.verdict(), Verdict::Unknown);
  EXPECT_THAT(stream.conclude().explanation, HasSubstr("division by 0"));
}

TEST(Eventually, OnceInTheRun) {
  const auto make = [] {
    return make_pattern(pattern(Kind::Eventually, {{"migration.finished", "", ""}}));
  };
  EventStream without(make());
  EXPECT_EQ(without.verdict(), Verdict::Violated);
  EventStream with(make());
  with.at_ms(7).add(finished(kCompleted));
  EXPECT_EQ(with.verdict(), Verdict::Holds);
  EXPECT_EQ(with.conclude().measured, "at most 7.000 ms");
}

Pattern answered() {
  Pattern answer = pattern(Kind::Eventually, {{"migration.finished", "job == start.job", ""}});
  answer.after = EventPattern{"verb.started", "verb == 'move-vm'", "start"};
  answer.within = traces::Duration{5'000'000};
  return answer;
}

TEST(Eventually, EveryStartIsAnswered) {
  EventStream stream(make_pattern(answered()));
  stream.at_ms(1).add(verb("move-vm", 1));
  stream.at_ms(2).add(verb("move-vm", 2));
  stream.at_ms(3).add(verb("stop-vm", 3));
  stream.at_ms(4).add(finished(kCompleted, 2));
  stream.at_ms(6).add(finished(kCompleted, 1));
  stream.at_ms(100).add(verb("stop-vm", 4));
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "2 of 2, at most 5.000 ms");
  EXPECT_EQ(stream.conclude().bound, "5ms");
}

TEST(Eventually, TheDeadlineIsTheFirstEventThatIsTooLate) {
  EventStream stream(make_pattern(answered()));
  stream.at_ms(1).add(verb("move-vm", 1));
  stream.at_ms(2).add(finished(kCompleted, 2));
  const auto late = stream.at_ms(7).add(finished(kCompleted, 1));
  EXPECT_TRUE(stream.blames(late));
  EXPECT_THAT(stream.conclude().explanation, HasSubstr("event 0 at 1ms"));
  EXPECT_THAT(stream.conclude().explanation, HasSubstr("within 5ms"));
}

TEST(Eventually, TheEndOfTheRunDecidesOnlyWhatWasDue) {
  EventStream open(make_pattern(answered()));
  open.at_ms(1).add(verb("move-vm", 1));
  open.at_ms(6);
  EXPECT_EQ(open.verdict(), Verdict::Unknown);
  EventStream due(make_pattern(answered()));
  due.at_ms(1).add(verb("move-vm", 1));
  due.at_ms(7);
  EXPECT_EQ(due.verdict(), Verdict::Violated);
  Pattern some_time = answered();
  some_time.within.reset();
  EventStream without(make_pattern(some_time));
  without.at_ms(1).add(verb("move-vm", 1));
  EXPECT_EQ(without.verdict(), Verdict::Violated);
}

TEST(AtMost, InTheWholeRun) {
  Pattern most = pattern(Kind::AtMost, {{"migration.round", "", ""}});
  most.most = 2;
  EventStream stream(make_pattern(most));
  stream.add(round_of(1));
  stream.add(round_of(1));
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "2");
  EXPECT_TRUE(stream.blames(stream.add(round_of(1))));
}

TEST(AtMost, BetweenTwoEvents) {
  Pattern most = pattern(Kind::AtMost, {{"migration.round", "job == start.job", ""}});
  most.most = 1;
  most.after = EventPattern{"verb.started", "", "start"};
  most.until = EventPattern{"migration.finished", "job == start.job", ""};
  EventStream stream(make_pattern(most));
  stream.add(round_of(1));
  stream.add(round_of(1));
  stream.add(verb("move-vm", 1));
  stream.add(round_of(1));
  stream.add(round_of(1, 1, 2));
  stream.add(finished(kCompleted, 2));
  stream.add(finished(kCompleted, 1));
  stream.add(round_of(1));
  stream.add(verb("move-vm", 1));
  stream.add(round_of(1));
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(stream.add(round_of(1))));
  EXPECT_THAT(stream.conclude().explanation, HasSubstr("is number 2 since verb.started"));
}

Pattern in_order() {
  return pattern(Kind::Ordered, {{"verb.started", "verb == 'move-vm'", "start"},
                                 {"migration.round", "job == start.job", ""},
                                 {"migration.finished", "job == start.job", ""}});
}

TEST(Ordered, RoundsMayComeAgainAndWhatHadItsTurnMayRepeat) {
  EventStream stream(make_pattern(in_order()));
  stream.add(finished(kCompleted, 1));  // of no move that has begun
  for (std::uint64_t job = 1; job < 3; ++job) {
    stream.add(verb("move-vm", job));
    stream.add(round_of(1, 1, job));
    stream.add(round_of(1, 1, job));
    stream.add(finished(kCompleted, job));
    stream.add(finished(kCompleted, job));
  }
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "2 times");
}

TEST(Ordered, NoneComesBeforeTheOneListedBeforeIt) {
  EventStream stream(make_pattern(in_order()));
  stream.add(verb("move-vm", 1));
  const auto bad = stream.add(finished(kCompleted, 1));
  EXPECT_TRUE(stream.blames(bad));
  EXPECT_THAT(stream.conclude().explanation, HasSubstr("before any migration.round"));
}

TEST(Ordered, AnOrderThatIsNeverCompleteIsViolated) {
  EventStream stream(make_pattern(in_order()));
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
  stream.add(verb("move-vm", 1));
  EXPECT_THAT(stream.conclude().explanation, HasSubstr("there was no"));
}

TEST(Patterns, WithoutTheDetailTheyNeedNothingIsSaid) {
  EventStream stream(make_pattern(pattern(Kind::Never, {{"ring.produced", "", ""}})));
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
  EXPECT_EQ(stream.verdict(true), Verdict::Holds);
}

TEST(Patterns, NamesInReports) {
  Pattern never = pattern(Kind::Never, {{"migration.finished", "outcome == aborted", ""}});
  EXPECT_EQ(make_pattern(never)->conclude({}, true).property, "never migration.finished");
  never.name = "no aborts";
  const Finding finding = make_pattern(never)->conclude({}, true);
  EXPECT_EQ(finding.property, "no aborts");
  EXPECT_EQ(finding.statement, "never migration.finished (outcome == aborted)");
}

TEST(Patterns, MistakesNameTheirPart) {
  Pattern bad = answered();
  EXPECT_FALSE(find_mistake(bad));
  bad.events[0].where = "job == begin.job";
  EXPECT_EQ(find_mistake(bad)->offset, 7U);
  EXPECT_TRUE(find_mistake(bad)->in_where);
  bad.after->event = "verb.startd";
  EXPECT_EQ(find_mistake(bad)->part, PatternMistake::Part::After);
  EXPECT_FALSE(find_mistake(bad)->in_where);
  EXPECT_EQ(find_mistake(bad)->word, "verb.startd");
  Pattern early = in_order();
  early.events[0].where = "job == later.job";
  early.events[1].as = "later";
  EXPECT_EQ(find_mistake(early)->index, 0U) << "only what comes before can be named";
}

TEST(Patterns, NodesAreKnownByName) {
  EventStream stream(
      make_pattern(pattern(Kind::Never, {{"migration.round", "node == 'beta'", ""}})));
  traces::ev::NodeAdded added;
  added.name = "beta";
  stream.on(2).add(added);
  stream.on(1).add(round_of(1));
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(stream.on(2).add(round_of(1))));
}

}  // namespace
}  // namespace checkers
