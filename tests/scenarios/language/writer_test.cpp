// A scenario that was written says, when it is read, what it said before.
#include "scenarios/language/writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "scenarios/language/parser.hpp"
#include "scenarios/language/values.hpp"
#include "tests/scenarios/language/generated.hpp"
#include "tests/scenarios/language/library.hpp"

namespace scenarios {
namespace {

using ::testing::HasSubstr;

TEST(Writer, TheWholeLibrarySurvives) {
  for (const auto& file : test::library_files()) {
    const Scenario scenario = load_scenario(file.string());
    const std::string text = write_scenario(scenario);
    const Scenario read = parse_scenario("written.yaml", text);
    EXPECT_EQ(read, scenario) << text;
    EXPECT_EQ(write_scenario(read), text);
  }
}

TEST(Writer, OneCauseIsOneLine) {
  const std::string text = write_scenario(parse_scenario(
      "s.yaml", test::quickstart() + "faults:\n"
                                     "  - when: {event: migration.phase, phase: commit}\n"
                                     "    after: 300us\n    cut-link: migration\n    lasts: 2s\n"
                                     "decisions: []\n"));
  EXPECT_THAT(text, HasSubstr("  - {when: {event: migration.phase, phase: commit}, after: 300us, "
                              "cut-link: migration, lasts: 2s}\n"));
  EXPECT_THAT(text, HasSubstr("timeline:\n  - {at: 500ms, move-vm: web, to: beta}\n"));
  EXPECT_THAT(text, HasSubstr("\ndecisions: []\n"));
  EXPECT_THAT(text, HasSubstr("\n  - {downtime-below: 100ms, vm: web}\n"));
}

TEST(Writer, TheHeadBecomesComments) {
  const Scenario scenario = parse_scenario("s.yaml", test::quickstart());
  const std::string text = write_scenario(scenario, "Found by a search.\n\nMore\x1b.\n");
  EXPECT_EQ(text.rfind("# Found by a search.\n#\n# More .\nscenario: quickstart\n", 0), 0U) << text;
  EXPECT_EQ(parse_scenario("s.yaml", text), scenario);
}

RC_GTEST_PROP(Writer, WhatWasWrittenReadsTheSame, ()) {
  const Scenario scenario = test::generated_scenario();
  const auto mistake = find_mistake(scenario);
  RC_ASSERT(!mistake);
  const std::string text = write_scenario(scenario);
  const Scenario read = parse_scenario("s.yaml", text);
  RC_ASSERT(read == scenario);
  RC_ASSERT(write_scenario(read) == text);
}

}  // namespace
}  // namespace scenarios
