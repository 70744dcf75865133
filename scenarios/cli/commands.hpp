// The verbs of the command line, one file each.
#pragma once

#include <string>
#include <vector>

#include "scenarios/cli/command.hpp"
#include "scenarios/language/parser.hpp"
#include "scenarios/runner/run.hpp"

namespace cli {

/// Each adds its command below `root`.
void add_run(Command root);
void add_replay(Command root);
void add_check(Command root);
void add_trace(Command root);
void add_trace_pcap(Command trace);
void add_list(Command root);
void add_schema(Command root);
/// `completion` and `man` describe the whole line, which must outlive them.
void add_completion(CommandLine& line);
void add_man(CommandLine& line, const std::string& version);
void add_doctor(Command root);
void add_guest(Command root);
void add_shrink(Command root);
void add_debug(Command root);
void add_explore(Command root);
void add_results(Command root);
void add_plants(Command root);

/// `--boot-cache FOLDER`, of every command that may run a world.
void add_boot_cache(Command& command);
/// "key=value" of --set. Throws UserError.
std::vector<scenarios::Override> parse_overrides(const std::vector<std::string>& texts);
/// A name of --plant. Throws UserError with a suggestion.
void require_plant(const std::string& name);
/// The scenarios of files and of folders, these with all that is below them. Throws UserError.
std::vector<scenarios::Scenario> load_all(const std::vector<std::string>& paths,
                                          std::vector<std::string>* left_out = nullptr);
/// As many workers as the machine has processors.
std::uint64_t default_jobs();

}  // namespace cli
