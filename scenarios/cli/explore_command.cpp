// hvsim explore: searches scenarios for violations, and shrinks what it finds.
#include <unistd.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <thread>
#include <utility>

#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/explore_report.hpp"
#include "scenarios/cli/report.hpp"
#include "scenarios/cli/stop_signal.hpp"
#include "scenarios/cli/whole_file.hpp"
#include "scenarios/language/units.hpp"
#include "scenarios/runner/boot_once.hpp"

namespace cli {

namespace fs = std::filesystem;
using scenarios::UserError;

std::vector<scenarios::Scenario> load_all(const std::vector<std::string>& paths,
                                          std::vector<std::string>* left_out) {
  std::vector<scenarios::Scenario> all;
  for (const std::string& path : paths) {
    if (!fs::is_directory(path)) {
      all.push_back(scenarios::load_scenario(path));
      scenarios::require_images(all.back());
      scenarios::require_boot_states(all.back());
      continue;
    }
    std::vector<std::string> below;
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (entry.is_regular_file() && entry.path().extension() == ".yaml") {
        below.push_back(entry.path().string());
      }
    }
    if (below.empty()) throw UserError(path + ": there is no scenario (*.yaml) in this folder");
    std::sort(below.begin(), below.end());
    for (const std::string& file : below) {
      scenarios::Scenario scenario = scenarios::load_scenario(file);
      // A kernel's boot costs what thousands of other runs do: whoever wants that names the file.
      if (scenarios::needs_images(scenario)) {
        if (left_out != nullptr) left_out->push_back(file);
        continue;
      }
      scenarios::require_boot_states(scenario);
      all.push_back(std::move(scenario));
    }
  }
  if (all.empty()) {
    throw UserError(paths.front() +
                    ": every scenario in this folder starts a kernel; name the file");
  }
  return all;
}

std::uint64_t default_jobs() { return std::max(1U, std::thread::hardware_concurrency()); }

namespace {

/// Longest that a run may take which starts a kernel, unless it is said.
constexpr std::chrono::minutes kKernelLimit{10};

struct ExploreArguments {
  std::vector<std::string> paths;
  std::optional<std::string> seeds, time, shard, junit, hashes;
  std::string results;
  std::string findings = "findings";
  std::optional<std::string> run_limit;
  std::string memory_limit = "2GiB", shrink_limit = "60s";
  std::uint64_t jobs = default_jobs();
  std::uint64_t twin_every = 100, twice_every = 100;
  std::vector<std::string> plants;
  bool no_shrink = false;
  bool no_mutants = false;
};

std::chrono::milliseconds duration(const std::string& option, const std::string& text) {
  const auto value = scenarios::parse_duration(text);
  if (!value || value->ns < 1'000'000) {
    throw UserError(option + " " + text + ": is not a duration such as 30s or 10min");
  }
  return std::chrono::milliseconds(value->ns / 1'000'000);
}

void set_shard(const std::string& text, scenarios::CampaignOptions& options) {
  const std::size_t slash = text.find('/');
  const auto index = scenarios::parse_count(text.substr(0, slash));
  const auto count =
      slash == std::string::npos ? std::nullopt : scenarios::parse_count(text.substr(slash + 1));
  if (!index || !count || *index < 1 || *index > *count) {
    throw UserError("--shard " + text + ": is not I/N with I from 1 to N, such as 2/8");
  }
  options.shard = *index;
  options.shards = *count;
}

scenarios::CampaignOptions options_of(const ExploreArguments& arguments) {
  scenarios::CampaignOptions options;
  if (arguments.seeds) {
    options.seeds = scenarios::parse_seed_range(*arguments.seeds);
    if (!options.seeds) {
      throw UserError("--seeds " + *arguments.seeds +
                      ": is neither a range such as 1..1000 nor a count such as 1000");
    }
  }
  if (arguments.time) options.time = duration("--time", *arguments.time);
  if (!arguments.seeds && !arguments.time) options.seeds = scenarios::SeedRange{1, 1000};
  if (arguments.shard) set_shard(*arguments.shard, options);
  options.jobs = arguments.jobs;
  options.results = arguments.results;
  options.findings = arguments.findings;
  for (const std::string& plant : arguments.plants) {
    require_plant(plant);
    options.plants.insert(plant);
  }
  if (arguments.run_limit) options.limits.wall = duration("--run-limit", *arguments.run_limit);
  const auto memory = scenarios::parse_size(arguments.memory_limit);
  if (!memory || *memory == 0) {
    throw UserError("--memory-limit " + arguments.memory_limit + ": is not a size such as 2GiB");
  }
  options.limits.resident_bytes = *memory;
  options.shrink_limit = duration("--shrink-limit", arguments.shrink_limit);
  options.shrink = !arguments.no_shrink;
  options.mutants = !arguments.no_mutants;
  options.twin_every = arguments.twin_every;
  options.twice_every = arguments.twice_every;
  return options;
}

/// One line per run, sorted: scenario, run, hash of its trace.
std::string hashes_text(const std::map<std::pair<std::string, std::string>, std::string>& hashes) {
  std::string text;
  for (const auto& [run, hash] : hashes) text += run.first + ' ' + run.second + ' ' + hash + '\n';
  return text;
}

int explore(const ExploreArguments& arguments) {
  scenarios::CampaignOptions options = options_of(arguments);
  if (arguments.junit) require_place("--junit", *arguments.junit);
  if (arguments.hashes) require_place("--hashes", *arguments.hashes);
  std::vector<std::string> left_out;
  const std::vector<scenarios::Scenario> all = load_all(arguments.paths, &left_out);
  const bool kernels = std::any_of(all.begin(), all.end(), scenarios::needs_images);
  if (kernels && !arguments.run_limit) options.limits.wall = kKernelLimit;
  std::map<std::pair<std::string, std::string>, std::string> hashes;
  if (arguments.hashes) {
    options.on_hash = [&](const scenarios::Item& item, const traces::Digest& hash) {
      hashes[{all[item.scenario].name, to_text(item.name)}] = traces::to_text(hash);
    };
  }
  scenarios::Campaign campaign(all, options);
  ProgressDisplay display;
  const StopSignal stop;
  const scenarios::CampaignResult result = campaign.run(
      [&display](const scenarios::CampaignProgress& now) { display.show(progress_line(now)); },
      [&stop] { return stop.asked(); });
  display.clear();
  if (std::getenv("GITHUB_ACTIONS") != nullptr) {
    std::cout << annotations_of(result, campaign.scenarios());
  }
  std::cout << text_of(result, campaign.scenarios());
  if (!left_out.empty()) {
    std::cout << "left out, as they start kernels: " << fmt::format("{}", fmt::join(left_out, ", "))
              << "; name a file to explore it\n";
  }
  if (arguments.junit) {
    write_whole("--junit", *arguments.junit, junit_of(result, campaign.scenarios()));
  }
  if (arguments.hashes) write_whole("--hashes", *arguments.hashes, hashes_text(hashes));
  return exit_code(result);
}

}  // namespace

void add_explore(Command root) {
  auto arguments = std::make_shared<ExploreArguments>();
  ExploreArguments& a = *arguments;
  Command command =
      root.command("explore", "search scenarios for violations, and shrink what is found");
  command.argument("FILE", a.paths, "scenario files, or folders of them")
      .option("--seeds", a.seeds,
              "range of seeds A..B, or how many; 1..1000 unless --time is given")
      .option("--time", a.time, "stop after this long, such as 10min")
      .count("--jobs", a.jobs, "worker processes; as many as processors", 1, 1024)
      .option("--shard", a.shard, "I/N: only this part of the seeds")
      .option("--results", a.results, "SQLite file to keep results in, and to go on from")
      .option("--findings", a.findings, "folder for what is found; empty: none")
      .option("--junit", a.junit, "write a JUnit report to this file")
      .option("--hashes", a.hashes, "write each run's hash to this file; see ./dev audit")
      .option("--plant", a.plants, "switch a deliberate bug on")
      .option("--run-limit", a.run_limit, "longest that one run may take; 60s, with kernels 10min")
      .option("--memory-limit", a.memory_limit, "most memory that one worker may have")
      .option("--shrink-limit", a.shrink_limit,
              "longest that shrinking one finding may take; 10s when --time is over")
      .count("--twin-every", a.twin_every, "compare one run in so many with its twin; 0: none")
      .count("--twice-every", a.twice_every, "make one run in so many twice; 0: none")
      .flag("--no-shrink", a.no_shrink, "keep findings as they were found")
      .flag("--no-mutants", a.no_mutants, "seeds alone; no mutants, no forked worlds");
  add_boot_cache(command);
  command.does([arguments] { return explore(*arguments); });
}

}  // namespace cli
