// hvsim plants hunt: how many runs of exploration each planted bug takes.
#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/report.hpp"
#include "scenarios/cli/stop_signal.hpp"
#include "scenarios/explore/hunt.hpp"

namespace cli {

namespace {

struct HuntArguments {
  std::vector<std::string> plants;
  std::vector<std::string> scenarios;
  std::uint64_t seeds = 20'000, ranges = 5, jobs = default_jobs();
  std::string format = "text";
};

std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

std::string number(const std::optional<std::uint64_t>& value) {
  return value ? std::to_string(*value) : "-";
}

/// Runs until it was found, one figure per range; `-` where it was not.
std::string row_of(const scenarios::Quarry& quarry) {
  std::string each;
  for (const scenarios::Chase& chase : quarry.chases) {
    each += fmt::format("{:>7}", number(chase.runs));
  }
  return fmt::format("{:<40} {:>2}/{} {:>7}  {}  {}\n", quarry.plant, quarry.found(),
                     quarry.chases.size(), number(quarry.median()), each,
                     joined(quarry.properties()));
}

/// What fails without the plant as well: a line for each, because nobody asked for it.
std::string notes_of(const scenarios::Quarry& quarry) {
  std::string text;
  for (const scenarios::Chase& chase : quarry.chases) {
    for (const scenarios::Unrelated& each : chase.unrelated) {
      text += fmt::format("  note: {} does not hold in run {} of {} without the plant either: {}\n",
                          each.property, each.run, each.scenario, each.explanation);
    }
  }
  return text;
}

nlohmann::ordered_json json_of(const scenarios::Quarry& quarry) {
  nlohmann::ordered_json chases = nlohmann::ordered_json::array();
  for (const scenarios::Chase& chase : quarry.chases) {
    nlohmann::ordered_json entry;
    entry["runs"] = chase.runs ? nlohmann::ordered_json(*chase.runs) : nlohmann::ordered_json();
    entry["scenario"] = chase.scenario;
    entry["run"] = chase.run;
    entry["properties"] = chase.properties;
    nlohmann::ordered_json unrelated = nlohmann::ordered_json::array();
    for (const scenarios::Unrelated& each : chase.unrelated) {
      nlohmann::ordered_json one;
      one["property"] = each.property;
      one["scenario"] = each.scenario;
      one["run"] = each.run;
      one["explanation"] = each.explanation;
      unrelated.push_back(std::move(one));
    }
    entry["unrelated"] = std::move(unrelated);
    chases.push_back(std::move(entry));
  }
  nlohmann::ordered_json result;
  result["plant"] = quarry.plant;
  result["what"] = quarry.what;
  result["checker"] = quarry.checker;
  result["found"] = quarry.found();
  const auto median = quarry.median();
  result["median"] = median ? nlohmann::ordered_json(*median) : nlohmann::ordered_json();
  result["properties"] = quarry.properties();
  result["ranges"] = std::move(chases);
  return result;
}

int hunt(const HuntArguments& arguments) {
  for (const std::string& plant : arguments.plants) require_plant(plant);
  std::vector<std::string> paths = arguments.scenarios;
  if (paths.empty()) {
    if (!std::filesystem::is_directory("scenarios/library")) {
      throw scenarios::UserError(
          "there is no folder scenarios/library here; name files or folders with --scenario");
    }
    paths.emplace_back("scenarios/library");
  }
  scenarios::HuntOptions options;
  options.seeds = arguments.seeds;
  options.ranges = arguments.ranges;
  options.campaign.jobs = arguments.jobs;
  const std::vector<scenarios::Scenario> all = load_all(paths);
  const bool text = arguments.format == "text";
  if (text) {
    std::cout << fmt::format("{:<40} {:>4} {:>7}  {:<{}}  {}\n", "plant", "in", "median",
                             "runs per range", 7 * options.ranges, "properties");
  }
  ProgressDisplay display;
  const StopSignal stop;
  const auto told = [&](const scenarios::Quarry& quarry) {
    display.show(
        fmt::format("{}: range {} of {}", quarry.plant, quarry.chases.size(), options.ranges));
    if (!text || quarry.chases.size() != options.ranges) return;
    display.clear();
    std::cout << row_of(quarry) << notes_of(quarry) << std::flush;
  };
  const auto quarries =
      scenarios::hunt(all, arguments.plants, options, told, [&stop] { return stop.asked(); });
  display.clear();
  std::size_t missed = 0;
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const scenarios::Quarry& quarry : quarries) {
    missed += quarry.found() < quarry.chases.size() ? 1 : 0;
    json.push_back(json_of(quarry));
  }
  if (text) {
    std::cout << fmt::format("{} of {} plants found in every range\n", quarries.size() - missed,
                             quarries.size());
  } else {
    std::cout << json.dump(2) << "\n";
  }
  if (stop.asked()) return kUndecided;
  return missed == 0 ? kAllHold : kUndecided;
}

}  // namespace

void add_plants(Command root) {
  Command plants = root.command("plants", "planted bugs as an instrument");
  auto arguments = std::make_shared<HuntArguments>();
  HuntArguments& a = *arguments;
  Command command = plants.command("hunt", "measure how many runs exploring needs to find them");
  command.optional_argument("PLANT", a.plants, "planted bugs; all of them when none is named")
      .option("--scenario", a.scenarios, "file or folder to explore; scenarios/library")
      .count("--seeds", a.seeds, "runs until a range is given up", 1, 1'000'000)
      .count("--ranges", a.ranges, "disjoint ranges of seeds", 1, 100)
      .count("--jobs", a.jobs, "worker processes; as many as processors", 1, 1024)
      .option_of("--format", a.format, {"text", "json"}, "text or json");
  add_boot_cache(command);
  command.does([arguments] { return hunt(*arguments); });
}

}  // namespace cli
