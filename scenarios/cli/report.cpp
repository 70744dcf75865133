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

const char* word_of(Compared::State state) {
  switch (state) {
    case Compared::State::Within:
      return "within";
    case Compared::State::Better:
      return "better";
    case Compared::State::Worse:
      return "WORSE";
    case Compared::State::Gone:
      return "gone";
    case Compared::State::New:
      return "new";
  }
  return "";
}

/// What there is to say about a figure, after its name.
std::string remark(const Compared& compared) {
  switch (compared.state) {
    case Compared::State::Gone:
      return fmt::format("recorded {}, not measured in this run", compared.recorded);
    case Compared::State::New:
      return fmt::format("{}, not recorded", compared.measured);
    default:
      return fmt::format("{}, recorded {}, at most {} (tolerance {})", compared.measured,
                         compared.recorded, compared.limit, compared.tolerance);
  }
}

/// A line for every figure that is not simply within its tolerance.
std::string compared_text(const Report& report) {
  if (report.baseline.empty()) return "";
  std::string text;
  std::size_t recorded = 0;
  std::size_t kept = 0;
  for (const Compared& compared : report.compared) {
    const auto state = compared.state;
    recorded += state != Compared::State::New;
    kept += state == Compared::State::Within || state == Compared::State::Better;
    if (state == Compared::State::Within) continue;
    text += fmt::format("  {:<8}  {}: {}\n", word_of(state), compared.figure, remark(compared));
  }
  return fmt::format("{} of {} figures are no worse than in {}\n", kept, recorded,
                     report.baseline) +
         text;
}

}  // namespace

std::string quoted_word(const std::string& word) {
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

std::string command_of(const scenarios::Scenario& scenario, const scenarios::RunOptions& options) {
  std::string command =
      "hvsim run " + quoted_word(scenario.file) + " --seed " + std::to_string(options.seed);
  for (const auto& [key, value] : options.overrides) {
    command += " --set " + quoted_word(key + "=" + value);
  }
  for (const std::string& plant : options.plants) command += " --plant " + quoted_word(plant);
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
  report.jobs_done = outcome.jobs_done;
  report.findings = outcome.findings;
  report.moves = outcome.moves;
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
  for (const Compared& compared : report.compared) {
    if (compared.state == Compared::State::Worse) return kViolated;
    if (compared.state == Compared::State::Gone) code = kUndecided;
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
      // What only the end can show has no event of its own.
      const std::string where =
          finding.event == 0 ? "when all was over" : fmt::format("event {}", finding.event);
      text += fmt::format("            at {}, {}: {}\n", traces::to_text(finding.time), where,
                          finding.explanation);
    } else {
      text += fmt::format("            {}\n", finding.explanation);
    }
  }
  return text;
}

std::string text_of(const Report& report) {
  std::string text;
  if (!report.moves.empty()) text += "\nmoves\n" + scenarios::text_of(report.moves);
  text += fmt::format("\nproperties of {}, seed {}\n", report.scenario, report.seed);
  text += findings_text(report.findings);
  std::size_t holds = 0;
  for (const Finding& finding : report.findings) holds += finding.verdict == Verdict::Holds;
  text += fmt::format("{} of {} properties hold; {} events, hash {}\n", holds,
                      report.findings.size(), report.events, report.hash);
  text += compared_text(report);
  if (!report.repeatable) text += "NOT DETERMINISTIC: a second run had another hash\n";
  if (exit_code(report) != kAllHold) text += "again: " + report.reproduce + "\n";
  return text;
}

namespace {

nlohmann::ordered_json baseline_json(const Report& report) {
  nlohmann::ordered_json baseline;
  baseline["file"] = report.baseline;
  baseline["figures"] = nlohmann::ordered_json::array();
  for (const Compared& compared : report.compared) {
    nlohmann::ordered_json one;
    one["figure"] = compared.figure;
    one["state"] = compared.state == Compared::State::Worse ? "worse" : word_of(compared.state);
    if (!compared.measured.empty()) one["measured"] = compared.measured;
    if (!compared.recorded.empty()) one["recorded"] = compared.recorded;
    if (!compared.limit.empty()) one["limit"] = compared.limit;
    baseline["figures"].push_back(one);
  }
  return baseline;
}

nlohmann::ordered_json moves_json(const std::vector<scenarios::Move>& moves) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const scenarios::Move& move : moves) {
    nlohmann::ordered_json one;
    one["vm"] = move.vm;
    one["job"] = move.job;
    one["from"] = move.from;
    one["to"] = move.to;
    one["asked_ns"] = move.asked.ns;
    one["stopped_ns"] = move.stopped.ns;
    one["runs_again"] = move.runs_again;
    one["completed"] = move.completed;
    one["frames_lost"] = move.lost;
    one["seen"] = nlohmann::ordered_json::array();
    for (const scenarios::Absence& view : move.seen) {
      nlohmann::ordered_json parts = nlohmann::ordered_json::object();
      for (const scenarios::AbsencePart& part : view.parts) parts[part.cause] = part.took.ns;
      one["seen"].push_back({{"by", view.who},
                             {"from_ns", view.from.ns},
                             {"took_ns", view.took.ns},
                             {"waited_ns", view.waited().ns},
                             {"parts_ns", parts}});
    }
    all.push_back(one);
  }
  return all;
}

}  // namespace

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
      if (!finding.figures.empty()) {
        nlohmann::ordered_json figures;
        for (const checkers::Figure& figure : finding.figures) {
          const bool time = figure.unit == checkers::Figure::Unit::Nanoseconds;
          figures[figure.name + (time ? " ns" : "")] = figure.value;
        }
        property["figures"] = figures;
      }
      if (finding.verdict != Verdict::Holds) {
        property["explanation"] = finding.explanation;
        property["event"] = finding.event;
        property["time_ns"] = finding.time.ns;
      }
      entry["properties"].push_back(property);
    }
    if (!report.moves.empty()) entry["moves"] = moves_json(report.moves);
    if (!report.baseline.empty()) entry["baseline"] = baseline_json(report);
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
    auto tests = static_cast<unsigned>(report.findings.size());
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
    for (const Compared& compared : report.compared) {
      if (compared.state == Compared::State::New) continue;
      pugi::xml_node test = suite.append_child("testcase");
      test.append_attribute("classname") = report.scenario.c_str();
      test.append_attribute("name") = ("baseline: " + compared.figure).c_str();
      ++tests;
      const bool worse = compared.state == Compared::State::Worse;
      if (!worse && compared.state != Compared::State::Gone) continue;
      pugi::xml_node problem = test.append_child(worse ? "failure" : "skipped");
      problem.append_attribute("message") = remark(compared).c_str();
      if (worse) problem.text() = ("again: " + report.reproduce).c_str();
      (worse ? failures : skipped) += 1;
    }
    suite.append_attribute("tests") = tests;
    suite.append_attribute("failures") = failures;
    suite.append_attribute("skipped") = skipped;
    suite.append_attribute("errors") = report.repeatable ? 0 : 1;
  }
  std::ostringstream out;
  document.save(out, "  ");
  return out.str();
}

}  // namespace cli
