#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/migration_stream.hpp"

namespace checkers {
namespace {

using testing::MigrationStream;
using traces::DigestPoint;
using traces::VmState;
using traces::VpState;

class MemoryEquality : public ::testing::Test {
 protected:
  void suspended_on_1() {
    stream.on(1);
    stream.memory(DigestPoint::Suspended, 7);
    stream.processor(DigestPoint::Suspended, 0, 70);
    stream.processor(DigestPoint::Suspended, 1, 71);
  }
  MigrationStream stream{make_mi1()};
};

TEST_F(MemoryEquality, WhatArrivesAsItLeftHolds) {
  suspended_on_1();
  stream.on(2);
  stream.memory(DigestPoint::Resumed, 7);
  stream.processor(DigestPoint::Resumed, 0, 70);
  stream.processor(DigestPoint::Resumed, 1, 71);
  stream.runs(5);
  const Finding finding = stream.conclude(false);
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.measured, "3 digests compared");
}

TEST_F(MemoryEquality, OtherMemoryIsBlamed) {
  suspended_on_1();
  stream.on(2);
  EXPECT_TRUE(stream.blames(stream.memory(DigestPoint::Resumed, 8)));
  EXPECT_TRUE(stream.explains("memory of VM 1 differs"));
}

TEST_F(MemoryEquality, AnotherProcessorIsBlamed) {
  suspended_on_1();
  stream.on(2);
  stream.memory(DigestPoint::Resumed, 7);
  stream.processor(DigestPoint::Resumed, 0, 70);
  EXPECT_TRUE(stream.blames(stream.processor(DigestPoint::Resumed, 1, 70)));
  EXPECT_TRUE(stream.explains("processor of VM 1 differs"));
}

TEST_F(MemoryEquality, AnotherVmbusIsBlamed) {
  stream.on(1);
  stream.bus(DigestPoint::Suspended, 4);
  stream.on(2);
  EXPECT_TRUE(stream.blames(stream.bus(DigestPoint::Resumed, 5)));
  EXPECT_TRUE(stream.explains("VMBus of VM 1 differs"));
}

TEST_F(MemoryEquality, AVmbusThatNobodyComparedIsBlamed) {
  stream.on(1);
  stream.bus(DigestPoint::Suspended, 4);
  stream.on(2);
  EXPECT_TRUE(stream.blames(stream.runs(5)));
  EXPECT_TRUE(stream.explains("nobody compared its VMBus"));
}

TEST_F(MemoryEquality, AnAbortIsHeldToItToo) {
  suspended_on_1();
  EXPECT_TRUE(stream.blames(stream.memory(DigestPoint::Resumed, 8)));
}

TEST_F(MemoryEquality, AResumeWithoutASuspensionIsBlamed) {
  EXPECT_TRUE(stream.blames(stream.memory(DigestPoint::Resumed, 7)));
}

TEST_F(MemoryEquality, ASecondResumeIsBlamed) {
  suspended_on_1();
  stream.on(2);
  stream.memory(DigestPoint::Resumed, 7);
  EXPECT_TRUE(stream.blames(stream.memory(DigestPoint::Resumed, 7)));
}

TEST_F(MemoryEquality, AProcessorThatNobodyComparedIsBlamed) {
  suspended_on_1();
  stream.on(2);
  stream.memory(DigestPoint::Resumed, 7);
  stream.processor(DigestPoint::Resumed, 0, 70);
  EXPECT_TRUE(stream.blames(stream.runs(5)));
  EXPECT_TRUE(stream.explains("processor 1"));
}

TEST_F(MemoryEquality, AVmThatRunsUncomparedIsBlamed) {
  suspended_on_1();
  stream.on(2);
  EXPECT_TRUE(stream.blames(stream.runs(5)));
}

TEST_F(MemoryEquality, OtherVmsAreNoMatterOfThis) {
  suspended_on_1();
  stream.runs(9, 2);
  stream.memory(DigestPoint::End, 9);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(MemoryEquality, AVmThatStartsFromNothingContinuesNothing) {
  suspended_on_1();
  stream.add(traces::ev::NodeKilled{});
  stream.state(VmState::Starting);
  stream.runs(2);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(MemoryEquality, AVmInDoubtMayStayWhereItIs) {
  suspended_on_1();
  stream.state(VmState::Critical);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
