// clock-within: what guests say of their clocks, held against what their hosts were told to say.
#include <gtest/gtest.h>

#include <string>

#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

using testing::EventStream;

constexpr std::int64_t kClockMs = 1'000'000;
/// What the hosts' clocks show when the world begins, ns since 1970.
constexpr std::int64_t kBegan = 1'346'716'800'000 * kClockMs;
constexpr std::uint64_t kUnixEpoch = 116'444'736'000'000'000;

/// VM 1, whose guest was told the time at 100 ms and has run since.
class Clock : public ::testing::Test {
 protected:
  explicit Clock(std::uint32_t judged = 0)
      : stream(make_expectation({"clock-within", judged, "", 1 * kClockMs})) {
    stream.at_ms(100).vp(7, traces::VpState::Running);
    told(100);
  }

  void told(std::int64_t ms, std::uint32_t vm = 1) {
    traces::ev::TimeSync event;
    event.vm = vm;
    event.sync = true;
    event.host_time = kUnixEpoch + static_cast<std::uint64_t>((kBegan + ms * kClockMs) / 100);
    stream.at_ms(ms).add(event);
  }
  std::uint64_t says(std::int64_t ms, const std::string& line, std::uint32_t vm = 1) {
    traces::ev::GuestLog event;
    event.vm = vm;
    event.line = line;
    return stream.at_ms(ms).add(event);
  }
  /// The guest says at this time that it is so many ns later than its host's clock shows.
  std::uint64_t shows(std::int64_t ms, std::int64_t ahead_ns, std::uint32_t vm = 1) {
    return says(ms, "guest: clock " + std::to_string(kBegan + ms * kClockMs + ahead_ns), vm);
  }

  EventStream stream;
};

TEST_F(Clock, OneThatIsAsCloseAsWantedHolds) {
  shows(200, -1 * kClockMs);
  shows(300, 1 * kClockMs);
  const Finding finding = stream.conclude(false);
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.measured, "at most 1.000 ms in 2 of 2 readings");
  EXPECT_EQ(finding.bound, "1.000 ms");
}

TEST_F(Clock, OneThatIsBehindIsViolated) {
  shows(200, 0);
  const auto late = shows(300, -1 * kClockMs - 1);
  EXPECT_TRUE(stream.blames(late));
  EXPECT_TRUE(stream.explains("1.000 ms behind its host's"));
}

TEST_F(Clock, OneThatIsAheadIsViolated) {
  EXPECT_TRUE(stream.blames(shows(200, 2 * kClockMs)));
  EXPECT_TRUE(stream.explains("2.000 ms ahead of its host's"));
}

TEST_F(Clock, OneThatGoesBackIsViolatedHoweverLittle) {
  shows(200, 500'000);
  EXPECT_TRUE(stream.blames(says(200, "guest: clock " + std::to_string(kBegan + 200 * kClockMs))));
  EXPECT_TRUE(stream.explains("went back by 0.500 ms"));
}

TEST_F(Clock, AfterAPauseThereIsAMomentToSetIt) {
  stream.at_ms(1000).vp(8, traces::VpState::Running);
  shows(1049, -30 * kClockMs);
  EXPECT_EQ(stream.verdict(), Verdict::Unknown);
  const auto late = shows(1050, -30 * kClockMs);
  EXPECT_TRUE(stream.blames(late));
}

TEST_F(Clock, GuestThatBootsKnowsNoTimeUntilItIsTold) {
  traces::ev::VmState starts;
  starts.vm = 1;
  starts.state = traces::VmState::Starting;
  stream.at_ms(1000).add(starts);
  stream.vp(9, traces::VpState::Running);
  says(2000, "guest: clock 1000000");
  says(2100, "guest: clock 101000000");
  EXPECT_EQ(stream.verdict(), Verdict::Unknown);
  told(2200);
  EXPECT_TRUE(stream.blames(says(2300, "guest: clock 300000000")));
}

TEST_F(Clock, GuestWhoseClockWasSetOnceIsJudgedThoughNobodyTellsItAgain) {
  traces::ev::VpState runs;
  runs.vm = 2;
  runs.state = traces::VpState::Running;
  stream.add(runs);
  EXPECT_TRUE(stream.blames(shows(200, -5 * kClockMs, 2)));
}

/// As in a world that begins with a saved state, in which no host tells anybody the time.
TEST(ClockOfASavedVm, WhatItBeganWithIsWhatItIsHeldAgainst) {
  EventStream stream(make_expectation({"clock-within", 0, "", 1 * kClockMs}));
  const auto shows = [&stream](std::int64_t ms, std::int64_t ahead_ms) {
    traces::ev::GuestLog event;
    event.vm = 1;
    const std::string line = "guest: clock " + std::to_string(kBegan + (ms + ahead_ms) * kClockMs);
    event.line = line;
    return stream.at_ms(ms).add(event);
  };
  stream.at_ms(100).vp(7, traces::VpState::Running);
  shows(110, 0);
  shows(200, 0);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.at_ms(300).vp(8, traces::VpState::Running);
  EXPECT_TRUE(stream.blames(shows(400, -2)));
}

TEST_F(Clock, HostThatSaysAnotherTimeLaterIsNotBelieved) {
  shows(200, 0);
  traces::ev::TimeSync wrong;
  wrong.vm = 1;
  wrong.host_time = kUnixEpoch + static_cast<std::uint64_t>((kBegan + 900 * kClockMs) / 100);
  stream.at_ms(300).add(wrong);
  EXPECT_TRUE(stream.blames(shows(400, 600 * kClockMs)));
}

class ClockOfAnother : public Clock {
 protected:
  ClockOfAnother() : Clock(2) {}
};

TEST_F(ClockOfAnother, OtherLinesAndOtherVmsAreNobodysBusiness) {
  shows(200, 70 * kClockMs);
  says(210, "guest: clock", 2);
  says(220, "guest: clock -5", 2);
  says(230, "guest: clock 99999999999999999999", 2);
  says(240, "guest: clock 17 o'clock", 2);
  EXPECT_EQ(stream.verdict(), Verdict::Unknown);
}

}  // namespace
}  // namespace checkers
