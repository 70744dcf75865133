// hvsim run: scenarios, their story, their properties.
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <memory>

#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/report.hpp"
#include "scenarios/language/reader.hpp"
#include "traces/text.hpp"

namespace cli {

std::vector<scenarios::Override> parse_overrides(const std::vector<std::string>& texts) {
  std::vector<scenarios::Override> all;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw scenarios::UserError("--set " + text +
                                 ": expected key=value such as vms.web.memory=128MiB");
    }
    all.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return all;
}

void require_plant(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& plant : scenarios::all_plants()) {
    if (plant.name == name) return;
    known.push_back(plant.name);
  }
  const std::string near = scenarios::nearest(name, known);
  throw scenarios::UserError(
      "--plant " + name + ": there is no such planted bug" +
      (near.empty() ? "; `hvsim list plants` shows them" : ", did you mean `" + near + "`?"));
}

namespace {

/// Refuses what cannot become a file before a world runs for it.
void require_place_for(const std::string& trace) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (trace.empty()) throw scenarios::UserError("--trace: give the path of a file");
  if (fs::is_directory(trace, ignored)) {
    throw scenarios::UserError("--trace " + trace + ": is a directory; give the path of a file");
  }
  if (fs::exists(fs::symlink_status(trace, ignored)) &&
      !fs::is_regular_file(fs::symlink_status(trace, ignored))) {
    throw scenarios::UserError("--trace " + trace +
                               ": is not a plain file; give the path of one or a new name");
  }
  const fs::path folder = fs::path(trace).parent_path();
  if (!folder.empty() && !fs::is_directory(folder, ignored)) {
    throw scenarios::UserError("--trace " + trace + ": there is no folder " + folder.string());
  }
}

struct RunArguments {
  std::vector<std::string> files;
  std::optional<std::uint64_t> seed;
  std::vector<std::string> sets;
  std::vector<std::string> plants;
  std::optional<std::string> trace;
  std::string format = "text";
  bool twice = false;
  bool no_detail = false;
  bool quiet = false;
};

Report run_one(const std::string& file, const RunArguments& arguments) {
  scenarios::RunOptions options;
  options.overrides = parse_overrides(arguments.sets);
  const scenarios::Scenario scenario = scenarios::load_scenario(file, options.overrides);
  options.seed = arguments.seed.value_or(scenario.seed);
  options.detail = !arguments.no_detail;
  options.trace = arguments.trace.value_or("");
  options.twice = arguments.twice;
  for (const std::string& plant : arguments.plants) {
    require_plant(plant);
    options.plants.insert(plant);
  }
  if (arguments.format == "text" && !arguments.quiet) {
    std::cout << scenario.name << ", seed " << options.seed << "\n";
    if (!scenario.description.empty()) std::cout << scenario.description << "\n";
    std::cout << "\n";
    options.story = &std::cout;
  }
  const scenarios::Outcome outcome = scenarios::run_scenario(scenario, options);
  Report report = make_report(scenario, options, outcome);
  report.repeatable = outcome.repeatable;
  return report;
}

int run(const RunArguments& arguments) {
  if (arguments.trace && arguments.files.size() != 1) {
    throw scenarios::UserError("--trace takes one scenario; give one file");
  }
  if (arguments.trace) {
    require_place_for(*arguments.trace);
    std::error_code ignored;
    if (std::filesystem::equivalent(*arguments.trace, arguments.files.front(), ignored)) {
      throw scenarios::UserError("--trace " + *arguments.trace +
                                 ": is the scenario itself; give another path");
    }
  }
  std::vector<Report> reports;
  for (const std::string& file : arguments.files) {
    reports.push_back(run_one(file, arguments));
    if (arguments.format == "text") std::cout << text_of(reports.back()) << std::flush;
  }
  if (arguments.format == "json") std::cout << json_of(reports);
  if (arguments.format == "junit") std::cout << junit_of(reports);
  return exit_code(reports);
}

}  // namespace

void add_run(Command root) {
  auto arguments = std::make_shared<RunArguments>();
  Command command = root.command("run", "run scenarios and judge their properties");
  command.argument("FILE", arguments->files, "scenario files")
      .count("--seed", arguments->seed, "seed, instead of the scenario's")
      .option("--set", arguments->sets, "key=value: change a value of the scenario")
      .option("--plant", arguments->plants, "switch a deliberate bug on")
      .option("--trace", arguments->trace, "write the event stream to this file")
      .option_of("--format", arguments->format, {"text", "json", "junit"}, "text, json or junit")
      .flag("--twice", arguments->twice, "run twice and compare event by event (MG-3)")
      .flag("--no-detail", arguments->no_detail,
            "leave level 1 events out; checkers that need them say unknown")
      .flag("--quiet", arguments->quiet, "no story, only properties");
  command.does([arguments] { return run(*arguments); });
}

}  // namespace cli
