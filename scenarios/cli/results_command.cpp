// hvsim results: what explorations have stored, and shards put together.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/report.hpp"
#include "scenarios/explore/results.hpp"

namespace cli {

namespace {

int show(const std::string& path) {
  scenarios::Results results(path, scenarios::Results::Mode::Open);
  std::uint64_t runs = 0;
  double seconds = 0;
  double virtual_seconds = 0;
  const auto campaigns = results.campaigns();
  for (const auto& campaign : campaigns) {
    runs += campaign.runs;
    seconds += campaign.seconds;
    virtual_seconds += campaign.virtual_seconds;
  }
  std::cout << fmt::format("{} exploration{}, {} runs, {:.0f} s, {:.0f} s of virtual time\n",
                           campaigns.size(), campaigns.size() == 1 ? "" : "s", runs, seconds,
                           virtual_seconds);
  bool found = false;
  for (const auto& scenario : results.scenarios()) {
    std::cout << fmt::format("\n{} ({}){}\n", scenario.name, scenario.file,
                             scenario.plants.empty() ? "" : ", planted: " + scenario.plants);
    std::cout << fmt::format("  seeds     {}: {}\n  states    {}\n", scenario.done.size(),
                             scenario.done.text(), scenario.states.size());
    for (const auto& finding : scenario.findings) {
      found = true;
      std::cout << fmt::format("  {}, {} run{}, first {}\n    {}\n    {}\n", finding.property,
                               finding.runs, finding.runs == 1 ? "" : "s", finding.run,
                               finding.story, finding.command);
    }
  }
  return found ? kViolated : kAllHold;
}

}  // namespace

void add_results(Command root) {
  Command results = root.command("results", "what explorations have stored");

  auto path = std::make_shared<std::string>();
  Command show_command = results.command("show", "print what a results file holds");
  show_command.argument("DB", *path, "results file");
  show_command.does([path] { return show(*path); });

  struct Merge {
    std::string out;
    std::vector<std::string> inputs;
  };
  auto merge = std::make_shared<Merge>();
  Command merge_command = results.command("merge", "put results of shards together");
  merge_command.argument("OUT", merge->out, "file that gets everything; made if it is not there")
      .argument("IN", merge->inputs, "files to add");
  merge_command.does([merge] {
    scenarios::merge_results(merge->out, merge->inputs);
    return static_cast<int>(kAllHold);
  });
}

}  // namespace cli
