#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/migration_stream.hpp"

namespace checkers {
namespace {

using testing::MigrationStream;
using traces::DigestPoint;
using traces::VmState;

class DeviceEffects : public ::testing::Test {
 protected:
  std::uint64_t accept(std::uint64_t transaction) {
    traces::ev::ScsiRequest event;
    event.relid = 2;
    event.transaction = transaction;
    event.vm = 1;
    event.disk = 1;
    return stream.add(event);
  }
  std::uint64_t complete(std::uint64_t transaction) {
    traces::ev::ScsiCompletion event;
    event.relid = 2;
    event.transaction = transaction;
    event.vm = 1;
    event.disk = 1;
    return stream.add(event);
  }
  void move_to_2() {
    stream.memory(DigestPoint::Suspended, 7);
    stream.on(2);
    stream.memory(DigestPoint::Resumed, 7);
  }
  MigrationStream stream{make_mi4()};
};

TEST_F(DeviceEffects, RequestsOnEitherSideOfAMigrationHold) {
  accept(1);
  accept(2);
  complete(2);
  complete(1);
  move_to_2();
  accept(1);
  complete(1);
  accept(3);  // still on its way at the end
  EXPECT_EQ(stream.verdict(false), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "4 SRBs, 1 suspensions");
}

TEST_F(DeviceEffects, ARequestThatIsLostWithTheSourceIsBlamed) {
  accept(1);
  EXPECT_TRUE(stream.blames(stream.memory(DigestPoint::Suspended, 7)));
  EXPECT_TRUE(stream.explains("1 SRBs are outstanding"));
}

TEST_F(DeviceEffects, ACompletionAfterTheCopyIsBlamed) {
  accept(1);
  complete(1);
  stream.memory(DigestPoint::Suspended, 7);
  EXPECT_TRUE(stream.blames(complete(1)));
}

TEST_F(DeviceEffects, ARequestAfterTheCopyIsBlamed) {
  stream.memory(DigestPoint::Suspended, 7);
  EXPECT_TRUE(stream.blames(accept(1)));
}

TEST_F(DeviceEffects, ASecondCompletionIsBlamed) {
  accept(1);
  complete(1);
  EXPECT_TRUE(stream.blames(complete(1)));
}

TEST_F(DeviceEffects, ACompletionByTheOtherHostIsBlamed) {
  accept(1);
  stream.on(2);
  EXPECT_TRUE(stream.blames(complete(1)));
}

TEST_F(DeviceEffects, OneTransactionTwiceAtATimeIsBlamed) {
  accept(1);
  EXPECT_TRUE(stream.blames(accept(1)));
}

TEST_F(DeviceEffects, AnAbortLetsTheSourceGoOn) {
  stream.memory(DigestPoint::Suspended, 7);
  stream.memory(DigestPoint::Resumed, 7);
  accept(1);
  complete(1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(DeviceEffects, TheWayBackHoldsToo) {
  move_to_2();
  stream.memory(DigestPoint::Suspended, 7);
  stream.on(1);
  stream.memory(DigestPoint::Resumed, 7);
  accept(1);
  complete(1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(DeviceEffects, ALossOfPowerForgetsWhatWasOutstanding) {
  accept(1);
  stream.add(traces::ev::NodeKilled{});
  accept(1);
  complete(1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(DeviceEffects, AVmThatIsTurnedOffTakesItsRequestsWithIt) {
  accept(1);
  stream.state(VmState::Off);
  stream.memory(DigestPoint::Suspended, 7);
  stream.state(VmState::Off);
  accept(1);
  complete(1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
