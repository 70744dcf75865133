// hvsim run: scenarios, their story, their properties.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <set>
#include <utility>

#include "scenarios/cli/baseline.hpp"
#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/report.hpp"
#include "scenarios/cli/run_outputs.hpp"
#include "scenarios/cli/whole_file.hpp"
#include "scenarios/language/reader.hpp"
#include "scenarios/runner/boot_cache.hpp"
#include "scenarios/runner/boot_once.hpp"
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

void add_boot_cache(Command& command) {
  command.option("--boot-cache", scenarios::boot_cache_setting(),
                 "folder of the states that `boot-once` saves; saved-states beside the program, "
                 "when it is not said");
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

struct RunArguments {
  std::vector<std::string> files;
  std::optional<std::uint64_t> seed;
  std::vector<std::string> sets;
  std::vector<std::string> plants;
  std::optional<std::string> trace, disk_images, pcap;
  std::optional<std::string> baseline, record_baseline, tolerance;
  std::string format = "text";
  bool twice = false;
  bool no_detail = false;
  bool quiet = false;
};

/// What a run of these arguments is held against, and what is recorded of it.
class BaselineWork {
 public:
  explicit BaselineWork(const RunArguments& arguments) : arguments_(arguments) {
    const auto& record = arguments.record_baseline;
    if (arguments.tolerance) tolerance_ = parse_tolerance("--tolerance", *arguments.tolerance);
    if (arguments.baseline && record) {
      throw scenarios::UserError("--baseline and --record-baseline: give one of them");
    }
    if (tolerance_ && !arguments.baseline && !record) {
      throw scenarios::UserError("--tolerance is for --baseline and --record-baseline");
    }
    if (arguments.baseline) baseline_ = Baseline::read(*arguments.baseline);
    if (!record) return;
    if (!arguments.plants.empty()) {
      throw scenarios::UserError("--record-baseline: not of a run with a planted bug");
    }
    require_place("--record-baseline", *record);
    if (std::filesystem::exists(*record)) baseline_ = Baseline::read(*record);
    if (tolerance_) baseline_.set_tolerance(*tolerance_);
  }

  /// Before the run: is there anything to hold it against?
  void announce(const scenarios::Scenario& scenario, std::uint64_t seed) {
    if (!arguments_.baseline && !arguments_.record_baseline) return;
    key_ = {scenario.name, seed, arguments_.sets};
    if (!seen_.insert(key_).second) {
      throw scenarios::UserError(scenario.file + ": another file has the name `" + scenario.name +
                                 "` too; a baseline needs names that differ");
    }
    if (arguments_.baseline) baseline_.require(key_);
  }

  void take(Report& report) {
    if (arguments_.record_baseline) baseline_.record(key_, report);
    if (!arguments_.baseline) return;
    report.baseline = *arguments_.baseline;
    report.compared = baseline_.compare(key_, report, tolerance_);
    report.reproduce += " --baseline " + quoted_word(*arguments_.baseline);
    if (tolerance_) report.reproduce += " --tolerance " + tolerance_->text;
  }

  /// Of runs that fail nothing is recorded.
  void finish(const std::vector<Report>& reports) const {
    if (!arguments_.record_baseline) return;
    for (const Report& report : reports) {
      if (const int code = exit_code(report); code != kAllHold && code != kUndecided) {
        std::cerr << "hvsim: --record-baseline " << *arguments_.record_baseline
                  << ": nothing was recorded, because " << report.scenario << " does not hold\n";
        return;
      }
    }
    write_whole("--record-baseline", *arguments_.record_baseline, baseline_.to_json());
  }

 private:
  const RunArguments& arguments_;
  std::optional<Tolerance> tolerance_;
  Baseline baseline_;
  RunKey key_;  // of the run that is made
  std::set<RunKey> seen_;
};

Report run_one(const std::string& file, const RunArguments& arguments, BaselineWork& baseline) {
  scenarios::RunOptions options;
  options.overrides = parse_overrides(arguments.sets);
  const scenarios::Scenario scenario = scenarios::load_scenario(file, options.overrides);
  scenarios::require_images(scenario);
  scenarios::require_boot_states(scenario);
  options.seed = arguments.seed.value_or(scenario.seed);
  baseline.announce(scenario, options.seed);
  options.detail = !arguments.no_detail;
  options.trace = arguments.trace.value_or("");
  options.twice = arguments.twice;
  options.moves = arguments.format == "json" || (arguments.format == "text" && !arguments.quiet);
  for (const std::string& plant : arguments.plants) {
    require_plant(plant);
    options.plants.insert(plant);
  }
  RunOutputs outputs(arguments.disk_images, arguments.pcap);
  outputs.prepare(scenario, options);
  if (arguments.format == "text" && !arguments.quiet) {
    std::cout << scenario.name << ", seed " << options.seed << "\n";
    if (!scenario.description.empty()) std::cout << scenario.description << "\n";
    std::cout << "\n";
    options.story = &std::cout;
  }
  const scenarios::Outcome outcome = scenarios::run_scenario(scenario, options);
  outputs.finish();
  Report report = make_report(scenario, options, outcome);
  report.repeatable = outcome.repeatable;
  baseline.take(report);
  return report;
}

int run(const RunArguments& arguments) {
  for (const auto& [option, given] : {std::pair("--trace", arguments.trace.has_value()),
                                      std::pair("--disk-images", arguments.disk_images.has_value()),
                                      std::pair("--pcap", arguments.pcap.has_value())}) {
    if (given && arguments.files.size() != 1) {
      throw scenarios::UserError(std::string(option) + " takes one scenario; give one file");
    }
  }
  if (arguments.trace) {
    require_place("--trace", *arguments.trace);
    std::error_code ignored;
    if (std::filesystem::equivalent(*arguments.trace, arguments.files.front(), ignored)) {
      throw scenarios::UserError("--trace " + *arguments.trace +
                                 ": is the scenario itself; give another path");
    }
  }
  BaselineWork baseline(arguments);
  std::vector<Report> reports;
  for (const std::string& file : arguments.files) {
    reports.push_back(run_one(file, arguments, baseline));
    if (arguments.format == "text") std::cout << text_of(reports.back()) << std::flush;
  }
  if (arguments.format == "json") std::cout << json_of(reports);
  if (arguments.format == "junit") std::cout << junit_of(reports);
  baseline.finish(reports);
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
      .option("--disk-images", arguments->disk_images,
              "folder for DISK.raw, what a read of each disk of `storage` returns at the end: the "
              "write cache counts, as nobody cut the power")
      .option("--pcap", arguments->pcap,
              "folder for VM.N.pcapng, the frames at each network adapter")
      .option_of("--format", arguments->format, {"text", "json", "junit"}, "text, json or junit")
      .option("--baseline", arguments->baseline,
              "fail when a figure is worse than this file has it, by more than the tolerance")
      .option("--record-baseline", arguments->record_baseline,
              "put the figures of these runs into this file")
      .option("--tolerance", arguments->tolerance,
              "how much worse a figure may be, such as 10%; 5% when nothing else is recorded")
      .flag("--twice", arguments->twice, "run twice and compare event by event (MG-3)")
      .flag("--no-detail", arguments->no_detail,
            "leave level 1 events out; checkers that need them say unknown")
      .flag("--quiet", arguments->quiet, "no story, only properties");
  add_boot_cache(command);
  command.does([arguments] { return run(*arguments); });
}

}  // namespace cli
