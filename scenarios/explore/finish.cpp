#include "scenarios/explore/finish.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "scenarios/language/parser.hpp"
#include "scenarios/language/writer.hpp"
#include "scenarios/runner/run.hpp"
#include "scenarios/shrink/candidates.hpp"
#include "scenarios/shrink/judge.hpp"
#include "scenarios/shrink/shrink.hpp"
#include "traces/file.hpp"
#include "traces/text.hpp"

namespace scenarios {

namespace {

/// What stands in a story and in the file's head about how the violation came about.
struct Account {
  std::string scenario;  ///< name
  std::string property, statement, explanation;
  std::optional<traces::Time> time;
  std::vector<std::string> causes;
  bool minimal = false;
  bool cut_short = false;  ///< shrinking had to stop at its limit
  std::optional<traces::Time> critical;
};

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

std::string story_of(const Account& account) {
  std::string story = account.property + " does not hold in " + account.scenario;
  if (account.time) story += " at " + traces::to_text(*account.time);
  if (!account.explanation.empty()) story += ": " + account.explanation;
  story += ".";
  if (!account.statement.empty()) story += " It says: " + account.statement + ".";
  if (!account.causes.empty()) {
    story +=
        fmt::format(" {} {}: {}.", account.minimal ? "It takes" : "Left over are",
                    account.causes.size() == 1 ? std::string("one cause")
                                               : std::to_string(account.causes.size()) + " causes",
                    joined(account.causes, "; "));
    if (account.cut_short) story += " Shrinking was ended by its limit; `hvsim shrink` goes on.";
  }
  if (account.critical) {
    story += " Healing everything at " + traces::to_text(*account.critical) +
             " would still have avoided it, later not.";
  }
  return story;
}

std::string head_of(const std::string& story, const std::string& command, const RunName& name) {
  std::string head = "Found by hvsim explore in run " + to_text(name) + ".\n\n";
  // Comment lines keep within a screen.
  std::size_t column = 0;
  std::string word;
  for (const char c : story + ' ') {
    if (c != ' ') {
      word += c;
      continue;
    }
    if (column != 0 && column + 1 + word.size() > 94) {
      head += "\n";
      column = 0;
    }
    if (column != 0) head += " ";
    head += word;
    column += word.size() + 1;
    word.clear();
  }
  return head + "\n\nSee it: " + command;
}

const checkers::Finding* violated(const Outcome& outcome, const std::string& property) {
  for (const checkers::Finding& finding : outcome.findings) {
    const bool is_it =
        finding.property == property && finding.verdict == checkers::Verdict::Violated;
    if (is_it) return &finding;
  }
  return nullptr;
}

RunOptions run_options(const Scenario& scenario, const FinishRequest& request) {
  RunOptions options;
  options.seed = scenario.seed;
  options.plants = request.plants;
  options.twin = request.property == "twin-equal";
  options.twice = request.property == "MG-3";
  return options;
}

bool ends_the_process(const std::string& property) {
  return property == kCrash || property == kHang || property == kTooLarge;
}

std::string file_name(const FinishRequest& request) {
  return request.yaml.empty() ? "finding.yaml" : request.yaml;
}

/// Story, file and command of an account; nothing is run.
Finished written(const Scenario& scenario, const FinishRequest& request, const Account& account) {
  Finished finished;
  finished.item = request.item;
  finished.property = request.property;
  finished.causes = account.causes;
  finished.minimal = account.minimal;
  finished.critical = account.critical;
  finished.story = story_of(account);
  finished.command = command_for(request.yaml, request);
  finished.yaml =
      write_scenario(scenario, head_of(finished.story, finished.command, request.item.name));
  return finished;
}

/// Runs what will be in the file, and records it.
void record(Finished& finished, const FinishRequest& request) {
  const Scenario scenario = parse_scenario(file_name(request), finished.yaml);
  RunOptions options = run_options(scenario, request);
  options.trace = request.trace;
  const Outcome outcome = run_scenario(scenario, options);
  finished.trace = request.trace;
  finished.hash = traces::to_text(outcome.hash);
  if (violated(outcome, request.property) == nullptr) {
    finished.error = "the scenario file does not fail as the run did";
  }
}

}  // namespace

std::string command_for(const std::string& yaml, const FinishRequest& request) {
  std::string command = "hvsim run " + (yaml.empty() ? std::string("FILE") : yaml);
  for (const std::string& plant : request.plants) command += " --plant " + plant;
  if (request.property == "MG-3") command += " --twice";
  return command;
}

Finished finish_without_running(const Scenario& failing, const FinishRequest& request,
                                const std::string& text) {
  Account account;
  account.scenario = failing.name;
  account.property = request.property;
  account.explanation = text;
  account.causes = causes_of(failing);
  return written(failing, request, account);
}

Finished finish(const Scenario& failing, const FinishRequest& request) {
  Account account;
  account.scenario = failing.name;
  account.property = request.property;
  Scenario smallest = failing;
  std::string error;
  std::uint64_t tried = 0;
  if (request.shrink) {
    ShrinkOptions options;
    options.plants = request.plants;
    options.property = request.property;
    options.limit = request.limit;
    options.progress = request.progress;
    try {
      Shrunk shrunk = shrink(failing, options);
      smallest = std::move(shrunk.scenario);
      account.causes = std::move(shrunk.causes);
      account.explanation = std::move(shrunk.explanation);
      account.minimal = shrunk.minimal;
      account.cut_short = !shrunk.minimal;
      account.critical = shrunk.critical;
      tried = shrunk.tried;
    } catch (const std::exception& failure) {
      error = std::string("not shrunk: ") + failure.what();
    }
  }
  if (account.causes.empty()) account.causes = causes_of(smallest);
  if (!ends_the_process(request.property)) {
    const Scenario scenario = parse_scenario(file_name(request), write_scenario(smallest));
    const Outcome outcome = run_scenario(scenario, run_options(scenario, request));
    if (const auto* finding = violated(outcome, request.property)) {
      account.statement = finding->statement;
      account.explanation = finding->explanation;
      account.time = finding->time;
    }
  }
  Finished finished = written(smallest, request, account);
  finished.tried = tried;
  finished.error = error;
  if (ends_the_process(request.property)) return finished;
  try {
    record(finished, request);
  } catch (const traces::TraceError& failure) {
    finished.error = failure.what();
  }
  return finished;
}

}  // namespace scenarios
