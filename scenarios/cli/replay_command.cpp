// hvsim replay and hvsim check: a stored trace executed again, or judged as it stands.
#include <fmt/format.h>

#include <iostream>
#include <memory>
#include <optional>

#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/report.hpp"
#include "scenarios/debug/replay.hpp"
#include "scenarios/language/source.hpp"
#include "scenarios/runner/build_id.hpp"
#include "traces/compare.hpp"
#include "traces/file.hpp"

namespace cli {

namespace {

void print_story(const debugger::LeadUp::Story& story, const char* title = nullptr) {
  const std::vector<std::string> lines = debugger::to_lines(story);
  if (title != nullptr && !lines.empty()) std::cout << title << "\n";
  for (const std::string& line : lines) std::cout << line << "\n";
}

bool same(const debugger::LeadUp::Story& a, const debugger::LeadUp::Story& b) {
  return debugger::to_lines(a) == debugger::to_lines(b);
}

void print_difference(const debugger::Replayed& replayed) {
  const traces::Difference& difference = *replayed.difference;
  std::cout << fmt::format("DIVERGED after {} equal events\n", difference.position);
  for (const std::string& line : difference.before) std::cout << "  both      " << line << "\n";
  std::cout << "  trace     " << difference.left << "\n";
  std::cout << "  this run  " << difference.right << "\n";
  for (const std::string& field : difference.fields) {
    std::cout << "  differs in " << field << "\n";
  }
  if (same(replayed.stored, replayed.live)) {
    print_story(replayed.live, "what led to both:");
    return;
  }
  print_story(replayed.stored, "what led to the event of the trace:");
  print_story(replayed.live, "what led to the event of this run:");
}

int replay(const std::string& path, const std::optional<std::string>& until) {
  traces::TraceReader trace(path);
  const scenarios::Recorded run = scenarios::recorded_run(trace.header());
  if (trace.header().build_id != scenarios::build_id()) {
    std::cerr << "hvsim: note: recorded by build " << trace.header().build_id << ", this is "
              << scenarios::build_id() << "\n";
  }
  std::optional<debugger::StopAt> stop;
  if (until) stop = debugger::StopAt::parse(*until);
  const debugger::Replayed replayed = debugger::replay(trace, run, stop);
  if (replayed.difference) {
    print_difference(replayed);
    return kDiverged;
  }
  if (replayed.reached) {
    std::cout << fmt::format("replayed {} events of {}, seed {}: identical so far\n#{} {}\n",
                             replayed.equal, run.scenario.name, run.options.seed,
                             replayed.reached->index, replayed.reached->line);
    print_story(replayed.reached->story);
    return kAllHold;
  }
  if (until) {
    throw scenarios::UserError("--until " + *until + ": no such event in the " +
                               std::to_string(replayed.equal) + " events of this run");
  }
  if (trace.footer().hash != replayed.hash) {
    std::cout << "DIVERGED: every event is equal, the final hash is not\n";
    return kDiverged;
  }
  std::cout << fmt::format("replayed {} events of {}, seed {}: identical, hash {}\n",
                           replayed.equal, run.scenario.name, run.options.seed,
                           traces::to_text(replayed.hash));
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
  struct Arguments {
    std::string path;
    std::optional<std::string> until;
  };
  auto arguments = std::make_shared<Arguments>();
  Command command = root.command("replay", "execute a trace's run again and compare every event");
  command.argument("TRACE", arguments->path, "trace file")
      .option("--until", arguments->until,
              "stop at this event (1234, 500ms, 'migration.phase phase=commit') and tell what led "
              "to it");
  add_boot_cache(command);
  command.does([arguments] { return replay(arguments->path, arguments->until); });
}

void add_check(Command root) {
  auto path = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>("text");
  Command command = root.command("check", "judge a stored trace by its events; only a twin is run");
  command.argument("TRACE", *path, "trace file")
      .option_of("--format", *format, {"text", "json", "junit"}, "text, json or junit");
  add_boot_cache(command);
  command.does([path, format] { return check(*path, *format); });
}

}  // namespace cli
