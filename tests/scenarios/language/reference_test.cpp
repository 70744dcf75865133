// docs/scenarios.md is what the tables say, and the schema completes events and fields.
#include "scenarios/language/reference.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "fault-injection/catalogue.hpp"

namespace scenarios {
namespace {

TEST(Reference, ThePageIsUpToDate) {
  std::ifstream file(HVSIM_REFERENCE);
  ASSERT_TRUE(file.is_open());
  std::ostringstream page;
  page << file.rdbuf();
  EXPECT_EQ(page.str(), reference_page())
      << "write it anew: hvsim schema --markdown > docs/scenarios.md";
}

TEST(Reference, EveryFaultIsOnThePage) {
  const std::string page = reference_page();
  for (const faults::Fault& fault : faults::catalogue()) {
    EXPECT_NE(page.find("| `" + std::string(fault.name) + "` |"), std::string::npos);
  }
}

}  // namespace
}  // namespace scenarios
