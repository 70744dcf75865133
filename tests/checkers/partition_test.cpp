// HV-2, HV-3, HV-9 and HV-10: numbers, pools, intercepts and the end of partitions.
#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;
using testing::EventStream;
using traces::PartitionState;
using traces::VpState;

constexpr std::uint16_t kCreateVp = 0x4E;

class PartitionIds : public ::testing::Test {
 protected:
  PartitionIds() {
    stream.add(ev::PartitionState{1, PartitionState::Uninitialized, PartitionState::Active});
  }
  std::uint64_t create(std::uint64_t id) {
    return stream.add(ev::PartitionState{id, PartitionState::None, PartitionState::Uninitialized});
  }
  void destroy(std::uint64_t id) {
    stream.add(ev::PartitionState{id, PartitionState::Finalized, PartitionState::Deleted});
  }
  std::uint64_t vp(std::uint32_t index, std::uint64_t partition = 2) {
    return stream.add(ev::VpState{1, partition, index, VpState::Suspended, "created"});
  }
  std::uint64_t create_vp(std::uint32_t index) {
    stream.call(2, kCreateVp, 0);
    return vp(index);
  }
  EventStream stream{make_hv2()};
};

TEST_F(PartitionIds, ThatGrowHold) {
  create(2);
  create_vp(0);
  create_vp(1);
  stream.call(2, kCreateVp, 0xE);
  vp(1);
  destroy(2);
  create(3);
  stream.call(3, kCreateVp, 0);
  vp(0, 3);
  EXPECT_EQ(stream.verdict(false), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "3 partitions, 3 processors");
}

TEST_F(PartitionIds, OfDeletedPartitionsAreNotUsedAgain) {
  create(2);
  destroy(2);
  EXPECT_TRUE(stream.blames(create(2)));
}

TEST_F(PartitionIds, BeginAnewWithTheHost) {
  create(2);
  stream.add(ev::NodeKilled{});
  stream.add(ev::PartitionState{1, PartitionState::Uninitialized, PartitionState::Active});
  create(2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(PartitionIds, AreNumbersOfOneHost) {
  create(2);
  stream.on(2);
  stream.add(ev::PartitionState{1, PartitionState::Uninitialized, PartitionState::Active});
  create(2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(PartitionIds, AProcessorThatIsCreatedTwiceIsBlamed) {
  create(2);
  create_vp(0);
  EXPECT_TRUE(stream.blames(create_vp(0)));
}

TEST_F(PartitionIds, AProcessorBeyondTheLargestIndexIsBlamed) {
  create(2);
  create_vp(63);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(create_vp(64)));
}

TEST_F(PartitionIds, AProcessorThatWasNeverCreatedIsBlamed) {
  create(2);
  create_vp(0);
  EXPECT_TRUE(stream.blames(vp(1)));
}

class PoolMemory : public ::testing::Test {
 protected:
  std::uint64_t pool(std::uint64_t deposited, std::uint64_t withdrawn, std::uint64_t available,
                     std::uint64_t in_use) {
    return stream.add(ev::PoolChanged{2, deposited, withdrawn, available, in_use});
  }
  std::uint64_t destroy() {
    return stream.add(ev::PartitionState{2, PartitionState::Finalized, PartitionState::Deleted});
  }
  EventStream stream{make_hv3()};
};

TEST_F(PoolMemory, ThatAddsUpHolds) {
  pool(16, 0, 16, 0);
  pool(0, 0, 8, 8);
  pool(4, 0, 12, 8);
  pool(0, 0, 20, 0);
  pool(0, 20, 0, 0);
  destroy();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "20 pages deposited");
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(PoolMemory, ThatIsLostIsBlamed) {
  pool(16, 0, 16, 0);
  EXPECT_TRUE(stream.blames(pool(0, 0, 8, 7)));
}

TEST_F(PoolMemory, ThatComesFromNowhereIsBlamed) { EXPECT_TRUE(stream.blames(pool(16, 0, 17, 0))); }

TEST_F(PoolMemory, MoreThanThereIsCannotBeWithdrawn) {
  pool(16, 0, 16, 0);
  EXPECT_TRUE(stream.blames(pool(0, 17, 0, 0)));
}

TEST_F(PoolMemory, ThatIsLeftAtTheDeletionIsBlamed) {
  pool(16, 0, 16, 0);
  EXPECT_TRUE(stream.blames(destroy()));
}

TEST_F(PoolMemory, IsGoneWithTheHost) {
  pool(16, 0, 16, 0);
  stream.add(ev::NodeKilled{});
  pool(8, 0, 8, 0);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

class Intercepts : public ::testing::Test {
 protected:
  std::uint64_t intercept() {
    ev::VpIntercept event;
    event.partition = 2;
    return stream.add(event);
  }
  std::uint64_t vp(std::uint32_t index, VpState state) {
    return stream.add(ev::VpState{1, 2, index, state, ""});
  }
  EventStream stream{make_hv9()};
};

TEST_F(Intercepts, ThatStopTheirProcessorHold) {
  intercept();
  vp(0, VpState::Stopped);
  stream.add(ev::InterruptDelivered{2, 1, 0x50});  // the other one goes on
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "1 intercepts");
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(Intercepts, ThatStopNobodyAreBlamed) { EXPECT_TRUE(stream.blames(intercept())); }

TEST_F(Intercepts, ThatStopAnotherAreBlamed) {
  intercept();
  EXPECT_TRUE(stream.blames(vp(1, VpState::Stopped)));
}

TEST_F(Intercepts, ThatStopLateAreBlamed) {
  intercept();
  stream.at_ms(1);
  EXPECT_TRUE(stream.blames(vp(0, VpState::Stopped)));
}

TEST_F(Intercepts, AStoppedProcessorThatActsIsBlamed) {
  intercept();
  vp(0, VpState::Stopped);
  EXPECT_TRUE(stream.blames(stream.add(ev::InterruptDelivered{2, 0, 0x50})));
}

TEST_F(Intercepts, AStoppedProcessorThatRunsAgainIsBlamed) {
  intercept();
  vp(0, VpState::Stopped);
  EXPECT_TRUE(stream.blames(vp(0, VpState::Running)));
}

class DeletedPartitions : public ::testing::Test {
 protected:
  DeletedPartitions() {
    stream.call(2, 0x43, 0, PartitionState::Finalized);
    stream.add(ev::PartitionState{2, PartitionState::Finalized, PartitionState::Deleted});
  }
  EventStream stream{make_hv10()};
};

TEST_F(DeletedPartitions, ThatStayDeletedHold) {
  stream.call(2, 0x4B, 0xD, PartitionState::None);  // refused
  stream.add(ev::EventSignalled{3, 1, 0, 0});
  stream.on(2);
  stream.add(ev::EventSignalled{2, 1, 0, 0});  // another host's
  EXPECT_EQ(stream.verdict(false), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "1 deleted");
}

TEST_F(DeletedPartitions, ThatActAreBlamed) {
  EXPECT_TRUE(stream.blames(stream.add(ev::EventSignalled{2, 1, 0, 0})));
}

TEST_F(DeletedPartitions, ThatAreServedAreBlamed) {
  const auto index = stream.add(ev::EventSignalled{3, 1, 0, 0}) + 1;
  stream.call(2, 0x4B, 0, PartitionState::None);
  EXPECT_TRUE(stream.blames(index));
}

TEST_F(DeletedPartitions, AreForgottenWithTheirHost) {
  stream.add(ev::NodeKilled{});
  stream.add(ev::EventSignalled{2, 1, 0, 0});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
