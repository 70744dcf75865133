// hvsim: the command line (design §5).
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>
#include <string>

#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/report.hpp"
#include "scenarios/language/source.hpp"
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

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGABRT, on_abort);
  // A limit on file sizes is an error of the file that meets it.
  std::signal(SIGXFSZ, SIG_IGN);
  cli::CommandLine line("hvsim",
                        "hvsim: a deterministic simulator and test harness of a whole Hyper-V "
                        "installation",
                        "hvsim " + scenarios::build_id());
  for (const auto add :
       {cli::add_run, cli::add_replay, cli::add_check, cli::add_trace, cli::add_list,
        cli::add_schema, cli::add_doctor, cli::add_guest, cli::add_shrink, cli::add_debug,
        cli::add_explore, cli::add_results, cli::add_plants}) {
    add(line.root());
  }
  cli::add_completion(line);
  cli::add_man(line, "hvsim " + scenarios::build_id());
  try {
    const int code = line.run(argc, argv);
    std::cout.flush();
    if (!std::cout) {
      std::fprintf(stderr, "hvsim: standard output cannot be written\n");
      return cli::kWrongInput;
    }
    return code;
  } catch (const scenarios::UserError& error) {
    return wrong_input(error);
  } catch (const traces::TraceError& error) {
    return wrong_input(error);
  } catch (const sim::EngineError& error) {
    return wrong_input(error);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr,
                 "hvsim: this machine has not enough memory; fewer or smaller VMs, smaller working "
                 "sets, fewer worker processes or a wider `ulimit -v` would be right\n");
    return cli::kWrongInput;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hvsim: defect: %s\n", error.what());
    return cli::kDefect;
  }
}
