#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;
using testing::EventStream;
using traces::AccessKind;
using traces::OverlayKind;

class GpaRights : public ::testing::Test {
 protected:
  GpaRights() {
    map(0, 64, 100, true);
    map(64, 16, 500, false);  // read and execute
  }
  void map(std::uint64_t gpfn, std::uint64_t pages, std::uint64_t frame, bool write) {
    stream.add(ev::GpaMapped{2, gpfn, pages, frame, true, write, true});
  }
  std::uint64_t grant(std::uint64_t gpfn, std::uint64_t frame, bool write, bool execute) {
    return stream.add(ev::VpMapped{2, 0, gpfn, frame, AccessKind::Read, true, write, execute});
  }
  std::uint64_t overlay(bool enabled, std::uint64_t hash) {
    return stream.add(ev::OverlayChanged{2, OverlayKind::Message, 0, enabled, 7, 900, hash});
  }
  std::uint64_t intercept(std::uint64_t gpfn, AccessKind access) {
    ev::VpIntercept event;
    event.partition = 2;
    event.gpa = gpfn << 12;
    event.access = access;
    return stream.add(event);
  }

  EventStream stream{make_hv5()};
};

TEST_F(GpaRights, WhatTheMapSaysHolds) {
  grant(3, 103, true, true);
  grant(70, 506, false, true);
  intercept(70, AccessKind::Write);
  intercept(1000, AccessKind::Read);
  overlay(true, 11);
  grant(7, 900, true, false);
  overlay(false, 11);
  grant(7, 107, true, true);
  map(2, 1, 300, true);
  grant(1, 101, true, true);
  grant(2, 300, true, true);
  grant(3, 103, true, true);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(GpaRights, WithoutDetailNothingIsKnown) {
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(GpaRights, MoreRightsThanTheMapIsBlamed) {
  EXPECT_TRUE(stream.blames(grant(70, 506, true, true)));
}

TEST_F(GpaRights, AnotherFrameIsBlamed) { EXPECT_TRUE(stream.blames(grant(3, 104, true, true))); }

TEST_F(GpaRights, APageThatIsNotMappedIsBlamed) {
  stream.add(ev::GpaMapped{2, 3, 1, 0, false, false, false});
  EXPECT_TRUE(stream.blames(grant(3, 103, true, true)));
}

TEST_F(GpaRights, ReachingThePageUnderAnOverlayIsBlamed) {
  overlay(true, 11);
  EXPECT_TRUE(stream.blames(grant(7, 107, true, true)));
}

TEST_F(GpaRights, AnOverlayWithForeignRightsIsBlamed) {
  overlay(true, 11);
  EXPECT_TRUE(stream.blames(grant(7, 900, true, true)));
}

TEST_F(GpaRights, AChangedPageUnderAnOverlayIsBlamed) {
  overlay(true, 11);
  EXPECT_TRUE(stream.blames(overlay(false, 12)));
}

TEST_F(GpaRights, AHostThatWritesThePageBelowIsNoChangeByTheOverlay) {
  overlay(true, 11);
  ev::VmbusAccess access;
  access.partition = 2;
  access.first_gpfn = 6;
  access.pages = 2;
  access.write = true;
  stream.add(access);
  overlay(false, 12);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(GpaRights, AnInterceptOfAnAllowedAccessIsBlamed) {
  EXPECT_TRUE(stream.blames(intercept(70, AccessKind::Execute)));
}

}  // namespace
}  // namespace checkers
