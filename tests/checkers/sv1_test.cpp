#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/storage_stream.hpp"

namespace checkers {
namespace {

using testing::StorageStream;

class StorageHandshake : public ::testing::Test {
 protected:
  std::uint64_t command(std::uint64_t transaction, std::uint32_t status = 0) {
    stream.asks(transaction, {.bytes = 512});
    return stream.answers(transaction, {.operation = 1, .status = status, .srb_status = 1});
  }
  StorageStream stream{make_sv1()};
};

TEST_F(StorageHandshake, InOrderHolds) {
  stream.step(7);
  stream.step(9, 0xC0000059);
  stream.step(9);
  stream.step(10);
  stream.step(8);
  command(5);
  EXPECT_EQ(stream.conclude().measured, "1 handshakes, 1 commands");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(StorageHandshake, ACommandBeforeItsEndIsBlamedUnlessItIsRefused) {
  for (const std::uint32_t operation : {7U, 9U, 10U}) {
    stream.step(operation);
    command(operation, 0xC0000184);
  }
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(command(6)));
}

TEST_F(StorageHandshake, AStepOutOfOrderIsBlamed) {
  stream.step(7);
  EXPECT_TRUE(stream.blames(stream.step(10)));
}

TEST_F(StorageHandshake, ASecondVersionIsBlamed) {
  stream.shake_hands();
  stream.step(9, 0xC0000184);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(stream.step(9)));
}

TEST_F(StorageHandshake, IsDoneAlsoWhereTheVmMoves) {
  stream.shake_hands();
  stream.on(2);
  stream.open(7);
  command(9);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(StorageHandshake, BeginsAnewWithTheChannel) {
  stream.shake_hands();
  stream.add(
      traces::ev::VmbusChannel{2, 3, traces::ChannelState::Closing, traces::ChannelState::Closed});
  stream.open(2);
  stream.shake_hands();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
