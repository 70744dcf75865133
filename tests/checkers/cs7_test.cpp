#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;
using testing::EventStream;

class SingleWriter : public ::testing::Test {
 protected:
  std::uint64_t open(std::uint32_t node, std::uint64_t epoch, bool granted = true) {
    return stream.on(node).add(ev::DiskOpened{1, epoch, granted});
  }
  std::uint64_t close(std::uint32_t node, std::uint64_t epoch) {
    return stream.on(node).add(ev::DiskClosed{1, epoch});
  }
  std::uint64_t write(std::uint64_t epoch) {
    return stream.on(9).add(ev::DiskWrite{1, epoch, 8, 1, 0});
  }
  EventStream stream{make_cs7()};
};

TEST_F(SingleWriter, OwnersOneAfterTheOtherHold) {
  open(1, 1);
  open(1, 1);
  write(1);
  open(2, 1, false);
  write(1);
  close(1, 1);
  open(2, 2);
  write(2);
  EXPECT_EQ(stream.verdict(false), Verdict::Holds);
}

TEST_F(SingleWriter, AnOwnerMayBeReplacedUnderANewEpoch) {
  open(1, 1);
  open(2, 2);
  write(2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(write(1)));
}

TEST_F(SingleWriter, AWriteBetweenOwnersIsBlamed) {
  open(1, 1);
  close(1, 1);
  EXPECT_TRUE(stream.blames(write(1)));
}

TEST_F(SingleWriter, AWriteToADiskThatNobodyOpenedIsBlamed) {
  EXPECT_TRUE(stream.blames(write(0)));
}

TEST_F(SingleWriter, AnEpochThatIsGrantedTwiceIsBlamed) {
  open(1, 1);
  close(1, 1);
  EXPECT_TRUE(stream.blames(open(2, 1)));
}

TEST_F(SingleWriter, TwoOwnersAreBlamed) {
  open(1, 1);
  EXPECT_TRUE(stream.blames(open(2, 1)));
}

TEST_F(SingleWriter, AStrangerThatClosesIsBlamed) {
  open(1, 1);
  EXPECT_TRUE(stream.blames(close(2, 1)));
}

/// VM 1 has disk 1 and runs on node 1 in partition 5.
class DiskOfAVm : public SingleWriter {
 protected:
  DiskOfAVm() {
    stream.add(ev::VmDisk{1, 1});
    open(1, 1);
    created(1, 5);
  }
  void created(std::uint32_t node, std::uint64_t partition) {
    ev::VmCreated event;
    event.vm = 1;
    event.partition = partition;
    stream.on(node).add(event);
  }
  std::uint64_t off(std::uint32_t node) {
    ev::VmState event;
    event.vm = 1;
    event.state = traces::VmState::Off;
    return stream.on(node).add(event);
  }
  std::uint64_t deleted(std::uint32_t node, std::uint64_t partition) {
    ev::PartitionState event;
    event.partition = partition;
    event.to = traces::PartitionState::Deleted;
    return stream.on(node).add(event);
  }
};

TEST_F(DiskOfAVm, TurnedOffAndClosedHolds) {
  close(1, 1);
  deleted(1, 5);
  off(1);
  EXPECT_EQ(stream.at_ms(1).verdict(false), Verdict::Holds);
}

TEST_F(DiskOfAVm, ClosedWithinTheSameInstantHolds) {
  deleted(1, 5);
  off(1);
  close(1, 1);
  stream.at_ms(1);
  off(1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(DiskOfAVm, TurnedOffWithItsDiskOpenIsBlamed) {
  const std::uint64_t when = off(1);
  EXPECT_TRUE(stream.blames(when));
  EXPECT_TRUE(stream.explains("node 1 has turned off VM 1 and keeps its disk 1 open"));
}

TEST_F(DiskOfAVm, StartedAgainInTheSameInstantItNeedsItsDisk) {
  off(1);
  ev::VmState starting;
  starting.vm = 1;
  starting.state = traces::VmState::Starting;
  stream.add(starting);
  stream.at_ms(1);
  write(1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(DiskOfAVm, ClosedLaterIsTooLate) {
  const std::uint64_t when = off(1);
  stream.at_ms(1);
  close(1, 1);
  EXPECT_TRUE(stream.blames(when));
}

TEST_F(DiskOfAVm, APartitionThatIsDeletedWithItsDiskOpenIsBlamed) {
  const std::uint64_t when = deleted(1, 5);
  EXPECT_TRUE(stream.blames(when));
  EXPECT_TRUE(stream.explains("node 1 has deleted the partition of VM 1"));
}

TEST_F(DiskOfAVm, AnotherPartitionOfTheVmMayHaveIt) {
  created(1, 6);
  deleted(1, 5);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(DiskOfAVm, WhatAnotherHostHasOpenIsNoMatterOfThisOne) {
  close(1, 1);
  open(2, 2);
  created(2, 5);
  deleted(1, 5);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(DiskOfAVm, AHostThatDiedObligesNobody) {
  stream.on(1).add(ev::NodeKilled{});
  stream.at_ms(1);
  off(1);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  open(1, 1);
  created(1, 1);
  EXPECT_TRUE(stream.blames(off(1)));
}

}  // namespace
}  // namespace checkers
