#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;
using testing::EventStream;
using traces::PartitionState;

class PartitionStates : public ::testing::Test {
 protected:
  std::uint64_t change(PartitionState from, PartitionState to) {
    return stream.add(ev::PartitionState{2, from, to});
  }
  void create_and_initialize() {
    stream.call(2, 0x40, 0, PartitionState::None);
    change(PartitionState::None, PartitionState::Uninitialized);
    change(PartitionState::Uninitialized, PartitionState::Active);
    stream.call(2, 0x41, 0, PartitionState::Uninitialized);
  }
  std::uint64_t map() {
    stream.call(2, 0x4B, 0);
    ev::GpaMapped event;
    event.partition = 2;
    event.pages = 16;
    return stream.add(event);
  }

  EventStream stream{make_hv1()};
};

TEST_F(PartitionStates, AWholeLifeHolds) {
  stream.add(ev::PartitionState{1, PartitionState::Uninitialized, PartitionState::Active});
  create_and_initialize();
  map();
  stream.vp(2, traces::VpState::Running);
  stream.call(2, 0x43, 7);  // refused: it is active
  change(PartitionState::Active, PartitionState::Finalizing);
  change(PartitionState::Finalizing, PartitionState::Finalized);
  stream.call(2, 0x42, 0);
  stream.call(2, 0x43, 0, PartitionState::Finalized);
  change(PartitionState::Finalized, PartitionState::Deleted);
  stream.call(2, 0x4B, 0xD, PartitionState::None);
  EXPECT_EQ(stream.verdict(false), Verdict::Holds);
}

TEST_F(PartitionStates, APartitionThatNeverRanMayBeDeletedAtOnce) {
  stream.call(2, 0x40, 0, PartitionState::None);
  change(PartitionState::None, PartitionState::Uninitialized);
  stream.call(2, 0x43, 0, PartitionState::Uninitialized);
  change(PartitionState::Uninitialized, PartitionState::Deleted);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(PartitionStates, SkippingFinalizingIsBlamed) {
  create_and_initialize();
  EXPECT_TRUE(stream.blames(change(PartitionState::Active, PartitionState::Finalized)));
}

TEST_F(PartitionStates, LeavingAStateThatItWasNotInIsBlamed) {
  create_and_initialize();
  EXPECT_TRUE(stream.blames(change(PartitionState::Finalizing, PartitionState::Finalized)));
}

TEST_F(PartitionStates, ANumberIsNotUsedAgainInOnePowerCycle) {
  stream.call(2, 0x40, 0, PartitionState::None);
  change(PartitionState::None, PartitionState::Uninitialized);
  change(PartitionState::Uninitialized, PartitionState::Deleted);
  EXPECT_TRUE(stream.blames(change(PartitionState::None, PartitionState::Uninitialized)));
}

TEST_F(PartitionStates, AfterAPowerCycleNumbersBeginAgain) {
  create_and_initialize();
  stream.add(ev::NodeKilled{});
  create_and_initialize();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(PartitionStates, ACallThatSucceedsInTheWrongStateIsBlamed) {
  stream.call(2, 0x40, 0, PartitionState::None);
  change(PartitionState::None, PartitionState::Uninitialized);
  const auto index = change(PartitionState::Uninitialized, PartitionState::Active) + 1;
  stream.call(2, 0x43, 0, PartitionState::Active);
  EXPECT_TRUE(stream.blames(index));
}

TEST_F(PartitionStates, ARefusedCallThatChangesTheStateIsBlamed) {
  create_and_initialize();
  const auto index = change(PartitionState::Active, PartitionState::Finalizing) + 1;
  stream.call(2, 0x42, 8, PartitionState::Active);
  EXPECT_TRUE(stream.blames(index));
}

TEST_F(PartitionStates, MappingOutsideOfActiveIsBlamed) {
  stream.call(2, 0x40, 0, PartitionState::None);
  change(PartitionState::None, PartitionState::Uninitialized);
  ev::GpaMapped event;
  event.partition = 2;
  EXPECT_TRUE(stream.blames(stream.add(event)));
}

}  // namespace
}  // namespace checkers
