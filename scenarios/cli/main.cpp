// hvsim: the command line (design §5).
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/report.hpp"
#include "scenarios/language/reader.hpp"
#include "scenarios/runner/build_id.hpp"
#include "sim/cpu/engine.hpp"
#include "traces/file.hpp"

namespace {

/// A failed assertion aborts; tell CI the difference between that and a violated property.
extern "C" void on_abort(int) { _exit(cli::kDefect); }

int wrong_input(const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return cli::kWrongInput;
}

/// A wrong command line in one line, like every other mistake (law 8).
std::string usage_mistake(const CLI::App* app, const CLI::Error& error) {
  std::string text = error.what();
  const auto unknown = app->remaining();
  if (!unknown.empty() && unknown.front().rfind('-', 0) != 0) {
    std::vector<std::string> commands;
    for (const CLI::App* command : app->get_subcommands({}))
      commands.push_back(command->get_name());
    if (!commands.empty()) {
      text = "there is no command `" + unknown.front() + "`" +
             scenarios::suggestion(unknown.front(), commands);
    }
  }
  return std::string("hvsim: ") + scenarios::UserError(text).what() +
         "; `hvsim --help` shows the usage\n";
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGABRT, on_abort);
  CLI::App app{"hvsim: a deterministic simulator and test harness of a whole Hyper-V installation",
               "hvsim"};
  app.set_version_flag("--version", "hvsim " + scenarios::build_id());
  app.require_subcommand(1);
  app.failure_message(usage_mistake);
  cli::Action action;
  cli::add_run(app, action);
  cli::add_replay(app, action);
  cli::add_check(app, action);
  cli::add_trace(app, action);
  cli::add_list(app, action);
  cli::add_schema(app, action);
  cli::add_doctor(app, action);
  try {
    app.parse(argc, argv);
    const int code = action();
    std::cout.flush();
    if (!std::cout) {
      std::fprintf(stderr, "hvsim: standard output cannot be written\n");
      return cli::kWrongInput;
    }
    return code;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cli::kAllHold : cli::kWrongInput;
  } catch (const scenarios::UserError& error) {
    return wrong_input(error);
  } catch (const traces::TraceError& error) {
    return wrong_input(error);
  } catch (const sim::EngineError& error) {
    return wrong_input(error);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hvsim: defect: %s\n", error.what());
    return cli::kDefect;
  }
}
