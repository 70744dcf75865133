#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "checkers/checker.hpp"
#include "traces/record.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;

class Determinism : public ::testing::Test {
 protected:
  /// One run that logs these lines, a millisecond apart, with detail in between.
  void run(traces::Observer& side, const std::vector<std::string>& lines, bool detail) {
    traces::Recorder recorder;
    recorder.set_detail(detail);
    recorder.attach(side, DeterminismCheck::events());
    traces::Time now{};
    for (const std::string& line : lines) {
      now.ns += 1'000'000;
      recorder.emit(now, {1}, ev::InterruptDelivered{2, 0, 0xF3});
      recorder.emit(now, {1}, ev::GuestLog{1, 2, line});
    }
  }
  DeterminismCheck check;
};

TEST_F(Determinism, EqualRunsHold) {
  run(check.first(), {"a", "b", "c"}, true);
  run(check.second(), {"a", "b", "c"}, true);
  const Finding finding = check.conclude();
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.property, "MG-3");
  EXPECT_EQ(finding.measured, "3 equal events");
}

TEST_F(Determinism, DetailDoesNotCount) {
  run(check.first(), {"a", "b"}, true);
  run(check.second(), {"a", "b"}, false);
  EXPECT_EQ(check.conclude().verdict, Verdict::Holds);
}

TEST_F(Determinism, TheFirstEventThatDiffersIsNamed) {
  run(check.first(), {"a", "b", "c", "d"}, false);
  run(check.second(), {"a", "b", "x", "y"}, false);
  const Finding finding = check.conclude();
  EXPECT_EQ(finding.verdict, Verdict::Violated);
  EXPECT_EQ(finding.event, 2u);
  EXPECT_EQ(finding.time.ns, 3'000'000);
  EXPECT_NE(finding.explanation.find("guest.log"), std::string::npos);
  EXPECT_NE(finding.explanation.find("line=x"), std::string::npos);
}

TEST_F(Determinism, ARunThatEndsEarlyIsBlamed) {
  run(check.first(), {"a", "b"}, false);
  run(check.second(), {"a"}, false);
  EXPECT_EQ(check.conclude().verdict, Verdict::Violated);
}

TEST_F(Determinism, ARunThatGoesOnIsBlamed) {
  run(check.first(), {"a"}, false);
  run(check.second(), {"a", "b"}, false);
  EXPECT_EQ(check.conclude().verdict, Verdict::Violated);
}

TEST_F(Determinism, NoEventsAreNoProof) { EXPECT_EQ(check.conclude().verdict, Verdict::Unknown); }

}  // namespace
}  // namespace checkers
