// The commands of `hvsim debug`: one line in, text out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/debug/session.hpp"

namespace debugger {

class Commands {
 public:
  /// `expected` is the stored trace's number of events and `hash` its hash, for comparison at the
  /// end of the run.
  Commands(Session& session, std::uint64_t expected, std::string hash);

  /// Text to print. Throws scenarios::UserError for a wrong command, after which all is as before.
  std::string run(const std::string& line);
  bool finished() const { return finished_; }
  /// `#123 1.5ms`, for a prompt.
  std::string place() const;
  /// Words that may stand where the last word of `line` is being typed.
  std::vector<std::string> complete(const std::string& line) const;

 private:
  struct Command {
    const char* name;
    const char* alias;
    const char* usage;  ///< arguments
    const char* what;
    std::string (Commands::*run)(const std::string& arguments);
  };
  struct Break {
    std::uint64_t number;
    std::string text;  ///< a pattern, or "violation" with a property or without
  };
  static const std::vector<Command>& all();
  static const Command& find(const std::string& name);

  std::string help(const std::string& arguments);
  std::string where(const std::string& arguments);
  std::string step(const std::string& arguments);
  std::string reverse_step(const std::string& arguments);
  std::string resume(const std::string& arguments);
  std::string reverse_resume(const std::string& arguments);
  std::string until(const std::string& arguments);
  std::string go_to(const std::string& arguments);
  std::string add_break(const std::string& arguments);
  std::string breaks(const std::string& arguments);
  std::string remove_break(const std::string& arguments);
  std::string events(const std::string& arguments);
  std::string why(const std::string& arguments);
  std::string inspect(const std::string& arguments);
  std::string properties(const std::string& arguments);
  std::string disassemble(const std::string& arguments);
  std::string memory(const std::string& arguments);
  std::string checkpoints(const std::string& arguments);
  std::string quit(const std::string& arguments);

  std::string stopped() const;
  std::string ask_for_text(const char* what, const std::string& arguments);
  void add_breaks(Goal& goal) const;

  Session& session_;
  std::uint64_t expected_;
  std::string hash_;
  std::vector<Break> breaks_;
  std::uint64_t last_break_ = 0;
  bool finished_ = false;
};

}  // namespace debugger
