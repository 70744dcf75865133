// docs/properties.md: every example on the page is run and comes out as the page says.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "scenarios/language/parser.hpp"
#include "scenarios/runner/run.hpp"

namespace scenarios {
namespace {

struct Example {
  std::string verdict;  ///< holds, violated, unknown
  std::string items;    ///< entries of `expect`
  int line = 0;
};

std::vector<Example> examples() {
  std::ifstream page(HVSIM_PROPERTIES_PAGE);
  EXPECT_TRUE(page.is_open());
  std::vector<Example> all;
  bool inside = false;
  int number = 0;
  for (std::string line; std::getline(page, line);) {
    ++number;
    if (line == "```yaml") {
      inside = true;
      all.push_back({"", "", number});
    } else if (line == "```") {
      inside = false;
    } else if (inside && line.rfind("# ", 0) == 0) {
      all.back().verdict = line.substr(2);
    } else if (inside) {
      all.back().items += "  " + line + "\n";
    }
  }
  return all;
}

const char* name_of(checkers::Verdict verdict) {
  switch (verdict) {
    case checkers::Verdict::Holds:
      return "holds";
    case checkers::Verdict::Violated:
      return "violated";
    case checkers::Verdict::Unknown:
      return "unknown";
  }
  return "";
}

TEST(PropertiesPage, EveryExampleComesOutAsItSays) {
  Scenario scenario = load_scenario(HVSIM_QUICKSTART);
  std::string text = scenario.text.substr(0, scenario.text.find("\nexpect:")) + "\nexpect:\n";
  const std::vector<Example> all = examples();
  ASSERT_GE(all.size(), 10U);
  for (const Example& example : all) text += example.items;
  scenario = parse_scenario("properties.md", text);
  ASSERT_EQ(scenario.expect.size(), all.size()) << "an example is one property";
  const Outcome outcome = run_scenario(scenario, RunOptions{});
  ASSERT_GE(outcome.findings.size(), all.size());
  const std::size_t first = outcome.findings.size() - all.size();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const checkers::Finding& finding = outcome.findings[first + i];
    EXPECT_EQ(name_of(finding.verdict), all[i].verdict)
        << "docs/properties.md:" << all[i].line << ": " << finding.explanation << " ("
        << finding.measured << ")";
    EXPECT_EQ(finding.explanation.empty(), finding.verdict == checkers::Verdict::Holds);
  }
}

}  // namespace
}  // namespace scenarios
