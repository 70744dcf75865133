// The verbs of the command line, one file each.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

#include "scenarios/language/parser.hpp"
#include "scenarios/runner/run.hpp"

namespace cli {

/// Each adds its subcommand; `action` is set to what to do when it was chosen.
using Action = std::function<int()>;
void add_run(CLI::App& app, Action& action);
void add_replay(CLI::App& app, Action& action);
void add_check(CLI::App& app, Action& action);
void add_trace(CLI::App& app, Action& action);
void add_list(CLI::App& app, Action& action);
void add_schema(CLI::App& app, Action& action);
void add_doctor(CLI::App& app, Action& action);

/// "key=value" of --set. Throws UserError.
std::vector<scenarios::Override> parse_overrides(const std::vector<std::string>& texts);
/// A name of --plant. Throws UserError with a suggestion.
void require_plant(const std::string& name);

}  // namespace cli
