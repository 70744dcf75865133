// Every network fault does what its name says to messages between hosts, and taking it back heals.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "tests/fault-injection/bare_field.hpp"
#include "tests/sim/net/testbed.hpp"

namespace faults::testing {
namespace {

using namespace sim::literals;

constexpr std::uint64_t kRate = 8'000'000'000;  // one byte per nanosecond

/// alpha, beta and gamma at one switch.
class Lan final : public BareField {
 public:
  Lan() {
    bed_.node("hub", "switch");
    for (const std::string& host : hosts_of("net")) {
      bed_.link(link_of("net", host), host, "hub", kRate, 0_ns);
    }
  }
  sim::World& world() override { return bed_.world; }
  sim::Network& network() override { return *bed_.network; }
  std::vector<std::string> hosts_of(std::string_view) override {
    return {"alpha", "beta", "gamma"};
  }
  std::vector<std::string> links_of(std::string_view) override {
    return {"net/alpha", "net/beta", "net/gamma"};
  }
  std::string link_of(std::string_view network, std::string_view host) override {
    return std::string(network) + "/" + std::string(host);
  }
  sim::Node* host(std::string_view name) override { return bed_.world.find_node(name); }
  sim::Node& actor() override { return bed_.node("operator"); }

  void strike(const char* fault, const Strike& where) { apply(*find(fault), *this, where); }
  void take_back(const char* fault, const Strike& where) { undo(*find(fault), *this, where); }
  void pass(sim::Duration time) { bed_.world.run_until(bed_.world.now() + time); }

  /// Messages that one host sends to another from now on, and what became of them by now + time.
  struct Sent {
    std::vector<std::uint32_t> order;  ///< of arrival
    std::uint32_t retries = 0;
    sim::Duration slowest{};
  };
  Sent send(const char* from, const char* to, std::vector<std::uint64_t> sizes,
            sim::Duration time = 600_s, bool at_once = false) {
    sim::testing::Story& story = stories_.emplace_back();
    const std::string service = "service" + std::to_string(stories_.size());
    bed_.serve(to, story, service);
    sim::testing::Plan plan;
    plan.sizes = std::move(sizes);
    plan.give_up = plan.patience = 1000_s;
    plan.concurrent = at_once;
    plan.service = service;
    const std::size_t before = bed_.log.transfers.size();
    bed_.client(from, to, plan, story, stories_.size());
    pass(time);
    Sent sent;
    for (const auto& arrived : story.arrived) sent.order.push_back(arrived.kind);
    for (std::size_t i = before; i < bed_.log.transfers.size(); ++i) {
      sent.retries += bed_.log.transfers[i].retries;
      sent.slowest = std::max(sent.slowest, bed_.log.transfers[i].took);
    }
    return sent;
  }
  /// Frames of this link direction that a fault hit, as the network said.
  std::size_t hits(const std::string& fault, const std::string& direction) const {
    const std::string start = fault + "|" + direction + "|";
    return static_cast<std::size_t>(std::count_if(
        bed_.log.faults.begin(), bed_.log.faults.end(),
        [&start](const std::string& line) { return line.compare(0, start.size(), start) == 0; }));
  }
  std::uint64_t rate(const char* from, const char* to) {
    return network().path_rate(host(from)->id(), host(to)->id());
  }
  std::size_t link_changes() const { return bed_.log.link_states.size(); }

 private:
  std::deque<sim::testing::Story> stories_;
  sim::testing::Testbed bed_;
};

const std::vector<std::uint64_t> kForty(40, 200'000);
constexpr std::int64_t kThirtyPercent = 300'000;

TEST(LoseFrames, CostsRetriesAndLosesNoMessage) {
  Lan lan;
  const Strike where = at("net", kThirtyPercent);
  lan.strike("lose-frames", where);
  const Lan::Sent sent = lan.send("alpha", "beta", kForty);
  EXPECT_EQ(sent.order.size(), 40U);
  EXPECT_GE(sent.retries, 20U);
  EXPECT_GE(lan.hits("net.loss", "net/alpha from alpha"), 20U);
  lan.take_back("lose-frames", where);
  EXPECT_EQ(lan.send("alpha", "beta", kForty).retries, 0U);
}

TEST(LoseFrames, FromOneHostSparesTheOthers) {
  Lan lan;
  lan.strike("lose-frames", at("net", kThirtyPercent, "gamma"));
  EXPECT_EQ(lan.send("alpha", "beta", kForty).retries, 0U);
  EXPECT_GT(lan.send("gamma", "beta", kForty).retries, 0U);
}

TEST(DuplicateFrames, ArriveOnceAndCostBandwidth) {
  Lan lan;
  const Strike where = at("net", 1'000'000);
  lan.strike("duplicate-frames", where);
  const Lan::Sent sent = lan.send("alpha", "beta", kForty);
  std::vector<std::uint32_t> each(40);
  for (std::uint32_t i = 0; i < 40; ++i) each[i] = i;
  EXPECT_EQ(sent.order, each);
  EXPECT_GE(lan.hits("net.duplication", "net/alpha from alpha"), 40U);
  const Lan::Sent burst = lan.send("alpha", "beta", {10'000'000, 10'000'000}, 600_s, true);
  EXPECT_GT(burst.slowest, sim::Duration{29'000'000});  // the second waits for both of the first
  lan.take_back("duplicate-frames", where);
  EXPECT_LT(lan.send("alpha", "beta", {10'000'000, 10'000'000}, 600_s, true).slowest,
            sim::Duration{21'000'000});
}

TEST(ReorderFrames, AreLateAndStillDeliveredInOrder) {
  Lan lan;
  const Strike where = at("net", 1'000'000);
  lan.strike("reorder-frames", where);
  const Lan::Sent sent =
      lan.send("alpha", "beta", std::vector<std::uint64_t>(30, 100), 600_s, true);
  ASSERT_EQ(sent.order.size(), 30U);
  EXPECT_TRUE(std::is_sorted(sent.order.begin(), sent.order.end()));
  EXPECT_GT(sent.slowest, sim::Duration{500'000});
  EXPECT_GE(lan.hits("net.reordering", "net/alpha from alpha"), 30U);
  lan.take_back("reorder-frames", where);
  EXPECT_LT(lan.send("alpha", "beta", {100}).slowest, sim::Duration{1'000});
}

TEST(DelayFrames, AddsTheDelayOncePerWay) {
  Lan lan;
  const Strike where = at("net", 20'000'000);
  const sim::Duration before = lan.send("alpha", "beta", {1'000}).slowest;
  lan.strike("delay-frames", where);
  EXPECT_EQ(lan.send("alpha", "beta", {1'000}).slowest - before, sim::Duration{20'000'000});
  lan.take_back("delay-frames", where);
  EXPECT_EQ(lan.send("alpha", "beta", {1'000}).slowest, before);
}

TEST(CorruptFrames, FailTheirChecksumAndAreSentAgain) {
  Lan lan;
  const Strike where = at("net", kThirtyPercent);
  lan.strike("corrupt-frames", where);
  const Lan::Sent sent = lan.send("alpha", "beta", kForty);
  EXPECT_EQ(sent.order.size(), 40U);
  EXPECT_GE(sent.retries, 20U);
  EXPECT_GE(lan.hits("net.corruption", "net/alpha from alpha"), 20U);
  EXPECT_EQ(lan.hits("net.loss", "net/alpha from alpha"), 0U);
  lan.take_back("corrupt-frames", where);
  EXPECT_EQ(lan.send("alpha", "beta", kForty).retries, 0U);
}

TEST(SlowLink, CarriesWhatItSaysAndItsOwnRateAfterwards) {
  Lan lan;
  const Strike where = at("net", 80'000'000);
  lan.strike("slow-link", where);
  EXPECT_EQ(lan.rate("alpha", "beta"), 10'000'000U);
  const sim::Duration took = lan.send("alpha", "beta", {1'000'000}).slowest;
  EXPECT_NEAR(static_cast<double>(took.ns), 100e6, 1e6);
  lan.take_back("slow-link", where);
  EXPECT_EQ(lan.rate("alpha", "beta"), kRate / 8);
}

TEST(Clog, HoldsMessagesUpAndLetsThemGoWhenItEnds) {
  Lan lan;
  const Strike where = at("net", 10'000);
  lan.strike("clog", where);
  EXPECT_TRUE(lan.send("alpha", "beta", {1'000'000}, 10_s).order.empty());
  lan.take_back("clog", where);
  EXPECT_EQ(lan.send("alpha", "beta", {1'000'000}, 2_s).order.size(), 1U);
  EXPECT_EQ(lan.rate("alpha", "beta"), kRate / 8);
}

TEST(Mtu, SmallerPacketsCostMoreHeaders) {
  Lan lan;
  const Strike where = at("net", 576);
  const sim::Duration before = lan.send("alpha", "beta", {10'000'000}).slowest;
  lan.strike("mtu", where);
  const sim::Duration small = lan.send("alpha", "beta", {10'000'000}).slowest;
  // 78 bytes for each of the 11808 additional frames.
  EXPECT_NEAR(static_cast<double>((small - before).ns), 11'808 * 78, 2'000);
  lan.take_back("mtu", where);
  EXPECT_EQ(lan.send("alpha", "beta", {10'000'000}).slowest, before);
}

TEST(CutLink, SilencesTheWholeNetworkUntilItHeals) {
  Lan lan;
  lan.strike("cut-link", at("net"));
  EXPECT_EQ(lan.rate("alpha", "beta"), 0U);
  EXPECT_EQ(lan.rate("gamma", "alpha"), 0U);
  lan.take_back("cut-link", at("net"));
  EXPECT_EQ(lan.send("alpha", "beta", {1'000}).order.size(), 1U);
}

TEST(CutLink, FromOneHostStopsThatDirectionOnly) {
  Lan lan;
  lan.strike("cut-link", at("net", 0, "alpha"));
  EXPECT_EQ(lan.rate("alpha", "beta"), 0U);
  EXPECT_NE(lan.rate("beta", "alpha"), 0U);
  lan.take_back("cut-link", at("net", 0, "alpha"));
  EXPECT_NE(lan.rate("alpha", "beta"), 0U);
}

TEST(CutLink, OverlappingCutsEndEachAtItsOwnTime) {
  Lan lan;
  Strike first = at("net");
  Strike second = at("net");
  second.number = 1;
  lan.strike("cut-link", first);
  lan.strike("cut-link", second);
  lan.take_back("cut-link", first);
  EXPECT_EQ(lan.rate("alpha", "beta"), 0U);
  lan.take_back("cut-link", second);
  EXPECT_NE(lan.rate("alpha", "beta"), 0U);
}

TEST(CutPair, PartsTwoHostsThatBothReachTheThird) {
  Lan lan;
  const Strike where = at("net", 0, "alpha", "beta");
  lan.strike("cut-pair", where);
  EXPECT_TRUE(lan.send("alpha", "beta", {1'000}, 5_s).order.empty());
  EXPECT_TRUE(lan.send("beta", "alpha", {1'000}, 5_s).order.empty());
  EXPECT_EQ(lan.send("alpha", "gamma", {1'000}, 5_s).order.size(), 1U);
  EXPECT_EQ(lan.send("gamma", "beta", {1'000}, 5_s).order.size(), 1U);
  lan.take_back("cut-pair", where);
  EXPECT_EQ(lan.send("alpha", "beta", {1'000}, 5_s).order.size(), 1U);
}

TEST(Flap, GoesDownAndUpUntilItIsTakenBack) {
  Lan lan;
  const Strike where = at("net", 100'000'000);
  lan.strike("flap", where);
  unsigned up = 0;
  for (int look = 0; look < 20; ++look) {
    lan.pass(25_ms);
    if (lan.rate("alpha", "beta") != 0) ++up;
  }
  EXPECT_GE(up, 8U);
  EXPECT_LE(up, 12U);
  const std::size_t changes = lan.link_changes();
  EXPECT_GE(changes, 5U * 2 * 6);  // five periods, down and up, six directions
  lan.take_back("flap", where);
  lan.pass(1_s);
  EXPECT_NE(lan.rate("alpha", "beta"), 0U);
  EXPECT_LE(lan.link_changes(), changes + 6);
}

}  // namespace
}  // namespace faults::testing
