#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/storage_stream.hpp"

namespace checkers {
namespace {

class CommandResults : public ::testing::Test {
 protected:
  /// A command that asked for 1024 bytes ends like this.
  std::uint64_t ends(std::uint8_t opcode, std::uint32_t bytes, std::uint8_t srb_status = 1,
                     std::uint8_t scsi_status = 0) {
    stream.asks(5, {.bytes = 1024, .opcode = opcode});
    return stream.answers(
        5, {.operation = 1, .srb_status = srb_status, .scsi_status = scsi_status, .bytes = bytes});
  }
  testing::StorageStream stream{make_sv2()};
};

TEST_F(CommandResults, AsAskedHold) {
  ends(0x28, 1024);
  ends(0x12, 36);
  ends(0x2A, 1024);
  ends(0x28, 0, 0x84, 2);
  ends(0x28, 0, 0x20);
  ends(0x2A, 0, 4, 8);
  EXPECT_EQ(stream.conclude().measured, "6 commands");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(CommandResults, WithMoreBytesAreBlamed) { EXPECT_TRUE(stream.blames(ends(0x12, 1025))); }

TEST_F(CommandResults, OfAReadThatIsShortAndGoodAreBlamed) {
  EXPECT_TRUE(stream.blames(ends(0x28, 512)));
}

TEST_F(CommandResults, OfCheckConditionWithoutSenseAreBlamed) {
  EXPECT_TRUE(stream.blames(ends(0x28, 0, 4, 2)));
}

TEST_F(CommandResults, WithSenseDataForNothingAreBlamed) {
  EXPECT_TRUE(stream.blames(ends(0x28, 1024, 0x81)));
}

TEST_F(CommandResults, MayComeWhereTheVmHasMoved) {
  stream.asks(5, {.bytes = 1024});
  stream.on(2);
  stream.open(7);
  EXPECT_TRUE(stream.blames(stream.answers(5, {.operation = 1, .srb_status = 1, .bytes = 512})));
}

}  // namespace
}  // namespace checkers
