// What a guest does to itself ends its own VM with a named reason, and nobody else notices.
#include <gtest/gtest.h>

#include <string>

#include "tests/fault-injection/played.hpp"

namespace faults::testing {
namespace {

using namespace sim::literals;
using checkers::Verdict;

constexpr sim::Time kLater{200'000'000};

/// Programs and models alike.
class Guests : public ::testing::TestWithParam<const char*> {
 protected:
  Played struck(const FaultLine& fault, bool moves = false) {
    scenarios::Scenario scenario = two_vms(moves, GetParam());
    // That the guest ends in the ordinary way is not promised here.
    std::erase_if(scenario.expect, [](const auto& expect) { return expect.name != "twin-equal"; });
    return play(std::move(scenario), {fault});
  }
  /// The other VM lives as it would have without the fault.
  static void expect_neighbour_unharmed(const Played& played, const Played& quiet) {
    EXPECT_EQ(played.count("heartbeat 2"), quiet.count("heartbeat 2")) << played.story();
    EXPECT_EQ(played.count("vm.state alpha 2 off"), 1U) << "when it was created\n"
                                                        << played.story();
    EXPECT_FALSE(played.has("killed")) << played.story();
  }
};

TEST_P(Guests, ThatCrashAreTurnedOffWithTheirLastWords) {
  const Played played = struck(FaultLine("crash-guest", "web").at(100_ms));
  EXPECT_TRUE(played.has("guest 1 crashed by a fault")) << played.story();
  EXPECT_TRUE(played.has("vm.state alpha 1 off the guest ended itself with code 1"));
  EXPECT_EQ(played.count("heartbeat 1", kLater), 0U);
  EXPECT_EQ(played.violations(), "");
  expect_neighbour_unharmed(played, play(two_vms(false, GetParam()), {}));
}

TEST_P(Guests, ThatTripleFaultAreTurnedOffForThatReason) {
  const Played played = struck(FaultLine("triple-fault", "web").at(100_ms));
  EXPECT_TRUE(played.has("vp.state alpha 1 stopped triple fault")) << played.story();
  EXPECT_TRUE(played.has("vm.state alpha 1 off triple fault")) << played.story();
  EXPECT_EQ(played.violations(), "");
  expect_neighbour_unharmed(played, play(two_vms(false, GetParam()), {}));
}

TEST_P(Guests, ThatHangSayNothingUntilTheyGoOn) {
  const Played played = struck(FaultLine("hang-guest", "web").at(100_ms).lasts(200_ms));
  EXPECT_EQ(played.count("heartbeat 1", sim::Time{105'000'000}, sim::Time{300'000'000}), 0U);
  EXPECT_GT(played.count("heartbeat 1", sim::Time{300'000'000}), 10U) << played.story();
  EXPECT_EQ(played.count("vm.state alpha 1 off"), 1U);
  EXPECT_EQ(played.violations(), "");
  EXPECT_EQ(played.verdict("twin-equal"), Verdict::Holds);
  expect_neighbour_unharmed(played, play(two_vms(false, GetParam()), {}));
}

TEST_P(Guests, ThatHangStillHangWhereTheyAreMovedTo) {
  const Played played = struck(FaultLine("hang-guest", "web").at(59_ms).lasts(341_ms), true);
  EXPECT_TRUE(played.has("migration.finished alpha completed")) << played.story();
  EXPECT_EQ(played.count("heartbeat 1", sim::Time{65'000'000}, sim::Time{400'000'000}), 0U);
  EXPECT_GT(played.count("heartbeat 1", sim::Time{400'000'000}), 5U) << played.story();
  EXPECT_EQ(played.violations(), "");
  EXPECT_EQ(played.verdict("twin-equal"), Verdict::Holds);
}

TEST_P(Guests, ThatScribbleOverTheirRingsHarmOnlyThemselves) {
  const Played quiet = play(two_vms(false, GetParam()), {});
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    scenarios::Scenario scenario = two_vms(false, GetParam());
    scenario.expect.clear();  // the guest may well find that its disk or its rings are wrong
    const Played played =
        play(std::move(scenario), {FaultLine("hostile-rings", "web").at(100_ms)}, seed);
    EXPECT_EQ(played.verdict("faults-struck"), Verdict::Holds);
    EXPECT_EQ(played.violations(), "") << "seed " << seed << "\n" << played.story();
    EXPECT_EQ(played.count("vm.state alpha 2 off"), 1U) << played.story();
    EXPECT_FALSE(played.has("killed")) << played.story();
    EXPECT_EQ(played.count("heartbeat 1", kLater), 0U) << "nobody can read such rings";
    EXPECT_GE(played.count("heartbeat 2"), quiet.count("heartbeat 2") - 1);
  }
}

TEST_P(Guests, ThatCrashWhileTheyMoveAreTurnedOffOnce) {
  const Played played = struck(
      FaultLine("crash-guest", "migrating-vm").when("migration.phase", {{"phase", "precopy"}}),
      true);
  EXPECT_EQ(played.verdict("faults-struck"), Verdict::Holds);
  EXPECT_EQ(played.violations(), "") << played.story();
  EXPECT_EQ(played.count("vm.state alpha 1 off the guest") +
                played.count("vm.state beta 1 off the guest"),
            1U)
      << played.story();
}

INSTANTIATE_TEST_SUITE_P(Engines, Guests, ::testing::Values("program: worker", "model: worker"),
                         [](const auto& info) {
                           return std::string(info.param).substr(0, 1) == "p" ? "Program" : "Model";
                         });

}  // namespace
}  // namespace faults::testing
