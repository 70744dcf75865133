// Rules on a link: corruption is found by the frame check, rates and MTUs do what arithmetic says,
// pairs are cut apart, and rules that overlap end each at its own time.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "sim/net/flight.hpp"
#include "sim/net/frame_check.hpp"
#include "tests/sim/net/testbed.hpp"

namespace sim {
namespace {

using namespace sim::literals;
using testing::Plan;
using testing::Story;
using testing::Testbed;

/// CRC-32 over real bytes, as a receiver computes it.
std::uint32_t crc_of(const std::vector<std::uint8_t>& frame) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::uint8_t byte : frame) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

TEST(FrameCheck, ComputesTheChecksumThatEthernetUses) {
  EXPECT_EQ(crc_of({'1', '2', '3', '4', '5', '6', '7', '8', '9'}), 0xCBF43926U);
}

RC_GTEST_PROP(FrameCheck, JudgesDamageAsAReceiverOfTheBytesWould, ()) {
  std::vector<std::uint8_t> frame(net::kFrameBytes);
  Random random(*rc::gen::arbitrary<std::uint64_t>());
  Draw content = random.draw("content");
  for (std::uint8_t& byte : frame) byte = static_cast<std::uint8_t>(content.below(256));
  Draw draw = random.draw("damage");
  net::Damage damage = net::draw_damage(draw);
  // Also what no single burst does: any 64 bits, and the generator itself, which no check sees.
  const auto kind = *rc::gen::inRange(0, 3);
  if (kind == 1) damage = {static_cast<std::uint32_t>(draw.below(11'000)), draw.bits() | 1};
  if (kind == 2) damage = {static_cast<std::uint32_t>(draw.below(11'000)), 0x1DB710641};
  const std::uint32_t before = crc_of(frame);
  for (std::uint32_t i = 0; i < 64; ++i) {
    if ((damage.pattern >> i & 1) == 0) continue;
    const std::uint32_t bit = damage.first_bit + i;
    frame[bit / 8] = static_cast<std::uint8_t>(frame[bit / 8] ^ 1U << bit % 8);
  }
  RC_ASSERT(net::check_fails(damage) == (crc_of(frame) != before));
  if (kind == 0) RC_ASSERT(net::check_fails(damage));
  if (kind == 2) RC_ASSERT(!net::check_fails(damage));
}

LinkFaults corrupting(std::uint64_t per_million) {
  LinkFaults faults;
  faults.corruption = Chance::per_million(per_million);
  return faults;
}

bool says(const Testbed& bed, const std::string& part) {
  return std::any_of(bed.log.faults.begin(), bed.log.faults.end(),
                     [&part](const auto& fault) { return fault.find(part) != std::string::npos; });
}

TEST(Corruption, IsDroppedByTheReceiverAndSentAgain) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  Plan plan;
  plan.patience = 100_s;
  plan.sizes.assign(40, 300'000);
  bed.client("a", "b", plan, story);
  bed.at(1_ms, [&bed] { bed.network->set_rule({"l", bed.id("a")}, "r", corrupting(200'000)); });
  bed.run(300_s);
  ASSERT_EQ(story.arrived.size(), 40U);
  EXPECT_TRUE(says(bed, "net.corruption|l from a"));
  EXPECT_FALSE(says(bed, "net.loss"));
  std::uint32_t retries = 0;
  for (const auto& transfer : bed.log.transfers) retries += transfer.retries;
  EXPECT_GE(retries, 10U);
}

TEST(Corruption, OfAcknowledgementsCostsARetryToo) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  Plan plan;
  plan.start = 1_ms;
  plan.pause_between = 10_ms;
  plan.patience = 100_s;
  plan.sizes.assign(40, 64);
  bed.client("a", "b", plan, story);
  bed.at(2_ms, [&bed] { bed.network->set_rule({"l", bed.id("b")}, "r", corrupting(300'000)); });
  bed.run(300_s);
  EXPECT_EQ(story.arrived.size(), 40U);
  EXPECT_TRUE(says(bed, "acknowledgement fails its checksum"));
}

TEST(Corruption, EndsWithItsRule) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b");
  bed.serve("b", story);
  bed.network->set_rule({"l", bed.id("a")}, "r", corrupting(1'000'000));
  bed.network->clear_rule({"l", bed.id("a")}, "r");
  Plan plan;
  plan.sizes.assign(20, 300'000);
  bed.client("a", "b", plan, story);
  bed.run(5_s);
  EXPECT_EQ(story.arrived.size(), 20U);
  EXPECT_TRUE(bed.log.faults.empty());
}

Duration transfer_time(const LinkFaults& faults, std::uint64_t bytes) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b", 8'000'000'000, 0_ns);
  bed.serve("b", story);
  bed.network->set_rule({"l", bed.id("a")}, "r", faults);
  Plan plan;
  plan.patience = 1000_s;
  plan.sizes = {bytes};
  bed.client("a", "b", plan, story);
  bed.run(1000_s);
  EXPECT_EQ(bed.log.transfers.size(), 1U);
  return bed.log.transfers.empty() ? Duration{} : bed.log.transfers[0].took;
}

TEST(Rate, OfARuleIsWhatTheLinkCarries) {
  EXPECT_EQ(transfer_time({}, 1'000'000).ns, 1'000'000);
  LinkFaults slow;
  slow.bits_per_second = 8'000'000;
  EXPECT_EQ(transfer_time(slow, 1'000'000).ns, 1'000'000'000);
  slow.bits_per_second = 80'000'000'000;  // more than the link can
  EXPECT_EQ(transfer_time(slow, 1'000'000).ns, 1'000'000);
}

TEST(Rate, ThatGoesUpAgainLetsWhatWaitedGoOn) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b", 8'000'000'000, 0_ns);
  bed.serve("b", story);
  Plan plan;
  plan.start = 10_ms;
  plan.sizes = {1'000'000};
  bed.client("a", "b", plan, story);
  LinkFaults clogged;
  clogged.bits_per_second = 1'000;  // would take 8000 s
  bed.at(5_ms, [&bed, clogged] { bed.network->set_rule({"l", bed.id("a")}, "r", clogged); });
  bed.at(2_s, [&bed] { bed.network->clear_rule({"l", bed.id("a")}, "r"); });
  bed.run(30_s);
  ASSERT_EQ(story.arrived.size(), 1U);
  EXPECT_GT(story.arrived[0].time, Time{2'000'000'000});
  EXPECT_LT(story.arrived[0].time, Time{3'000'000'000});
  EXPECT_GT(bed.network->path_rate(bed.id("a"), bed.id("b")), 900'000'000U);
}

TEST(Mtu, CostsTheHeadersOfTheAdditionalFrames) {
  constexpr std::uint64_t kBytes = 14'600'000;  // 10000 frames of 1460, 27238 of 536 bytes
  LinkFaults small;
  small.mtu = 576;
  EXPECT_EQ(transfer_time({}, kBytes).ns, std::int64_t{kBytes});
  const std::int64_t frames = (kBytes + 535) / 536 - 10'000;
  EXPECT_EQ(transfer_time(small, kBytes).ns, std::int64_t{kBytes} + frames * 78);
  small.mtu = 9'000;  // a larger one than 1500 changes nothing
  EXPECT_EQ(transfer_time(small, kBytes).ns, std::int64_t{kBytes});
}

TEST(Rules, OverlapAndEndEachAtItsTime) {
  Testbed bed;
  Story story;
  bed.link("l", "a", "b", 8'000'000'000, 0_ns);
  const LinkEnd end{"l", bed.id("a")};
  LinkFaults slow;
  slow.bits_per_second = 80'000'000;
  LinkFaults slower;
  slower.bits_per_second = 8'000'000;
  const auto rate = [&bed] { return bed.network->path_rate(bed.id("a"), bed.id("b")); };
  bed.network->set_rule(end, "one", slow);
  EXPECT_EQ(rate(), 10'000'000U);
  bed.network->set_rule(end, "two", slower);
  EXPECT_EQ(rate(), 1'000'000U);
  bed.network->clear_rule(end, "one");
  EXPECT_EQ(rate(), 1'000'000U);
  bed.network->clear_rule(end, "two");
  EXPECT_EQ(rate(), 1'000'000'000U);
}

TEST(Rules, ALinkThatTwoCutIsUpWhenBothHaveHealedIt) {
  Testbed bed;
  bed.link("l", "a", "b");
  const auto up = [&bed] { return bed.network->up("l", bed.id("a")); };
  bed.network->cut("l", {}, "one");
  bed.network->cut("l", {}, "two");
  bed.network->heal("l", {}, "one");
  EXPECT_FALSE(up());
  bed.network->heal("l", {}, "two");
  EXPECT_TRUE(up());
}

/// Three hosts at one switch.
struct Triangle {
  Triangle() {
    bed.node("s", "switch");
    for (const char* host : {"a", "b", "c"}) bed.link(std::string("l") + host, host, "s");
  }
  bool reaches(const char* from, const char* to) {
    return bed.network->path_rate(bed.id(from), bed.id(to)) != 0;
  }
  Testbed bed;
};

TEST(Pair, IsCutApartWhileBothReachTheThird) {
  Triangle three;
  three.bed.network->cut_pair("la", three.bed.id("a"), three.bed.id("b"));
  EXPECT_FALSE(three.reaches("a", "b"));
  EXPECT_TRUE(three.reaches("b", "a"));
  EXPECT_TRUE(three.reaches("a", "c"));
  EXPECT_TRUE(three.reaches("b", "c"));
  EXPECT_TRUE(three.bed.network->up("la", three.bed.id("a")));
  three.bed.network->heal_pair("la", three.bed.id("a"), three.bed.id("b"));
  EXPECT_TRUE(three.reaches("a", "b"));
}

TEST(Pair, LosesWhatIsInFlightBetweenTheTwoAndNothingElse) {
  Triangle three;
  Testbed& bed = three.bed;
  Story to_b, to_c;
  bed.serve("b", to_b);
  bed.serve("c", to_c);
  Plan plan;
  plan.sizes = {100'000'000};  // 80 ms each; sharing the link, twice as long
  bed.client("a", "b", plan, to_b, 1);
  bed.client("a", "c", plan, to_c, 2);
  bed.at(20_ms, [&bed] { bed.network->cut_pair("la", bed.id("a"), bed.id("b")); });
  bed.at(1_s, [&bed] { bed.network->heal_pair("la", bed.id("a"), bed.id("b")); });
  bed.run(10_s);
  ASSERT_EQ(to_b.arrived.size(), 1U);
  ASSERT_EQ(to_c.arrived.size(), 1U);
  EXPECT_GT(to_b.arrived[0].time, Time{1'000'000'000});
  EXPECT_LT(to_c.arrived[0].time, Time{1'000'000'000});
}

}  // namespace
}  // namespace sim
