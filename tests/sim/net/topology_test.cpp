#include "sim/net/topology.hpp"

#include <gtest/gtest.h>

#include "tests/sim/net/testbed.hpp"

namespace sim::net {
namespace {

class Routes : public ::testing::Test {
 protected:
  Node& node(const std::string& name, const std::string& kind = "host") {
    return bed_.node(name, kind);
  }
  void link(const std::string& name, const std::string& a, const std::string& b,
            const std::string& network = "") {
    LinkConfig config;
    config.name = name;
    config.network = network;
    topology_.add_link(config, node(a), node(b));
  }
  std::string route(const std::string& from, const std::string& to,
                    const std::string& network = "") {
    const Path& path = topology_.path(node(from).id(), node(to).id(), network);
    if (!path.connected) return "none";
    std::string names;
    for (const Direction* hop : path.hops) names += (names.empty() ? "" : " ") + hop->link;
    return names;
  }
  void set_up(const std::string& name, const std::string& from, bool up) {
    topology_.direction(name, node(from).id()).up = up;
    topology_.changed();
  }

  testing::Testbed bed_;
  Topology topology_;
};

TEST_F(Routes, TakeTheFewestLinks) {
  node("s1", "switch");
  node("s2", "switch");
  link("a1", "a", "s1");
  link("a2", "s1", "s2");
  link("a3", "s2", "b");
  EXPECT_EQ(route("a", "b"), "a1 a2 a3");
  link("z", "s1", "b");
  EXPECT_EQ(route("a", "b"), "a1 z");
}

TEST_F(Routes, OfEqualLengthAreDecidedByLinkNameNotByOrderOfAdding) {
  node("s1", "switch");
  node("s2", "switch");
  link("n", "a", "s2");
  link("o", "s2", "b");
  link("m", "a", "s1");
  link("p", "s1", "b");
  EXPECT_EQ(route("a", "b"), "m p");
  EXPECT_EQ(route("b", "a"), "o n");
}

TEST_F(Routes, ParallelLinksAreDecidedByName) {
  link("second", "a", "b");
  link("first", "a", "b");
  EXPECT_EQ(route("a", "b"), "first");
}

TEST_F(Routes, DoNotPassThroughHosts) {
  link("l1", "a", "b");
  link("l2", "b", "c");
  EXPECT_EQ(route("a", "c"), "none");
}

TEST_F(Routes, AvoidACutDirectionOnlyInThatDirection) {
  link("l1", "a", "b");
  link("l2", "a", "b");
  set_up("l1", "a", false);
  EXPECT_EQ(route("a", "b"), "l2");
  EXPECT_EQ(route("b", "a"), "l1");
  set_up("l1", "a", true);
  EXPECT_EQ(route("a", "b"), "l1");
}

TEST_F(Routes, StayOnTheNetworkThatWasAskedFor) {
  link("l1", "a", "b", "cluster");
  link("l2", "a", "b", "migration");
  EXPECT_EQ(route("a", "b", "migration"), "l2");
  EXPECT_EQ(route("a", "b"), "l1");
  set_up("l2", "a", false);
  EXPECT_EQ(route("a", "b", "migration"), "none");
}

TEST_F(Routes, NeedTheirSwitchAlive) {
  Node& middle = node("s1", "switch");
  link("l1", "a", "s1");
  link("l2", "s1", "b");
  EXPECT_EQ(route("a", "b"), "l1 l2");
  bed_.world.kill(middle, "test");
  bed_.run(Duration{1});
  topology_.changed();
  EXPECT_EQ(route("a", "b"), "none");
}

TEST_F(Routes, ToOneselfNeedNoLink) { EXPECT_EQ(route("a", "a"), ""); }

}  // namespace
}  // namespace sim::net
