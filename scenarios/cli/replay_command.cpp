// hvsim replay and hvsim check: a stored trace executed again, or judged as it stands.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/report.hpp"
#include "scenarios/runner/build_id.hpp"
#include "traces/compare.hpp"
#include "traces/file.hpp"

namespace cli {

namespace {

void print_difference(const traces::Difference& difference) {
  std::cout << fmt::format("DIVERGED after {} equal events\n", difference.position);
  for (const std::string& line : difference.before) std::cout << "  both      " << line << "\n";
  std::cout << "  trace     " << difference.left << "\n";
  std::cout << "  this run  " << difference.right << "\n";
  for (const std::string& field : difference.fields) {
    std::cout << "  differs in " << field << "\n";
  }
}

int replay(const std::string& path) {
  traces::TraceReader trace(path);
  scenarios::Recorded run = scenarios::recorded_run(trace.header());
  if (trace.header().build_id != scenarios::build_id()) {
    std::cerr << "hvsim: note: recorded by build " << trace.header().build_id << ", this is "
              << scenarios::build_id() << "\n";
  }
  run.options.replay = &trace;
  const scenarios::Outcome outcome = scenarios::run_scenario(run.scenario, run.options);
  if (outcome.difference) {
    print_difference(*outcome.difference);
    return kDiverged;
  }
  if (trace.footer().hash != outcome.hash) {
    std::cout << "DIVERGED: every event is equal, the final hash is not\n";
    return kDiverged;
  }
  const Report report = make_report(run.scenario, run.options, outcome);
  std::cout << fmt::format("replayed {} events of {}, seed {}: identical, hash {}\n",
                           outcome.compared, run.scenario.name, run.options.seed, report.hash);
  return kAllHold;
}

int check(const std::string& path, const std::string& format) {
  traces::TraceReader trace(path);
  const auto findings = scenarios::check_trace(trace);
  Report report;
  report.file = path;
  report.scenario = scenarios::recorded_run(trace.header()).scenario.name;
  report.seed = trace.header().seed;
  report.hash = traces::to_text(trace.footer().hash);
  report.events = trace.footer().events;
  report.findings = findings;
  report.reproduce = "hvsim check " + path;
  if (format == "json") {
    std::cout << json_of({report});
  } else if (format == "junit") {
    std::cout << junit_of({report});
  } else {
    std::cout << text_of(report);
  }
  return exit_code(report);
}

}  // namespace

void add_replay(Command root) {
  auto path = std::make_shared<std::string>();
  Command command = root.command("replay", "execute a trace's run again and compare every event");
  command.argument("TRACE", *path, "trace file");
  command.does([path] { return replay(*path); });
}

void add_check(Command root) {
  auto path = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>("text");
  Command command = root.command("check", "judge a stored trace without running it");
  command.argument("TRACE", *path, "trace file")
      .option_of("--format", *format, {"text", "json", "junit"}, "text, json or junit");
  command.does([path, format] { return check(*path, *format); });
}

}  // namespace cli
