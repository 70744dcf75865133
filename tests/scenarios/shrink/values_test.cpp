#include "scenarios/shrink/values.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace scenarios {
namespace {

Scenario two_hosts() {
  Scenario scenario;
  scenario.hosts.push_back({"alpha", 1ULL << 30});
  NetworkSpec network;
  network.name = "net";
  network.loss = sim::Chance{5, 100};
  scenario.networks.push_back(network);
  VmSpec vm;
  vm.name = "web";
  vm.instructions_per_us = 200;
  scenario.vms.push_back(vm);
  scenario.end = sim::Time{1'200'000'000};
  return scenario;
}

Number named(std::vector<Number> all, const std::string& key) {
  for (Number& number : all) {
    if (number.key == key) return number;
  }
  ADD_FAILURE() << "no number " << key;
  return all.front();
}

TEST(Values, HaveTheNamesThatSetTakes) {
  Scenario scenario = two_hosts();
  EXPECT_EQ(named(numbers(scenario), "vms.web.speed").get(), 200);
  EXPECT_EQ(named(numbers(scenario), "hosts.alpha.memory").get(), 1LL << 30);
  EXPECT_EQ(named(numbers(scenario), "networks.net.loss").get(), 50'000);
}

TEST(Values, SettingOneChangesItsScenarioOnly) {
  Scenario scenario = two_hosts();
  Scenario copy = scenario;
  named(numbers(copy), "vms.web.speed").set(1000);
  EXPECT_EQ(copy.vms[0].instructions_per_us, 1000U);
  EXPECT_EQ(scenario.vms[0].instructions_per_us, 200U);
}

TEST(Values, KnowTheirDefaults) {
  Scenario scenario = two_hosts();
  EXPECT_EQ(named(numbers(scenario), "vms.web.speed").normal, 1000);
  EXPECT_EQ(named(numbers(scenario), "end").normal, std::nullopt);
}

TEST(Values, AnInstantIsTriedAtNothingHalfAndFewerDigits) {
  Scenario scenario = two_hosts();
  scenario.end = sim::Time{537'123'456};
  const auto tries = simpler(named(numbers(scenario), "end"));
  EXPECT_EQ(tries.front(), 0);
  for (const std::int64_t wanted : {500'000'000, 530'000'000}) {
    EXPECT_NE(std::find(tries.begin(), tries.end(), wanted), tries.end()) << wanted;
  }
}

RC_GTEST_PROP(Values, ShrinkingComesNearerWithEveryStep, ()) {
  Scenario scenario = two_hosts();
  scenario.end = sim::Time{*rc::gen::inRange<std::int64_t>(0, 1LL << 50)};
  const Number end = named(numbers(scenario), "end");
  for (const std::int64_t value : simpler(end)) {
    RC_ASSERT(value >= end.simplest);
    RC_ASSERT(value < end.get());
  }
}

TEST(Values, PrintWithTheirUnits) {
  EXPECT_EQ(to_text(Quantity::Chance, 50'000), "5%");
  EXPECT_EQ(to_text(Quantity::Chance, 1'500), "0.15%");
  EXPECT_EQ(to_text(Quantity::Size, 64LL << 20), "64MiB");
  EXPECT_EQ(to_text(Quantity::Rate, 10'000'000'000), "10Gbit/s");
  EXPECT_EQ(to_text(Quantity::Duration, 1'500'000), "1.5ms");
}

}  // namespace
}  // namespace scenarios
