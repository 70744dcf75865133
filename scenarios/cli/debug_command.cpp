// hvsim debug: stepping through a stored trace's run, forward and back.
#include <fmt/format.h>

#include <csignal>
#include <iostream>
#include <memory>

#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/line_editor.hpp"
#include "scenarios/cli/report.hpp"
#include "scenarios/debug/commands.hpp"
#include "scenarios/debug/session.hpp"
#include "scenarios/language/source.hpp"
#include "scenarios/runner/build_id.hpp"
#include "traces/file.hpp"
#include "traces/text.hpp"

namespace cli {

namespace {

struct DebugArguments {
  std::string path;
  std::vector<std::string> commands;
};

debugger::Session* interrupted_session = nullptr;

extern "C" void on_interrupt(int) {
  if (interrupted_session != nullptr) interrupted_session->interrupt();
}

/// Ctrl-C ends a run of the world and not the debugger, while this lives.
class InterruptsRuns {
 public:
  explicit InterruptsRuns(debugger::Session& session) {
    interrupted_session = &session;
    before_ = std::signal(SIGINT, on_interrupt);
  }
  ~InterruptsRuns() {
    std::signal(SIGINT, before_);
    interrupted_session = nullptr;
  }
  InterruptsRuns(const InterruptsRuns&) = delete;

 private:
  void (*before_)(int);
};

/// "step 3; where" in its commands.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  for (;;) {
    const std::size_t end = text.find(';', from);
    parts.push_back(text.substr(from, end - from));
    if (end == std::string::npos) return parts;
    from = end + 1;
  }
}

/// At a terminal a wrong command is told and forgotten; a script ends there.
int serve_input(debugger::Session& session, debugger::Commands& commands) {
  LineEditor editor([&commands](const std::string& line) { return commands.complete(line); });
  const InterruptsRuns guard(session);
  std::string last;
  while (!commands.finished()) {
    auto line = editor.next("(" + commands.place() + ") ");
    if (!line) break;
    // An empty line at a terminal says the last command again, as steps are often taken in a row.
    if (editor.interactive() && line->find_first_not_of(' ') == std::string::npos) line = last;
    last = *line;
    for (const std::string& part : split(*line)) {
      if (commands.finished()) break;
      try {
        std::cout << commands.run(part) << std::flush;
      } catch (const scenarios::UserError& error) {
        if (!editor.interactive()) throw;
        std::cout << error.what() << "\n";
        break;
      }
    }
  }
  return kAllHold;
}

std::uint64_t check_and_count(const std::string& path, traces::Digest& hash) {
  traces::TraceReader trace(path);
  while (trace.next() != nullptr) {
    // Nothing is run for a file that turns out to be damaged.
  }
  hash = trace.footer().hash;
  return trace.footer().events;
}

int debug(const DebugArguments& arguments) {
  traces::Digest hash;
  const std::uint64_t events = check_and_count(arguments.path, hash);
  scenarios::Recorded run;
  {
    // Closed before a world starts: its process holds no descriptor but its pipe.
    const traces::TraceReader trace(arguments.path);
    run = scenarios::recorded_run(trace.header());
    if (trace.header().build_id != scenarios::build_id()) {
      std::cerr << "hvsim: note: recorded by build " << trace.header().build_id << ", this is "
                << scenarios::build_id() << "\n";
    }
  }
  debugger::Session session(run);
  debugger::Commands commands(session, events, traces::to_text(hash));
  if (arguments.commands.empty()) {
    std::cout << fmt::format("{}, seed {}, {} events; `help` lists the commands\n",
                             run.scenario.name, run.options.seed, events);
    return serve_input(session, commands);
  }
  for (const std::string& text : arguments.commands) {
    for (const std::string& part : split(text)) {
      if (commands.finished()) return kAllHold;
      std::cout << commands.run(part) << std::flush;
    }
  }
  return kAllHold;
}

}  // namespace

void add_debug(Command root) {
  auto arguments = std::make_shared<DebugArguments>();
  Command command = root.command("debug", "step through a trace's run, forward and back");
  command.argument("TRACE", arguments->path, "trace file")
      .option("--command", arguments->commands,
              "commands separated by `;` instead of standard input");
  add_boot_cache(command);
  command.does([arguments] { return debug(*arguments); });
}

}  // namespace cli
