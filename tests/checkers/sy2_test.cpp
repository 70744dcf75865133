#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/synic_stream.hpp"

namespace checkers {
namespace {

using testing::SynicStream;

class MessageOrder : public ::testing::Test {
 protected:
  MessageOrder() {
    stream.vp(2, traces::VpState::Running);
    stream.post(1, "eins");
    stream.post(0, "refused", 0x13);
    stream.post(2, "zwei");
  }
  SynicStream stream{make_sy2()};
};

TEST_F(MessageOrder, TheOrderOfPostsHolds) {
  stream.delivered(1, "eins");
  stream.delivered(2, "zwei");
  EXPECT_EQ(stream.verdict(false), Verdict::Holds);
}

TEST_F(MessageOrder, AnOlderOneAfterAYoungerOneIsBlamed) {
  stream.delivered(2, "zwei");
  EXPECT_TRUE(stream.blames(stream.delivered(1, "eins")));
}

TEST_F(MessageOrder, ASecondDeliveryIsBlamed) {
  stream.delivered(1, "eins");
  EXPECT_TRUE(stream.blames(stream.delivered(1, "eins")));
}

TEST_F(MessageOrder, ADeliveryWithoutAPostIsBlamed) {
  EXPECT_TRUE(stream.blames(stream.delivered(3, "drei")));
}

TEST_F(MessageOrder, AnotherContentUnderTheSameNumberIsBlamed) {
  EXPECT_TRUE(stream.blames(stream.delivered(1, "drei")));
}

TEST_F(MessageOrder, TheOrderPassesOverToTheTarget) {
  stream.delivered(1, "eins");
  stream.call(2, testing::kSaveCall, 0);
  stream.on(2);
  stream.vp(5, traces::VpState::Suspended);
  stream.call(5, testing::kRestoreCall, 0);
  stream.delivered(2, "zwei", 5);
  stream.post(3, "drei", 0, 5);
  stream.delivered(3, "drei", 5);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(stream.delivered(2, "zwei", 5)));
}

TEST_F(MessageOrder, APowerLossForgetsWhatWaited) {
  stream.add(traces::ev::NodeKilled{});
  stream.vp(2, traces::VpState::Running);
  stream.post(1, "eins");
  stream.delivered(1, "eins");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
