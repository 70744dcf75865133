#include "scenarios/cli/command.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <utility>

#include "scenarios/cli/report.hpp"
#include "scenarios/language/reader.hpp"
#include "scenarios/language/units.hpp"

namespace cli {

namespace {

/// A wrong command line in one line, like every other mistake (law 8).
std::string usage_mistake(const CLI::App* app, const CLI::Error& error) {
  std::string text = error.what();
  const auto unknown = app->remaining();
  if (!unknown.empty() && unknown.front().rfind('-', 0) != 0) {
    std::vector<std::string> commands;
    for (const CLI::App* command : app->get_subcommands({})) {
      commands.push_back(command->get_name());
    }
    if (!commands.empty()) {
      text = "there is no command `" + unknown.front() + "`" +
             scenarios::suggestion(unknown.front(), commands);
    }
  }
  return "hvsim: " + std::string(scenarios::UserError(text).what()) +
         "; `hvsim --help` shows the usage\n";
}

std::uint64_t number(const std::string& name, const std::string& text, std::uint64_t low,
                     std::uint64_t high) {
  const auto value = scenarios::parse_count(text);
  if (!value || *value < low || *value > high) {
    throw scenarios::UserError(name + " " + text + ": is not a whole number from " +
                               std::to_string(low) + " to " + std::to_string(high));
  }
  return *value;
}

}  // namespace

Command Command::command(const std::string& name, const std::string& what) {
  CLI::App* sub = app_->add_subcommand(name, what);
  app_->require_subcommand(1);
  return Command(*sub, *chosen_);
}

void Command::does(std::function<int()> action) {
  app_->callback([chosen = chosen_, action = std::move(action)] { *chosen = action; });
}

Command& Command::argument(const std::string& name, std::string& out, const std::string& what) {
  app_->add_option(name, out, what)->required();
  return *this;
}

Command& Command::argument(const std::string& name, std::vector<std::string>& out,
                           const std::string& what) {
  app_->add_option(name, out, what)->required();
  return *this;
}

Command& Command::optional_argument(const std::string& name, std::vector<std::string>& out,
                                    const std::string& what) {
  app_->add_option(name, out, what);
  return *this;
}

Command& Command::argument_of(const std::string& name, std::string& out,
                              const std::vector<std::string>& choices, const std::string& what) {
  app_->add_option(name, out, what)->required()->check(CLI::IsMember(choices));
  return *this;
}

Command& Command::option(const std::string& name, std::string& out, const std::string& what) {
  app_->add_option(name, out, what);
  return *this;
}

Command& Command::option(const std::string& name, std::optional<std::string>& out,
                         const std::string& what) {
  app_->add_option(name, out, what);
  return *this;
}

Command& Command::option(const std::string& name, std::vector<std::string>& out,
                         const std::string& what) {
  // One value each, so that a positional argument may follow.
  app_->add_option(name, out, what)->allow_extra_args(false);
  return *this;
}

Command& Command::option_of(const std::string& name, std::string& out,
                            const std::vector<std::string>& choices, const std::string& what) {
  app_->add_option(name, out, what)->check(CLI::IsMember(choices));
  return *this;
}

Command& Command::count(const std::string& name, std::uint64_t& out, const std::string& what,
                        std::uint64_t low, std::uint64_t high) {
  app_->add_option_function<std::string>(
      name,
      [name, &out, low, high](const std::string& text) { out = number(name, text, low, high); },
      what);
  return *this;
}

Command& Command::count(const std::string& name, std::optional<std::uint64_t>& out,
                        const std::string& what, std::uint64_t low, std::uint64_t high) {
  app_->add_option_function<std::string>(
      name,
      [name, &out, low, high](const std::string& text) { out = number(name, text, low, high); },
      what);
  return *this;
}

Command& Command::flag(const std::string& name, bool& out, const std::string& what) {
  app_->add_flag(name, out, what);
  return *this;
}

namespace {

/// CLI11 names the kind of a value `TEXT:{json,text}` when it is one of a few.
std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{');
  const std::size_t close = type.find('}');
  std::vector<std::string> choices;
  if (open == std::string::npos || close == std::string::npos) return choices;
  for (std::size_t at = open + 1; at < close;) {
    const std::size_t end = std::min(type.find(',', at), close);
    choices.push_back(type.substr(at, end - at));
    at = end + 1;
  }
  return choices;
}

CommandInfo description_of(const CLI::App& app) {
  CommandInfo info;
  info.name = app.get_name();
  info.what = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    OptionInfo one;
    one.positional = option->get_positional();
    const auto& words = option->get_lnames();
    const auto& letters = option->get_snames();
    if (one.positional) {
      one.name = option->get_name(true);
    } else if (words.empty()) {
      one.name = "-" + letters.at(0);
    } else {
      one.name = "--" + words[0];
      if (!letters.empty()) one.brief = "-" + letters[0];
    }
    one.required = option->get_required();
    one.takes_value = option->get_items_expected_max() > 0;
    one.choices = choices_of(*option);
    one.what = option->get_description();
    info.options.push_back(std::move(one));
  }
  for (const CLI::App* command : app.get_subcommands({})) {
    info.commands.push_back(description_of(*command));
  }
  return info;
}

}  // namespace

CommandLine::CommandLine(const std::string& name, const std::string& what,
                         const std::string& version)
    : app_(std::make_unique<CLI::App>(what, name)) {
  app_->set_version_flag("--version", version);
  app_->failure_message(usage_mistake);
}

CommandLine::~CommandLine() = default;

CommandInfo CommandLine::describe() const { return description_of(*app_); }

Command CommandLine::root() { return Command(*app_, chosen_); }

int CommandLine::run(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app_->exit(error) == 0 ? kAllHold : kWrongInput;
  }
  return chosen_();
}

}  // namespace cli
