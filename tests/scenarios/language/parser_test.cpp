// Scenario files: what they mean, and that whatever is wrong with one is a UserError.
#include "scenarios/language/parser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "scenarios/language/reader.hpp"
#include "scenarios/language/writer.hpp"
#include "tests/scenarios/language/complaint.hpp"
#include "tests/scenarios/language/generated.hpp"
#include "tests/scenarios/language/library.hpp"

namespace scenarios {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using test::complaint;
using test::replaced;

TEST(Parser, ReadsTheQuickstart) {
  const Scenario scenario = parse_scenario("q.yaml", test::quickstart());
  EXPECT_EQ(scenario.file, "q.yaml");
  EXPECT_EQ(scenario.text, test::quickstart());
  EXPECT_EQ(scenario.name, "quickstart");
  EXPECT_EQ(scenario.seed, 1U);
  EXPECT_EQ(scenario.end.ns, 1'200'000'000);
  ASSERT_EQ(scenario.hosts.size(), 2U);
  EXPECT_EQ(scenario.hosts[1].name, "beta");
  EXPECT_EQ(scenario.hosts[1].memory_bytes, 4ULL << 30);
  ASSERT_EQ(scenario.networks.size(), 1U);
  EXPECT_EQ(scenario.networks[0].bits_per_second, 10'000'000'000U);
  EXPECT_EQ(scenario.networks[0].latency.ns, 40'000);
  ASSERT_EQ(scenario.vms.size(), 1U);
  const VmSpec& vm = scenario.vms[0];
  EXPECT_EQ(vm.memory_bytes, 64ULL << 20);
  EXPECT_EQ(vm.guest.program, "worker");
  EXPECT_EQ(vm.guest.working_set_bytes, 16ULL << 20);
  EXPECT_EQ(vm.guest.dirty_pages_per_ms, 40U);
  EXPECT_EQ(vm.disks, std::vector<std::string>{"disk1"});
  EXPECT_EQ(vm.instructions_per_us, 200U);
  ASSERT_EQ(scenario.timeline.size(), 1U);
  EXPECT_EQ(scenario.timeline[0].verb, "move-vm");
  EXPECT_EQ(scenario.timeline[0].host, "beta");
  EXPECT_EQ(scenario.timeline[0].at.ns, 500'000'000);
  EXPECT_EQ(scenario.timeline[0].place.line, 36);
  ASSERT_EQ(scenario.expect.size(), 6U);
  EXPECT_EQ(scenario.expect[1].name, "downtime-below");
  EXPECT_EQ(scenario.expect[1].bound, 100'000'000);
}

TEST(Parser, ReadsTheWholeLibrary) {
  ASSERT_GE(test::library_files().size(), 17U);
  for (const auto& file : test::library_files()) {
    EXPECT_EQ(load_scenario(file.string()).name, file.stem().string());
  }
}

TEST(Parser, ReadsATrigger) {
  const Scenario scenario = parse_scenario(
      "s.yaml", test::quickstart() +
                    "faults:\n"
                    "  - when: {event: migration.phase, phase: stop_and_copy, node: alpha}\n"
                    "    after: 300us\n    cut-link: migration\n    lasts: 2s\n");
  ASSERT_EQ(scenario.faults.size(), 1U);
  const FaultSpec& fault = scenario.faults[0];
  EXPECT_EQ(fault.fault, "cut-link");
  EXPECT_EQ(fault.target, "migration");
  EXPECT_FALSE(fault.trigger.at);
  EXPECT_EQ(fault.trigger.event, "migration.phase");
  EXPECT_EQ(fault.trigger.fields.size(), 2U);
  EXPECT_EQ(fault.trigger.after.ns, 300'000);
  EXPECT_EQ(fault.lasts->ns, 2'000'000'000);
}

TEST(Parser, AHostWithoutContentTakesTheDefaults) {
  const Scenario scenario =
      parse_scenario("s.yaml", replaced(test::quickstart(), "beta: {memory: 4GiB}", "beta:"));
  EXPECT_EQ(scenario.hosts.at(1).memory_bytes, HostSpec{}.memory_bytes);
}

TEST(Parser, AMarkAtTheStartOfTheFileAndForeignLineEndsAreFine) {
  std::string text = "\xef\xbb\xbf";
  for (const char c : test::quickstart()) text += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_EQ(complaint(text), "");
}

TEST(Overrides, ReplaceAndAddValues) {
  const Scenario scenario = parse_scenario("s.yaml", test::quickstart(),
                                           {{"vms.web.memory", "128MiB"},
                                            {"timeline.0.at", "1s"},
                                            {"networks.migration.loss", "0.5%"},
                                            {"seed", "42"}});
  EXPECT_EQ(scenario.vms[0].memory_bytes, 128ULL << 20);
  EXPECT_EQ(scenario.timeline[0].at.ns, 1'000'000'000);
  EXPECT_EQ(scenario.networks[0].loss.numerator * 200, scenario.networks[0].loss.denominator);
  EXPECT_EQ(scenario.seed, 42U);
  EXPECT_EQ(scenario.text, test::quickstart()) << "a trace holds text and overrides apart";
}

TEST(Overrides, TheLastOneHolds) {
  EXPECT_EQ(parse_scenario("s.yaml", test::quickstart(), {{"seed", "2"}, {"seed", "3"}}).seed, 3U);
}

TEST(Overrides, ComplaintsNameTheOptionAndNotALineOfTheFile) {
  const auto wrong = [](const char* path, const char* value) {
    return complaint(test::quickstart(), {{path, value}});
  };
  EXPECT_THAT(wrong("vms.web.memory", "65"), StartsWith("--set vms.web.memory: `65` is not"));
  EXPECT_THAT(wrong("vms.web.memry", "1MiB"), StartsWith("--set vms.web.memry: unknown key"));
  EXPECT_THAT(wrong("vms.wob.memory", "1MiB"), HasSubstr("there is no `wob`"));
  EXPECT_THAT(wrong("timeline.0.move-vm", "wob"), StartsWith("--set timeline.0.move-vm: "));
  EXPECT_THAT(wrong("timeline.1.at", "1s"), HasSubstr("no entry `1` in a list of 1"));
  EXPECT_THAT(wrong("timeline.x.at", "1s"), HasSubstr("no entry `x`"));
  EXPECT_THAT(wrong("seed.x", "1"), HasSubstr("nothing stands below `seed`"));
  for (const char* path : {"", ".", "..", "a.", "vms..memory", "vms.", ".vms"}) {
    EXPECT_THAT(wrong(path, "1"), StartsWith("--set ")) << path;
  }
}

TEST(Suggestions, NameTheNearestWord) {
  const std::vector<std::string> words{"memory", "guest", "disks", "speed", "heartbeat"};
  EXPECT_EQ(nearest("memroy", words), "memory");
  EXPECT_EQ(nearest("guets", words), "guest");
  EXPECT_EQ(nearest("disk", words), "disks");
  EXPECT_EQ(nearest("heart-beat", words), "heartbeat");
  EXPECT_EQ(nearest("completely-different", words), "");
  EXPECT_EQ(nearest(std::string(1000, 'm'), words), "") << "a long word is not worth the time";
  EXPECT_EQ(suggestion("memroy", words), ", did you mean `memory`?");
  EXPECT_EQ(suggestion("qqqqqqqq", {"a", "b"}), ", known: a, b");
  EXPECT_EQ(suggestion("x", {}), "");
}

TEST(Complaints, AreOneLineWhateverTheyQuote) {
  const UserError error(Place{"a\nb.yaml", 3, 4}, "`\x1b[31m\r\n\t\x7f`");
  EXPECT_STREQ(error.what(), "a\\x0ab.yaml:3:4: `\\x1b[31m\\x0d\\x0a\\x09\\x7f`");
}

TEST(Complaints, AbsentValuesStandAtTheirKey) {
  EXPECT_THAT(complaint(replaced(test::quickstart(), "seed: 1\n", "seed:\n")),
              StartsWith("s.yaml:7:1: "));
  EXPECT_THAT(complaint(replaced(test::quickstart(), "timeline:\n", "  db:\n\ntimeline:\n")),
              StartsWith("s.yaml:35:3: `host` is missing"));
}

/// A text is a scenario or a UserError of one line that names a place; anything else that is thrown
/// fails the property.
void accept_or_complain(const std::string& text) {
  const std::string line = complaint(text);
  if (line.empty()) return;
  RC_ASSERT(line.rfind("s.yaml:", 0) == 0);
  RC_ASSERT(line.find('\n') == std::string::npos);
  RC_ASSERT(line.size() > std::string("s.yaml:1:1: ").size());
  RC_ASSERT(line.size() < 1000U);
}

RC_GTEST_PROP(Fuzz, FlippedBytes, ()) {
  std::string text = test::quickstart();
  const int flips = *rc::gen::inRange(1, 6);
  for (int i = 0; i < flips; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    text[at] = static_cast<char>(*rc::gen::inRange(0, 256));
  }
  accept_or_complain(text);
}

RC_GTEST_PROP(Fuzz, CharactersThatMeanSomethingInYaml, ()) {
  static const std::string kSpecial = "{}[]:,-?&*!|>'\"%@`#~ \n\t<=.0";
  std::string text = test::quickstart();
  const int changes = *rc::gen::inRange(1, 6);
  for (int i = 0; i < changes; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    const char c = kSpecial[*rc::gen::inRange<std::size_t>(0, kSpecial.size())];
    if (*rc::gen::arbitrary<bool>()) {
      text[at] = c;
    } else {
      text.insert(at, 1, c);
    }
  }
  accept_or_complain(text);
}

RC_GTEST_PROP(Fuzz, WhatASearchWrites, ()) {
  static const std::string kSpecial = "{}[]:,-'\"%()<>=.0 \nax";
  std::string text = write_scenario(test::generated_scenario());
  const int changes = *rc::gen::inRange(1, 4);
  for (int i = 0; i < changes; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    if (*rc::gen::arbitrary<bool>()) {
      text[at] = kSpecial[*rc::gen::inRange<std::size_t>(0, kSpecial.size())];
    } else {
      text.erase(at, *rc::gen::inRange<std::size_t>(1, 12));
    }
  }
  accept_or_complain(text);
}

RC_GTEST_PROP(Fuzz, DeletedRanges, ()) {
  std::string text = test::quickstart();
  const auto from = *rc::gen::inRange<std::size_t>(0, text.size());
  const auto count = *rc::gen::inRange<std::size_t>(1, 200);
  text.erase(from, count);
  accept_or_complain(text);
}

RC_GTEST_PROP(Fuzz, DoubledDeletedAndSwappedLines, ()) {
  std::vector<std::string> lines;
  std::istringstream stream(test::quickstart());
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  const int changes = *rc::gen::inRange(1, 4);
  for (int i = 0; i < changes; ++i) {
    const auto a = *rc::gen::inRange<std::size_t>(0, lines.size());
    const auto b = *rc::gen::inRange<std::size_t>(0, lines.size());
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(b), std::string(lines[a]));
        break;
      case 1:
        lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(a));
        break;
      default:
        std::swap(lines[a], lines[b]);
        break;
    }
  }
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  accept_or_complain(text);
}

RC_GTEST_PROP(Fuzz, ValuesOfOneKeyUnderAnother, ()) {
  static const std::vector<std::string> kPaths{"scenario",
                                               "end",
                                               "hosts",
                                               "hosts.alpha",
                                               "hosts.alpha.memory",
                                               "networks.migration.hosts",
                                               "networks.migration.loss",
                                               "storage.disk1.size",
                                               "vms.web",
                                               "vms.web.host",
                                               "vms.web.guest",
                                               "vms.web.guest.model",
                                               "vms.web.guest.working-set",
                                               "vms.web.disks",
                                               "vms.web.speed",
                                               "migration",
                                               "timeline",
                                               "timeline.0",
                                               "timeline.0.at",
                                               "timeline.0.stop-vm",
                                               "expect.0",
                                               "expect.1.downtime-below",
                                               "faults"};
  static const std::vector<std::string> kValues{"",
                                                "~",
                                                "alpha",
                                                "web",
                                                "0",
                                                "1",
                                                "-1",
                                                "1ms",
                                                "0s",
                                                "4GiB",
                                                "0B",
                                                "100%",
                                                "1bit/s",
                                                "true",
                                                "{}",
                                                "[]",
                                                "99999999999999999999"};
  const Override change{*rc::gen::elementOf(kPaths), *rc::gen::elementOf(kValues)};
  const std::string line = complaint(test::quickstart(), {change});
  RC_ASSERT(line.empty() || line.rfind("--set ", 0) == 0 || line.rfind("s.yaml:", 0) == 0);
  RC_ASSERT(line.find('\n') == std::string::npos);
}

RC_GTEST_PROP(Fuzz, AnyBytes, ()) {
  accept_or_complain(*rc::gen::container<std::string>(rc::gen::arbitrary<char>()));
}

}  // namespace
}  // namespace scenarios
