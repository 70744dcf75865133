#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/ic_stream.hpp"

namespace checkers {
namespace {

using testing::IcStream;

class Heartbeats : public ::testing::Test {
 protected:
  Heartbeats() { stream.agree(); }
  std::uint64_t sends(std::uint64_t number) { return stream.host(number + 1, {.body = {number}}); }
  std::uint64_t returns(std::uint64_t number, std::uint64_t as) {
    return stream.guest(number + 1, {.flags = 5, .body = {as}});
  }
  IcStream stream{make_ic2()};
};

TEST_F(Heartbeats, ThatCountUpAndComeBackHold) {
  for (std::uint64_t number = 1; number <= 3; ++number) {
    sends(number);
    returns(number, number + 1);
  }
  const Finding finding = stream.conclude();
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.measured, "3 sent, 3 came back");
}

TEST_F(Heartbeats, ThatSkipANumberAreBlamed) {
  sends(1);
  EXPECT_TRUE(stream.blames(sends(3)));
}

TEST_F(Heartbeats, ThatRepeatANumberOnTheNextHostAreBlamed) {
  sends(1);
  stream.on(2);
  stream.open(9);
  EXPECT_TRUE(stream.blames(sends(1)));
}

TEST_F(Heartbeats, ThatComeBackAsTheyWereAreBlamed) {
  sends(1);
  EXPECT_TRUE(stream.blames(returns(1, 1)));
}

TEST_F(Heartbeats, BeginAnewWithANewNegotiation) {
  sends(1);
  sends(2);
  stream.agree();
  sends(1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Heartbeats, ThatNeverWereAskedForAreNothing) {
  returns(40, 7);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
