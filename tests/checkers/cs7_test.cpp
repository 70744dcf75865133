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

}  // namespace
}  // namespace checkers
