// The catalogue as a whole; what each fault does is tested by class.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "fault-injection/catalogue.hpp"

namespace {

TEST(Catalogue, NamesAreUniqueAndReversibleFaultsHaveAnUndo) {
  std::set<std::string> names;
  for (const faults::Fault& fault : faults::catalogue()) {
    EXPECT_TRUE(names.insert(fault.name).second) << fault.name;
    EXPECT_EQ(fault.reversible, fault.undo != nullptr) << fault.name;
    EXPECT_EQ(faults::find(fault.name), &fault);
    EXPECT_NE(std::string(fault.what), "") << fault.name;
  }
  EXPECT_EQ(faults::find("no-such-fault"), nullptr);
}

TEST(Catalogue, IsInTheOrderOfClassAndName) {
  const auto& all = faults::catalogue();
  const auto before = [](const faults::Fault& a, const faults::Fault& b) {
    return a.kind != b.kind ? a.kind < b.kind : std::string(a.name) < b.name;
  };
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(), before));
}

TEST(Catalogue, HasFaultsOfEveryClass) {
  std::set<faults::Class> classes;
  for (const faults::Fault& fault : faults::catalogue()) classes.insert(fault.kind);
  EXPECT_EQ(classes.size(), 5U);
}

TEST(Catalogue, MagnitudesAreRangesWithTheirNormalInside) {
  for (const faults::Fault& fault : faults::catalogue()) {
    const faults::Magnitude& by = fault.magnitude;
    EXPECT_LE(by.low, by.normal) << fault.name;
    EXPECT_LE(by.normal, by.high) << fault.name;
    EXPECT_EQ(by.unit == faults::Amount::None, by.high == 0) << fault.name;
  }
}

/// What a budget counts as a host that is down must be a host, and come back.
TEST(Catalogue, HostsThatGoDownComeBack) {
  for (const faults::Fault& fault : faults::catalogue()) {
    if (!fault.hosts_down) continue;
    EXPECT_EQ(fault.target, faults::Target::Host) << fault.name;
    EXPECT_TRUE(fault.reversible) << fault.name;
  }
}

TEST(Roles, AreNamedLikeNothingElse) {
  std::set<std::string> names;
  for (const faults::Role& role : faults::roles()) {
    EXPECT_TRUE(names.insert(role.name).second) << role.name;
    EXPECT_EQ(faults::find_role(role.name), &role);
    EXPECT_EQ(faults::find(role.name), nullptr);
  }
  EXPECT_EQ(faults::find_role("alpha"), nullptr);
}

}  // namespace
