#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/ic_stream.hpp"

namespace checkers {
namespace {

using testing::IcStream;

constexpr const char* kVss = "35fa2e29-ea23-4236-96ae-3a6ebacba440";
constexpr std::uint64_t kFreeze = 5, kThaw = 6;

class OneAtATime : public ::testing::Test {
 protected:
  OneAtATime() { stream.agree(5); }
  std::uint64_t ask(std::uint64_t transaction, std::uint64_t operation) {
    return stream.host(transaction, {.type = 5, .version = 5, .body = {operation, 0}});
  }
  void answer(std::uint64_t transaction, std::uint32_t status = 0) {
    stream.guest(transaction,
                 {.type = 5, .version = 5, .flags = 5, .status = status, .body = {0, 0}});
  }
  IcStream stream{make_ic3(), kVss};
};

TEST_F(OneAtATime, AnsweredRequestsHold) {
  ask(2, kFreeze);
  answer(2);
  ask(3, kThaw);
  answer(3);
  EXPECT_EQ(stream.conclude().measured, "2 requests, 1 freezes");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(OneAtATime, ASecondRequestBeforeTheAnswerIsBlamed) {
  ask(2, kFreeze);
  EXPECT_TRUE(stream.blames(ask(3, kThaw)));
}

TEST_F(OneAtATime, ARequestThatMovedAlongIsStillOpen) {
  ask(2, kFreeze);
  stream.on(2);
  stream.open(7);
  EXPECT_TRUE(stream.blames(ask(3, kThaw)));
}

TEST_F(OneAtATime, ASecondFreezeIsBlamed) {
  ask(2, kFreeze);
  answer(2);
  EXPECT_TRUE(stream.blames(ask(3, kFreeze)));
}

TEST_F(OneAtATime, AFreezeThatWasRefusedMayBeTriedAgain) {
  ask(2, kFreeze);
  answer(2, 0x80004005);
  ask(3, kFreeze);
  answer(3);
  ask(4, kThaw);
  answer(4, 0x80004005);
  ask(5, kFreeze);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

std::uint64_t write_completes(IcStream& stream, std::uint8_t opcode = 0x2A) {
  traces::ev::ScsiCompletion event;
  event.vm = 1;
  event.opcode = opcode;
  event.srb_status = 1;
  return stream.add(event);
}

TEST_F(OneAtATime, AWriteWhileTheGuestIsFrozenIsBlamed) {
  ask(2, kFreeze);
  write_completes(stream);
  answer(2);
  write_completes(stream, 0x28);
  EXPECT_EQ(stream.verdict(), Verdict::Holds) << "it may read, and it may write before it agrees";
  EXPECT_TRUE(stream.blames(write_completes(stream)));
}

TEST_F(OneAtATime, AGuestWritesAgainWhenItIsAskedTo) {
  ask(2, kFreeze);
  answer(2);
  ask(3, kThaw);
  write_completes(stream);
  answer(3);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(OneAtATime, AGuestThatIsFrozenForTooLongThawsByItself) {
  ask(2, kFreeze);
  answer(2);
  stream.at_ms(900'001);
  write_completes(stream);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(OneAtATime, ANewNegotiationBeginsAnew) {
  ask(2, kFreeze);
  stream.agree(5);
  ask(2, kFreeze);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
