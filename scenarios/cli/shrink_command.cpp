// hvsim shrink: from a run that fails to the smallest scenario that still fails.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/report.hpp"
#include "scenarios/cli/stop_signal.hpp"
#include "scenarios/cli/whole_file.hpp"
#include "scenarios/explore/variation.hpp"
#include "scenarios/language/units.hpp"
#include "scenarios/language/writer.hpp"
#include "scenarios/shrink/judge.hpp"
#include "scenarios/shrink/shrink.hpp"
#include "traces/file.hpp"
#include "traces/file_format.hpp"
#include "traces/text.hpp"

namespace cli {

namespace {

namespace fs = std::filesystem;
using scenarios::UserError;

constexpr std::chrono::milliseconds kFirstRun{60'000};

struct ShrinkArguments {
  std::string input;
  std::string output;
  std::optional<std::string> property, seed;
  std::string limit = "60s";
  std::vector<std::string> sets, plants;
  bool quiet = false;
};

struct Failing {
  scenarios::Scenario scenario;
  scenarios::PlantSet plants;
};

bool is_trace(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  std::ifstream file(path, std::ios::binary);
  std::string start(traces::file_format::kMagic.size(), '\0');
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  return file && start == traces::file_format::kMagic;
}

Failing read_input(const ShrinkArguments& arguments) {
  Failing failing;
  if (is_trace(arguments.input)) {
    if (arguments.seed || !arguments.sets.empty() || !arguments.plants.empty()) {
      throw UserError(
          "a trace has its own seed, values and planted bugs; "
          "--seed, --set and --plant are for scenarios");
    }
    traces::TraceReader trace(arguments.input);
    scenarios::Recorded run = scenarios::recorded_run(trace.header());
    failing.scenario = std::move(run.scenario);
    failing.scenario.seed = run.options.seed;
    failing.plants = run.options.plants;
    return failing;
  }
  failing.scenario = scenarios::load_scenario(arguments.input, parse_overrides(arguments.sets));
  if (arguments.seed) {
    const auto seed = scenarios::parse_count(*arguments.seed);
    if (!seed) throw UserError("--seed " + *arguments.seed + ": is not a whole number");
    failing.scenario.seed = *seed;
  }
  for (const std::string& plant : arguments.plants) {
    require_plant(plant);
    failing.plants.insert(plant);
  }
  if (!failing.scenario.vary.empty() || failing.scenario.budget) {
    // What `run` does not draw, `explore` does: the run of this seed is meant.
    scenarios::RunName name;
    name.seed = failing.scenario.seed;
    failing.scenario = scenarios::Variations(failing.scenario).concrete(name);
  }
  return failing;
}

/// The property to keep: the one that was asked for, or the first that a run violates.
std::string choose_property(const Failing& failing, const std::optional<std::string>& asked) {
  if (asked) return *asked;
  const scenarios::Judged judged = judge(failing.scenario, failing.plants, {}, kFirstRun);
  if (judged.violations.empty()) {
    throw UserError(failing.scenario.file + ": violates nothing with seed " +
                    std::to_string(failing.scenario.seed) + ", so there is nothing to shrink");
  }
  return judged.violations.front().property;
}

void require_place_for(const ShrinkArguments& arguments) {
  require_place("-o", arguments.output);
  std::error_code ignored;
  if (fs::equivalent(arguments.output, arguments.input, ignored)) {
    throw UserError("-o " + arguments.output + ": is the input itself; give another path");
  }
}

void print_instant(const scenarios::CriticalInstant& instant, std::ostream& out) {
  switch (instant.kind) {
    case scenarios::CriticalInstant::Kind::Unknown:
      return;
    case scenarios::CriticalInstant::Kind::Inevitable:
      out << "inevitable from the first event on: no fault is needed\n";
      return;
    case scenarios::CriticalInstant::Kind::Found:
      break;
  }
  const std::string helps = traces::to_text(instant.last_chance);
  const std::string late = traces::to_text(instant.too_late);
  out << "critical instant: healing everything at " << helps << " still helps, "
      << (helps == late ? "after the next event of that instant" : "at " + late) << " no more\n";
  for (std::size_t i = 0; i < instant.around.size(); ++i) {
    const bool last = i + 1 == instant.chance;
    const bool first_late = i == instant.chance;
    out << (last         ? "  last chance "
            : first_late ? "  too late    "
                         : "              ")
        << instant.around[i] << "\n";
  }
}

int shrink(const ShrinkArguments& arguments) {
  require_place_for(arguments);
  const auto limit = scenarios::parse_duration(arguments.limit);
  if (!limit || limit->ns < 1'000'000) {
    throw UserError("--time " + arguments.limit + ": is no duration such as 60s");
  }
  const Failing failing = read_input(arguments);
  scenarios::ShrinkOptions options;
  options.plants = failing.plants;
  options.property = choose_property(failing, arguments.property);
  options.limit = std::chrono::milliseconds(limit->ns / 1'000'000);
  ProgressDisplay display;
  options.progress = [&display](std::uint64_t tried, std::size_t causes) {
    display.show(fmt::format("shrinking: {} runs, {} causes left", tried, causes));
  };
  const scenarios::Shrunk shrunk = scenarios::shrink(failing.scenario, options);
  display.clear();

  scenarios::Scenario result = shrunk.scenario;
  result.file = arguments.output;
  scenarios::RunOptions again;
  again.seed = result.seed;
  again.plants = failing.plants;
  again.twice = options.property == "MG-3";
  const std::string command = command_of(result, again);

  std::string head = "Violates " + options.property + ": " + shrunk.explanation + "\nCauses:\n";
  for (const std::string& cause : shrunk.causes) head += "  " + cause + "\n";
  head += "Again: " + command;
  write_whole("-o", arguments.output, scenarios::write_scenario(result, head));

  std::cout << options.property << " is still violated: " << shrunk.explanation << "\n";
  std::cout << fmt::format("{} cause{} left after {} runs{}:\n", shrunk.causes.size(),
                           shrunk.causes.size() == 1 ? "" : "s", shrunk.tried,
                           shrunk.minimal ? ", nothing more can be dropped"
                                          : "; the time ran out before it was minimal");
  for (const std::string& cause : shrunk.causes) std::cout << "  " << cause << "\n";
  print_instant(shrunk.instant, std::cout);
  std::cout << command << "\n";
  return kAllHold;
}

}  // namespace

void add_shrink(Command root) {
  auto arguments = std::make_shared<ShrinkArguments>();
  Command command = root.command("shrink", "write the smallest scenario that still fails");
  command.argument("INPUT", arguments->input, "trace or scenario of a run that fails")
      .option("-o,--output", arguments->output, "scenario file to write")
      .option("--property", arguments->property,
              "what must stay violated: a property, `crash` or `hang`; otherwise the first that is")
      .option("--time", arguments->limit, "stop after this time, 60s if not said")
      .option("--seed", arguments->seed, "seed, instead of the scenario's")
      .option("--set", arguments->sets, "key=value: change a value of the scenario")
      .option("--plant", arguments->plants, "switch a deliberate bug on");
  add_boot_cache(command);
  command.does([arguments] {
    if (arguments->output.empty()) throw UserError("hvsim shrink: give the new file with -o FILE");
    return shrink(*arguments);
  });
}

}  // namespace cli
