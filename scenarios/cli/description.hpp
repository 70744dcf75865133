// What the command line says about itself, apart from the library that parses it: the man page and
// the completions of shells are made from it.
#pragma once

#include <string>
#include <vector>

namespace cli {

struct OptionInfo {
  std::string name;   ///< "--seed", or "FILE" for an argument by position
  std::string brief;  ///< "-o", when there is one
  bool positional = false;
  bool required = false;
  bool takes_value = false;
  std::vector<std::string> choices;  ///< of the value; empty: anything
  std::string what;
};

struct CommandInfo {
  std::string name;
  std::string what;
  std::vector<OptionInfo> options;
  std::vector<CommandInfo> commands;
};

/// A script for `bash`, `zsh` or `fish`.
std::string completion(const CommandInfo& program, const std::string& shell);
/// A page in roff with the man macros.
std::string man_page(const CommandInfo& program, const std::string& version);

}  // namespace cli
