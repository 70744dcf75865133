// HV-6, HV-7 and HV-8: what a partition's guest may ask for, and what it is told.
#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;
using testing::EventStream;

constexpr std::uint64_t kFlushList = 3;

constexpr std::uint64_t control(std::uint64_t count, std::uint64_t start = 0) {
  return kFlushList | count << 32 | start << 48;
}

class HypercallResults : public ::testing::Test {
 protected:
  void elements(std::uint16_t first, std::uint16_t end) {
    for (std::uint16_t i = first; i < end; ++i) element(i);
  }
  std::uint64_t element(std::uint16_t number, std::uint16_t status = 0) {
    return stream.add(ev::HypercallElement{2, 0, kFlushList, number, status});
  }
  std::uint64_t returns(std::uint64_t word, std::uint16_t status, std::uint64_t reps) {
    return stream.add(ev::HypercallReturned{2, 0, word, false, 0, status | reps << 32});
  }
  std::uint64_t continues(std::uint64_t word, std::uint64_t next) {
    return stream.add(ev::HypercallReturned{2, 0, word, true, next, 0});
  }
  EventStream stream{make_hv6()};
};

TEST_F(HypercallResults, OfACallThatIsContinuedHold) {
  elements(0, 4);
  continues(control(6), control(6, 4));
  returns(0x1'005D, 0, 0);  // by an interrupt handler meanwhile
  elements(4, 6);
  returns(control(6, 4), 0, 6);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "3 calls, 1 continued, 6 elements");
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(HypercallResults, OfACallThatFailsHold) {
  elements(0, 2);
  element(2, 5);
  returns(control(6), 5, 2);
  returns(control(0), 3, 0);
  returns(control(6, 4), 6, 4);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(HypercallResults, AnElementThatIsDoneAgainByAContinuationIsBlamed) {
  elements(0, 4);
  EXPECT_TRUE(stream.blames(continues(control(6), control(6, 3))));
}

TEST_F(HypercallResults, AnElementThatIsLeftOutByAContinuationIsBlamed) {
  elements(0, 4);
  EXPECT_TRUE(stream.blames(continues(control(6), control(6, 5))));
}

TEST_F(HypercallResults, AnElementAfterAFailureIsBlamed) {
  element(0, 5);
  EXPECT_TRUE(stream.blames(element(1)));
}

TEST_F(HypercallResults, AnElementTwiceIsBlamed) {
  element(0);
  EXPECT_TRUE(stream.blames(element(0)));
}

TEST_F(HypercallResults, AnotherBeginningThanAskedForIsBlamed) {
  elements(0, 6);
  EXPECT_TRUE(stream.blames(returns(control(6, 1), 0, 6)));
}

TEST_F(HypercallResults, SuccessWithoutTheLastElementIsBlamed) {
  elements(0, 5);
  EXPECT_TRUE(stream.blames(returns(control(6), 0, 5)));
}

TEST_F(HypercallResults, MoreDoneThanExecutedIsBlamed) {
  elements(0, 2);
  element(2, 5);
  EXPECT_TRUE(stream.blames(returns(control(6), 5, 3)));
}

TEST_F(HypercallResults, AFailureThatIsNotToldIsBlamed) {
  element(0, 5);
  EXPECT_TRUE(stream.blames(returns(control(1), 6, 0)));
}

class Privileges : public ::testing::Test {
 protected:
  Privileges() { stream.add(ev::PartitionPrivileges{2, 0x26E, 0x30}); }
  std::uint64_t call(std::uint64_t code, std::uint64_t status) {
    return stream.add(ev::HypercallReturned{2, 0, code, false, 0, status});
  }
  std::uint64_t msr(std::uint64_t number, bool accepted) {
    return stream.add(ev::MsrAccessed{2, 0, number, false, 0, accepted});
  }
  EventStream stream{make_hv7()};
};

TEST_F(Privileges, ThatAreThereOrAreAskedForHold) {
  call(0x5C, 0);
  call(0x46, 6);
  call(0x50, 0);
  msr(0x4000'0020, true);
  msr(0x4000'0010, false);
  msr(0x4000'0073, true);  // of nobody
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "4 requests served, 2 refused");
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(Privileges, AHypercallWithoutIsBlamed) { EXPECT_TRUE(stream.blames(call(0x46, 0))); }

TEST_F(Privileges, WhatOnlyAParentMayDoIsBlamed) { EXPECT_TRUE(stream.blames(call(0x4B, 0))); }

TEST_F(Privileges, AContinuedHypercallWithoutIsBlamed) {
  EXPECT_TRUE(stream.blames(
      stream.add(ev::HypercallReturned{2, 0, 0x48 | std::uint64_t{9} << 32, true, 0, 0})));
}

TEST_F(Privileges, AnMsrWithoutIsBlamed) { EXPECT_TRUE(stream.blames(msr(0x4000'0010, true))); }

TEST_F(Privileges, AMessageWithoutIsBlamed) {
  stream.add(ev::PartitionPrivileges{3, 0x26E, 0});
  stream.add(ev::MessagePosted{3, false, 1, 0, 0, 0, 1, 4, 0, 6});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(stream.add(ev::MessagePosted{3, false, 1, 0, 0, 1, 1, 4, 0, 0})));
}

TEST_F(Privileges, AnEventWithoutIsBlamed) {
  stream.add(ev::PartitionPrivileges{3, 0x26E, 0});
  EXPECT_TRUE(stream.blames(stream.add(ev::EventSignalled{3, 1, 0, 0})));
}

class HypercallPage : public ::testing::Test {
 protected:
  std::uint64_t identify(std::uint64_t os) {
    return stream.add(ev::MsrAccessed{2, 0, 0x4000'0000, true, os, true});
  }
  void page(bool enabled, std::uint64_t partition = 2) {
    stream.add(
        ev::OverlayChanged{partition, traces::OverlayKind::Hypercall, 0, enabled, 4, 900, 0});
  }
  std::uint64_t write_page(std::uint64_t value, bool write = true) {
    return stream.add(ev::MsrAccessed{2, 0, 0x4000'0001, write, value, true});
  }
  EventStream stream{make_hv8()};
};

TEST_F(HypercallPage, OfAGuestThatSaidWhoItIsHolds) {
  write_page(0x4001);  // ignored
  write_page(0x4000, false);
  identify(1);
  page(true);
  write_page(0x4001);
  write_page(0x4001, false);
  page(false);
  identify(0);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "1 pages laid");
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(HypercallPage, OfANamelessGuestIsBlamed) {
  page(true);
  EXPECT_TRUE(stream.blames(write_page(0x4001)));
}

TEST_F(HypercallPage, ThatReadsAsEnabledForANamelessGuestIsBlamed) {
  EXPECT_TRUE(stream.blames(write_page(0x4001, false)));
}

TEST_F(HypercallPage, ThatStaysWhenTheGuestTakesItsNameBackIsBlamed) {
  identify(1);
  page(true);
  write_page(0x4001);
  EXPECT_TRUE(stream.blames(identify(0)));
}

TEST_F(HypercallPage, OfARestoredPartitionHasTheNameThatWasGivenBefore) {
  stream.vp(2, traces::VpState::Running);
  identify(1);
  page(true);
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kSaveCall, 0);
  stream.on(2);
  stream.vp(7, traces::VpState::Suspended);
  page(true, 7);
  stream.call(7, testing::kRestoreCall, 0);
  stream.vp(7, traces::VpState::Running);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
