// hvsim run: scenarios, their story, their properties.
#include <unistd.h>

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
  throw scenarios::UserError("--plant " + name + ": there is no such planted bug" +
                             (near.empty() ? "; `hvsim list plants` shows them"
                                           : ", did you mean `" + near + "`?"));
}

namespace {

struct RunArguments {
  std::vector<std::string> files;
  std::optional<std::uint64_t> seed;
  std::vector<std::string> sets;
  std::vector<std::string> plants;
  std::string trace;
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
  options.trace = arguments.trace;
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
  if (arguments.twice) report.repeatable = scenarios::hash_of_run(scenario, options) == outcome.hash;
  return report;
}

int run(const RunArguments& arguments) {
  if (!arguments.trace.empty() && arguments.files.size() != 1) {
    throw scenarios::UserError("--trace takes one scenario; give one file");
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

void add_run(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* command = app.add_subcommand("run", "run scenarios and judge their properties");
  command->add_option("FILE", arguments->files, "scenario files")->required();
  command->add_option("--seed", arguments->seed, "seed, instead of the scenario's");
  command->add_option("--set", arguments->sets, "key=value: change a value of the scenario");
  command->add_option("--plant", arguments->plants, "switch a deliberate bug on");
  command->add_option("--trace", arguments->trace, "write the event stream to this file");
  command->add_option("--format", arguments->format, "text, json or junit")
      ->check(CLI::IsMember({"text", "json", "junit"}));
  command->add_flag("--twice", arguments->twice, "run twice and compare the hashes");
  command->add_flag("--no-detail", arguments->no_detail,
                    "leave level 1 events out; checkers that need them say unknown");
  command->add_flag("--quiet", arguments->quiet, "no story, only properties");
  command->callback([&action, arguments] { action = [arguments] { return run(*arguments); }; });
}

}  // namespace cli
