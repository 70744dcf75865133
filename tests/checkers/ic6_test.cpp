#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/ic_stream.hpp"

namespace checkers {
namespace {

using testing::IcStream;

constexpr const char* kTimeSync = "9527e630-d0ae-497b-adce-e80ab0175caf";
constexpr std::uint64_t kSync = 1, kSample = 2;

class TimeAfterMove : public ::testing::Test {
 protected:
  TimeAfterMove() {
    stream.agree(4);
    tell(100, kSync);
  }
  std::uint64_t tell(std::uint64_t time, std::uint64_t flags) {
    return stream.host(++transaction, {.type = 4, .version = 4, .body = {time, 0, flags}});
  }
  IcStream stream{make_ic6(), kTimeSync};
  std::uint64_t transaction = 1;
};

TEST_F(TimeAfterMove, AGuestThatIsToldAtOnceHolds) {
  tell(200, kSample);
  stream.on(2).at_ms(10);
  stream.open(7);
  tell(300, kSync);
  tell(400, kSample);
  stream.at_ms(20'000);
  EXPECT_EQ(stream.conclude().measured, "4 times told, 1 moves");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(TimeAfterMove, ASampleBeforeTheOrderIsBlamed) {
  stream.on(2);
  stream.open(7);
  EXPECT_TRUE(stream.blames(tell(300, kSample)));
}

TEST_F(TimeAfterMove, TheEndOfTheProcessorsThatItLeftChangesNothing) {
  stream.on(2);
  stream.open(7);
  stream.on(1).vp(2, traces::VpState::Stopped);
  stream.on(2);
  EXPECT_TRUE(stream.blames(tell(300, kSample)));
}

TEST_F(TimeAfterMove, AGuestThatIsNeverToldIsBlamed) {
  stream.on(2).at_ms(10);
  stream.open(7);
  stream.at_ms(5'000);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.at_ms(5'020);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

/// Of a VM that begins with a saved state nobody sees how they agreed.
TEST(TimeAfterMoveOfASavedVm, AGuestThatWasToldOnceIsOwedTheTimeToo) {
  IcStream stream(make_ic6(), kTimeSync);
  stream.open(6);
  stream.host(1, {.type = 4, .version = 4, .body = {100, 0, kSync}});
  stream.on(2).at_ms(10);
  stream.open(7);
  EXPECT_TRUE(stream.blames(stream.host(2, {.type = 4, .version = 4, .body = {300, 0, kSample}})));
  EXPECT_EQ(stream.conclude().measured, "2 times told, 1 moves");
}

TEST_F(TimeAfterMove, TimeThatGoesBackIsBlamed) { EXPECT_TRUE(stream.blames(tell(99, kSample))); }

TEST_F(TimeAfterMove, AGuestThatWasOffIsOwedNothing) {
  traces::ev::VmState off;
  off.vm = 1;
  off.state = traces::VmState::Off;
  stream.add(off);
  stream.on(2).at_ms(10);
  stream.open(7);
  stream.at_ms(20'000);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
