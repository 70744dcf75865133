#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/synic_stream.hpp"

namespace checkers {
namespace {

class MessageBuffers : public ::testing::Test {
 protected:
  MessageBuffers() { stream.switch_on(); }
  void fill() {
    for (std::uint64_t i = 1; i <= 16; ++i) stream.post(i, "eins");
  }
  testing::SynicStream stream{make_sy4()};
};

TEST_F(MessageBuffers, SixteenAndARefusalHold) {
  fill();
  stream.post(0, "eins", 0x13);
  stream.delivered(1, "eins");
  stream.post(17, "eins");
  EXPECT_EQ(stream.verdict(false), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "at most 16 waited, 1 refused");
}

TEST_F(MessageBuffers, ASeventeenthIsBlamed) {
  fill();
  EXPECT_TRUE(stream.blames(stream.post(17, "eins")));
}

TEST_F(MessageBuffers, ARefusalThoughThereIsRoomIsBlamed) {
  fill();
  stream.delivered(1, "eins");
  EXPECT_TRUE(stream.blames(stream.post(0, "eins", 0x13)));
}

TEST_F(MessageBuffers, OtherRefusalsTakeNoBuffer) {
  for (int i = 0; i < 20; ++i) stream.post(0, "eins", 0x18);
  fill();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(MessageBuffers, OfTheOtherDirectionAreOthers) {
  fill();
  stream.add(traces::ev::MessagePosted{2, false, 1, 0, 0, 1, 1, 4, 0, 0});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(MessageBuffers, AreTakenAlongByAMigration) {
  fill();
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kSaveCall, 0);
  stream.on(2);
  stream.switch_on(5);
  stream.call(5, testing::kRestoreCall, 0);
  EXPECT_TRUE(stream.blames(stream.post(17, "eins", 0, 5)));
}

TEST_F(MessageBuffers, ThatWereFilledBeforeTheTraceMayBeFull) {
  stream.on(2);
  stream.switch_on(5);
  stream.call(5, testing::kRestoreCall, 0);
  stream.post(0, "eins", 0x13, 5);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
