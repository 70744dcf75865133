// hvsim(1), made from what the command line says about itself.
#include <string>

#include "scenarios/cli/description.hpp"

namespace cli {

namespace {

constexpr const char* kAfterCommands = R"(.SH EXIT STATUS
.TP
.B 0
Every property holds.
.TP
.B 1
A property is violated.
.TP
.B 2
Wrong usage or input.
.TP
.B 3
Not deterministic, or a replay diverged.
.TP
.B 4
Undecided: a property is unknown, or the budget ran out.
.TP
.B 70
A defect in hvsim itself.
.SH EXAMPLES
.TP
.B hvsim run scenarios/library/quickstart.yaml
Runs a scenario, tells its story and judges its properties.
.TP
.B hvsim explore scenarios/library/ \-\-time 10m
Searches for violations and shrinks what it finds.
)";

/// A text as roff takes it: no character of it is a request or an escape.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\n') {
      out += ' ';
    } else {
      out += c;
    }
  }
  if (!out.empty() && (out[0] == '.' || out[0] == '\'')) out.insert(0, "\\&");
  return out;
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

/// `\fB--format\fR \fItext|json\fR`
std::string shown(const OptionInfo& option) {
  std::string text;
  if (option.positional) return "\\fI" + roff(option.name) + "\\fR";
  if (!option.brief.empty()) text = "\\fB" + roff(option.brief) + "\\fR, ";
  text += "\\fB" + roff(option.name) + "\\fR";
  if (!option.takes_value) return text;
  const std::string value = option.choices.empty() ? "VALUE" : joined(option.choices, "|");
  return text + " \\fI" + roff(value) + "\\fR";
}

void synopsis(std::string& page, const CommandInfo& command, const std::string& path) {
  if (command.commands.empty()) {
    page += ".br\n.B " + roff(path) + "\n";
    std::string rest;
    for (const OptionInfo& option : command.options) {
      if (option.positional) {
        rest += " " + (option.required ? "\\fI" + roff(option.name) + "\\fR"
                                       : "[\\fI" + roff(option.name) + "\\fR]");
      }
    }
    if (!rest.empty()) page += rest.substr(1) + "\n";
    page += "[option...]\n";
  }
  for (const CommandInfo& one : command.commands) synopsis(page, one, path + " " + one.name);
}

void describe(std::string& page, const CommandInfo& command, const std::string& path) {
  page += ".SS " + roff(path) + "\n" + roff(command.what) + ".\n";
  for (const OptionInfo& option : command.options) {
    if (option.name == "--help") continue;  // every command has it
    page += ".TP\n" + shown(option) + "\n" + roff(option.what) + "\n";
  }
  for (const CommandInfo& one : command.commands) describe(page, one, path + " " + one.name);
}

}  // namespace

std::string man_page(const CommandInfo& program, const std::string& version) {
  std::string page = ".TH HVSIM 1 \"\" \"" + roff(version) + "\" \"User Commands\"\n";
  const std::size_t colon = program.what.find(": ");
  const std::string what =
      colon == std::string::npos ? program.what : program.what.substr(colon + 2);
  page += ".SH NAME\n" + roff(program.name) + " \\- " + roff(what) + "\n.SH SYNOPSIS\n";
  std::string lines;
  for (const CommandInfo& one : program.commands)
    synopsis(lines, one, program.name + " " + one.name);
  page += lines.substr(lines.find('\n') + 1);  // no line break before the first
  page += ".SH DESCRIPTION\nhvsim is " + roff(what) +
          ".\n.PP\nScenario files say what happens and what must hold; one seed decides everything "
          "else. "
          "A run that fails prints one command that fails again, bit for bit. \\fB\\-\\-help\\fR "
          "after any command explains it."
          "\n.SH COMMANDS\n";
  for (const CommandInfo& one : program.commands) describe(page, one, one.name);
  return page + kAfterCommands;
}

}  // namespace cli
