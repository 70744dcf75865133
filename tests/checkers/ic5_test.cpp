#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/ic_stream.hpp"

namespace checkers {
namespace {

using testing::IcStream;

class Shutdowns : public ::testing::Test {
 protected:
  Shutdowns() { stream.agree(); }
  void ask(std::uint64_t transaction = 2) { stream.host(transaction, {.type = 3, .body = {0, 0}}); }
  void answer(std::uint32_t status, std::uint64_t transaction = 2) {
    stream.guest(transaction, {.type = 3, .flags = 5, .status = status, .body = {0, 0}});
  }
  std::uint64_t goes_off() {
    return stream.add(traces::ev::VmState{1, traces::VmState::Stopping, "why"});
  }
  IcStream stream{make_ic5(), "0e0b6031-5213-4934-818b-38d90ced39db"};
};

TEST_F(Shutdowns, AfterAnAgreementHold) {
  ask();
  answer(0);
  goes_off();
  EXPECT_EQ(stream.conclude().measured, "1 requests, 1 agreed to");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Shutdowns, WithoutARequestAreNoneOfThese) {
  goes_off();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Shutdowns, BeforeAnAnswerAreBlamed) {
  ask();
  EXPECT_TRUE(stream.blames(goes_off()));
}

TEST_F(Shutdowns, AgainstARefusalAreBlamed) {
  ask();
  answer(0x80004005);
  EXPECT_TRUE(stream.blames(goes_off()));
}

TEST_F(Shutdowns, AnAnswerToAnotherQuestionIsNone) {
  ask(3);
  answer(0, 2);
  EXPECT_TRUE(stream.blames(goes_off()));
}

TEST_F(Shutdowns, AnAdministratorMayTurnAVmOff) {
  ask();
  traces::ev::VerbStarted verb;
  verb.verb = "stop-vm";
  verb.vm = 1;
  stream.add(verb);
  goes_off();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Shutdowns, AGuestMayBreak) {
  ask();
  stream.add(traces::ev::GuestLog{1, 2, "PANIC: memory corruption"});
  goes_off();
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
