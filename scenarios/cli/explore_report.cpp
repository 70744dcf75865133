#include "scenarios/cli/explore_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <pugixml.hpp>
#include <sstream>

#include "scenarios/cli/report.hpp"
#include "scenarios/explore/finish.hpp"
#include "scenarios/shrink/judge.hpp"

namespace cli {

using scenarios::CampaignResult;
using scenarios::Discovery;
using scenarios::Scenario;

namespace {

bool ended_its_process(const Discovery& discovery) {
  return discovery.property == scenarios::kCrash || discovery.property == scenarios::kHang ||
         discovery.property == scenarios::kTooLarge;
}

std::string duration(double seconds) {
  const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

double per(double amount, double seconds) { return seconds > 0 ? amount / seconds : 0; }

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

/// Text that workflow commands do not take apart.
std::string escaped(const std::string& text, bool property) {
  std::string result;
  for (const char c : text) {
    if (c == '%') {
      result += "%25";
    } else if (c == '\n') {
      result += "%0A";
    } else if (c == '\r') {
      result += "%0D";
    } else if (property && c == ':') {
      result += "%3A";
    } else if (property && c == ',') {
      result += "%2C";
    } else {
      result += c;
    }
  }
  return result;
}

std::string paragraph(const Discovery& discovery, const Scenario& scenario, std::size_t number) {
  std::string text = fmt::format("\n{}. {}\n", number, discovery.finished.story);
  text += fmt::format("   In {} run{} of {}, first in {}", discovery.runs,
                      discovery.runs == 1 ? "" : "s", scenario.file, to_text(discovery.run));
  if (discovery.finished.tried != 0) {
    text += fmt::format("; {} smaller ones tried", discovery.finished.tried);
  }
  if (!discovery.together.empty()) {
    text += fmt::format("; it also violates {}", list_of(discovery.together));
  }
  text += ".\n";
  if (!discovery.finished.error.empty()) text += "   " + discovery.finished.error + "\n";
  if (!discovery.finished.trace.empty()) {
    text += fmt::format("   Its trace is {}\n", discovery.finished.trace);
  }
  if (discovery.unwritten) {
    text += "   This could not be written to " + discovery.stem + ".yaml:\n\n" +
            discovery.finished.yaml + "\n";
  }
  return text + "   " + discovery.finished.command + "\n";
}

/// One line: what an exploration did not come to.
std::string line_of(const scenarios::Unreached& each, const char* did_not, const Scenario& of) {
  std::string line = fmt::format("{} of {} {} in {} run{}", each.what, of.file, did_not, each.runs,
                                 each.runs == 1 ? "" : "s");
  return each.why.empty() ? line : line + ": " + each.why;
}

struct OpenEnd {
  std::size_t scenario = 0;
  std::string what, line;
};

std::vector<OpenEnd> open_ends(const CampaignResult& result, const std::vector<Scenario>& all) {
  std::vector<OpenEnd> ends;
  for (const std::size_t scenario : result.never_run) {
    const std::string& file = all[scenario].file;
    ends.push_back(
        {scenario, "not run", file + " was not run: time was over before its turn came"});
  }
  for (const auto& each : result.never_struck) {
    ends.push_back({each.scenario, each.what, line_of(each, "never struck", all[each.scenario])});
  }
  for (const auto& each : result.never_decided) {
    ends.push_back(
        {each.scenario, each.what, line_of(each, "was never decided", all[each.scenario])});
  }
  return ends;
}

}  // namespace

std::string progress_line(const scenarios::CampaignProgress& now) {
  std::string line =
      fmt::format("{} seeds, {} runs, {:.0f}/s, {:.1f}x real time, {} states, {} finding{}",
                  now.seeds, now.runs, per(static_cast<double>(now.runs), now.seconds),
                  per(now.virtual_seconds, now.seconds), now.states, now.findings,
                  now.findings == 1 ? "" : "s");
  if (now.shrinking != 0) line += fmt::format(" ({} being shrunk)", now.shrinking);
  if (now.seconds_left) line += ", " + duration(*now.seconds_left) + " left";
  return line;
}

std::string text_of(const CampaignResult& result, const std::vector<Scenario>& all) {
  const scenarios::CampaignProgress& now = result.progress;
  std::string text = fmt::format(
      "explored {} seed{} of {} scenario{} in {} runs and {}: {:.0f} runs/s, {:.1f}x real time, {} "
      "protocol states\n",
      now.seeds, now.seeds == 1 ? "" : "s", all.size(), all.size() == 1 ? "" : "s", now.runs,
      duration(now.seconds), per(static_cast<double>(now.runs), now.seconds),
      per(now.virtual_seconds, now.seconds), now.states);
  if (result.interrupted) text += "interrupted; this is what was found until then\n";
  if (!result.silent_buggify.empty()) {
    text += "buggify points that never fired: " + list_of(result.silent_buggify) + "\n";
  }
  if (!result.silent_sometimes.empty()) {
    text += "sometimes points that were never reached: " + list_of(result.silent_sometimes) + "\n";
  }
  for (const std::string& note : result.notes) text += "note: " + note + "\n";
  for (const OpenEnd& end : open_ends(result, all)) text += end.line + "\n";
  if (result.discoveries.empty()) {
    const bool all_decided = result.never_decided.empty();
    return text + "no violation found" + (all_decided ? "" : " of what was decided") + "\n";
  }
  const std::size_t count = result.discoveries.size();
  text += fmt::format("{} finding{}\n", count, count == 1 ? "" : "s");
  std::size_t number = 0;
  for (const Discovery& discovery : result.discoveries) {
    text += paragraph(discovery, all[discovery.scenario], ++number);
  }
  return text;
}

std::string junit_of(const CampaignResult& result, const std::vector<Scenario>& all) {
  pugi::xml_document document;
  pugi::xml_node suites = document.append_child("testsuites");
  pugi::xml_node suite = suites.append_child("testsuite");
  suite.append_attribute("name") = "hvsim explore";
  suite.append_attribute("time") = result.progress.seconds;
  unsigned tests = 0;
  unsigned failures = 0;
  unsigned skipped = 0;
  const std::vector<OpenEnd> open = open_ends(result, all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    unsigned of_this = 0;
    for (const Discovery& discovery : result.discoveries) {
      if (discovery.scenario != i) continue;
      pugi::xml_node test = suite.append_child("testcase");
      test.append_attribute("classname") = all[i].name.c_str();
      test.append_attribute("name") = discovery.property.c_str();
      test.append_attribute("file") = all[i].file.c_str();
      pugi::xml_node failure = test.append_child("failure");
      failure.append_attribute("message") = discovery.finished.story.c_str();
      failure.text() = ("again: " + discovery.finished.command).c_str();
      ++of_this;
    }
    for (const OpenEnd& end : open) {
      if (end.scenario != i) continue;
      pugi::xml_node test = suite.append_child("testcase");
      test.append_attribute("classname") = all[i].name.c_str();
      test.append_attribute("name") = end.what.c_str();
      test.append_attribute("file") = all[i].file.c_str();
      test.append_child("skipped").append_attribute("message") = end.line.c_str();
      ++tests;
      ++skipped;
    }
    failures += of_this;
    tests += of_this;
    const bool ran =
        std::find(result.never_run.begin(), result.never_run.end(), i) == result.never_run.end();
    if (of_this != 0 || !ran) continue;
    ++tests;
    pugi::xml_node test = suite.append_child("testcase");
    test.append_attribute("classname") = all[i].name.c_str();
    test.append_attribute("name") = "no violation found";
    test.append_attribute("file") = all[i].file.c_str();
  }
  suite.append_attribute("tests") = tests;
  suite.append_attribute("failures") = failures;
  suite.append_attribute("skipped") = skipped;
  std::ostringstream out;
  document.save(out, "  ");
  return out.str();
}

std::string annotations_of(const CampaignResult& result, const std::vector<Scenario>& all) {
  std::string text;
  for (const Discovery& discovery : result.discoveries) {
    text +=
        fmt::format("::error file={},title={}::{}\n", escaped(all[discovery.scenario].file, true),
                    escaped(discovery.property, true),
                    escaped(discovery.finished.story + "\n" + discovery.finished.command, false));
  }
  return text;
}

int exit_code(const CampaignResult& result) {
  bool violated = false;
  bool ended = false;
  for (const Discovery& discovery : result.discoveries) {
    // Not deterministic outweighs everything: no other verdict means anything then.
    if (discovery.property == "MG-3") return kDiverged;
    (ended_its_process(discovery) ? ended : violated) = true;
  }
  if (violated) return kViolated;
  if (ended) return kDefect;
  if (result.results_failed) return kWrongInput;
  return result.interrupted ? kUndecided : kAllHold;
}

}  // namespace cli
