#include "scenarios/cli/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <sstream>

#include "traces/text.hpp"

namespace cli {

using checkers::Finding;
using checkers::Verdict;

namespace {

const char* word_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::Holds:
      return "holds";
    case Verdict::Violated:
      return "VIOLATED";
    case Verdict::Unknown:
      return "unknown";
  }
  return "";
}

std::string quoted(const std::string& word) {
  const bool plain =
      !word.empty() &&
      word.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:%+,@") ==
          std::string::npos;
  if (plain) return word;
  std::string result = "'";
  for (char c : word) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

}  // namespace

std::string command_of(const scenarios::Scenario& scenario, const scenarios::RunOptions& options) {
  std::string command =
      "hvsim run " + quoted(scenario.file) + " --seed " + std::to_string(options.seed);
  for (const auto& [key, value] : options.overrides) {
    command += " --set " + quoted(key + "=" + value);
  }
  for (const std::string& plant : options.plants) command += " --plant " + quoted(plant);
  if (!options.detail) command += " --no-detail";
  if (options.twice) command += " --twice";
  return command;
}

Report make_report(const scenarios::Scenario& scenario, const scenarios::RunOptions& options,
                   const scenarios::Outcome& outcome) {
  Report report;
  report.file = scenario.file;
  report.scenario = scenario.name;
  report.seed = options.seed;
  report.hash = traces::to_text(outcome.hash);
  report.events = outcome.events;
  report.end = outcome.end;
  report.findings = outcome.findings;
  report.reproduce = command_of(scenario, options);
  return report;
}

int exit_code(const Report& report) {
  if (!report.repeatable) return kDiverged;
  int code = kAllHold;
  for (const Finding& finding : report.findings) {
    if (finding.verdict == Verdict::Violated) return kViolated;
    if (finding.verdict == Verdict::Unknown) code = kUndecided;
  }
  return code;
}

int exit_code(const std::vector<Report>& reports) {
  // Not deterministic outweighs everything: no other verdict means anything then.
  static constexpr int kOrder[] = {kDiverged, kViolated, kUndecided};
  for (int code : kOrder) {
    const bool any = std::any_of(reports.begin(), reports.end(), [code](const Report& report) {
      return exit_code(report) == code;
    });
    if (any) return code;
  }
  return kAllHold;
}

std::string findings_text(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    const std::string bound =
        finding.bound.empty() ? "" : fmt::format(" (bound {})", finding.bound);
    text += fmt::format("  {:<8}  {:<20} {}: {}{}\n", word_of(finding.verdict), finding.property,
                        finding.statement, finding.measured, bound);
    if (finding.verdict == Verdict::Holds) continue;
    if (finding.verdict == Verdict::Violated) {
      text += fmt::format("            at {}, event {}: {}\n", traces::to_text(finding.time),
                          finding.event, finding.explanation);
    } else {
      text += fmt::format("            {}\n", finding.explanation);
    }
  }
  return text;
}

std::string text_of(const Report& report) {
  std::string text = fmt::format("\nproperties of {}, seed {}\n", report.scenario, report.seed);
  text += findings_text(report.findings);
  std::size_t holds = 0;
  for (const Finding& finding : report.findings) holds += finding.verdict == Verdict::Holds;
  text += fmt::format("{} of {} properties hold; {} events, hash {}\n", holds,
                      report.findings.size(), report.events, report.hash);
  if (!report.repeatable) text += "NOT DETERMINISTIC: a second run had another hash\n";
  if (exit_code(report) != kAllHold) text += "again: " + report.reproduce + "\n";
  return text;
}

std::string json_of(const std::vector<Report>& reports) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Report& report : reports) {
    nlohmann::ordered_json entry;
    entry["file"] = report.file;
    entry["scenario"] = report.scenario;
    entry["seed"] = report.seed;
    entry["hash"] = report.hash;
    entry["events"] = report.events;
    entry["end_ns"] = report.end.ns;
    entry["deterministic"] = report.repeatable;
    entry["exit_code"] = exit_code(report);
    entry["reproduce"] = report.reproduce;
    entry["properties"] = nlohmann::ordered_json::array();
    for (const Finding& finding : report.findings) {
      nlohmann::ordered_json property;
      property["property"] = finding.property;
      property["statement"] = finding.statement;
      property["verdict"] =
          finding.verdict == Verdict::Violated ? "violated" : word_of(finding.verdict);
      property["measured"] = finding.measured;
      property["bound"] = finding.bound;
      if (finding.verdict != Verdict::Holds) {
        property["explanation"] = finding.explanation;
        property["event"] = finding.event;
        property["time_ns"] = finding.time.ns;
      }
      entry["properties"].push_back(property);
    }
    all.push_back(entry);
  }
  return all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string junit_of(const std::vector<Report>& reports) {
  pugi::xml_document document;
  pugi::xml_node suites = document.append_child("testsuites");
  for (const Report& report : reports) {
    pugi::xml_node suite = suites.append_child("testsuite");
    suite.append_attribute("name") = report.scenario.c_str();
    suite.append_attribute("tests") = static_cast<unsigned>(report.findings.size());
    unsigned failures = 0;
    unsigned skipped = 0;
    for (const Finding& finding : report.findings) {
      pugi::xml_node test = suite.append_child("testcase");
      test.append_attribute("classname") = report.scenario.c_str();
      test.append_attribute("name") = (finding.property + ": " + finding.statement).c_str();
      if (finding.verdict == Verdict::Holds) continue;
      const bool violated = finding.verdict == Verdict::Violated;
      pugi::xml_node problem = test.append_child(violated ? "failure" : "skipped");
      problem.append_attribute("message") = finding.explanation.c_str();
      if (violated) problem.text() = ("again: " + report.reproduce).c_str();
      (violated ? failures : skipped) += 1;
    }
    suite.append_attribute("failures") = failures;
    suite.append_attribute("skipped") = skipped;
    suite.append_attribute("errors") = report.repeatable ? 0 : 1;
  }
  std::ostringstream out;
  document.save(out, "  ");
  return out.str();
}

}  // namespace cli
