// One command of the command line with its options. CLI11 stands behind it, in command.cpp alone:
// it is large, and every file that reads it takes seconds to compile.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/cli/description.hpp"

namespace CLI {
class App;
}

namespace cli {

/// A handle: copies name the same command. What `out` refers to is written while the command line
/// is parsed and must live until then; an action that owns its arguments sees to that.
class Command {
 public:
  /// A command below this one.
  Command command(const std::string& name, const std::string& what);
  /// What to do when this command was chosen; returns the exit code.
  void does(std::function<int()> action);

  /// Arguments by position, which must be given; a list takes at least one.
  Command& argument(const std::string& name, std::string& out, const std::string& what);
  Command& argument(const std::string& name, std::vector<std::string>& out,
                    const std::string& what);
  /// The same, and they may be left out.
  Command& optional_argument(const std::string& name, std::vector<std::string>& out,
                             const std::string& what);
  Command& argument_of(const std::string& name, std::string& out,
                       const std::vector<std::string>& choices, const std::string& what);

  /// `--name VALUE`. A list takes one value each time it is given.
  Command& option(const std::string& name, std::string& out, const std::string& what);
  Command& option(const std::string& name, std::optional<std::string>& out,
                  const std::string& what);
  Command& option(const std::string& name, std::vector<std::string>& out, const std::string& what);
  Command& option_of(const std::string& name, std::string& out,
                     const std::vector<std::string>& choices, const std::string& what);
  /// A whole number from low to high: no sign, nothing wraps.
  Command& count(const std::string& name, std::uint64_t& out, const std::string& what,
                 std::uint64_t low = 0, std::uint64_t high = 999'999'999'999'999'999);
  Command& count(const std::string& name, std::optional<std::uint64_t>& out,
                 const std::string& what, std::uint64_t low = 0,
                 std::uint64_t high = 999'999'999'999'999'999);
  Command& flag(const std::string& name, bool& out, const std::string& what);

 private:
  friend class CommandLine;
  Command(CLI::App& app, std::function<int()>& chosen) : app_(&app), chosen_(&chosen) {}
  CLI::App* app_;
  std::function<int()>* chosen_;
};

/// The whole command line of a program.
class CommandLine {
 public:
  CommandLine(const std::string& name, const std::string& what, const std::string& version);
  ~CommandLine();
  Command root();
  /// Everything that was declared so far.
  CommandInfo describe() const;
  /// Parses and runs what was chosen; returns its exit code. A wrong command line is one line on
  /// stderr and exit code 2. What the action throws passes through.
  int run(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> app_;
  std::function<int()> chosen_;
};

}  // namespace cli
