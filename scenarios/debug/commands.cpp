#include "scenarios/debug/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "scenarios/debug/render.hpp"
#include "scenarios/debug/stop_at.hpp"
#include "scenarios/language/reader.hpp"
#include "scenarios/language/source.hpp"
#include "scenarios/language/units.hpp"
#include "traces/text.hpp"

namespace debugger {

using scenarios::UserError;

namespace {

constexpr const char* kViolation = "violation";

Words words_of(const std::string& text) {
  std::istringstream in(text);
  Words words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

/// Everything behind the first word.
std::string rest_of(const std::string& text) {
  const std::size_t word = text.find_first_not_of(' ');
  const std::size_t gap = text.find(' ', word);
  if (gap == std::string::npos) return "";
  const std::size_t next = text.find_first_not_of(' ', gap);
  return next == std::string::npos ? "" : text.substr(next);
}

std::uint64_t count_of(const std::string& text, std::uint64_t normal) {
  if (text.empty()) return normal;
  const auto count = scenarios::parse_count(text);
  if (!count || *count == 0) throw UserError("`" + text + "` is no count of events");
  return *count;
}

std::string lines_of(const Json& list) {
  std::string text;
  for (const Json& line : list) text += line.get<std::string>() + "\n";
  return text;
}

/// The property of `violation [PROPERTY]`; nothing when the text is something else.
std::optional<std::string> violation_of(const std::string& text) {
  const Words words = words_of(text);
  if (words.empty() || words[0] != kViolation) return std::nullopt;
  return words.size() > 1 ? words[1] : std::string();
}

}  // namespace

const std::vector<Commands::Command>& Commands::all() {
  static const std::vector<Command> list{
      {"help", "h", "[COMMAND]", "this, or what `inspect` can show", &Commands::help},
      {"where", "w", "", "the event in hand", &Commands::where},
      {"step", "s", "[N]", "one event on, or N", &Commands::step},
      {"reverse-step", "rs", "[N]", "one event back, or N", &Commands::reverse_step},
      {"continue", "c", "", "on to the next break or the end", &Commands::resume},
      {"reverse-continue", "rc", "", "back to the last break before this event",
       &Commands::reverse_resume},
      {"until", "u", "WHAT", "on to an event number, an instant, an event, a violation or the end",
       &Commands::until},
      {"goto", "g", "N|TIME", "to an event by number or to an instant, forward or back",
       &Commands::go_to},
      {"break", "b", "WHAT", "stop at `EVENT [FIELD=VALUE...]` or `violation [PROPERTY]`",
       &Commands::add_break},
      {"breaks", "", "", "the breaks, by number", &Commands::breaks},
      {"delete", "d", "N", "take a break away", &Commands::remove_break},
      {"events", "e", "[N]", "the last N events, 10 if not said", &Commands::events},
      {"why", "", "", "what led to this event", &Commands::why},
      {"inspect", "i", "[--json] TOPIC", "a component's state; `help inspect` names the topics",
       &Commands::inspect},
      {"properties", "p", "[--json]", "the verdicts if the world ended now", &Commands::properties},
      {"disassemble", "dis", "VM [VP] [COUNT]", "instructions from the guest's instruction pointer",
       &Commands::disassemble},
      {"memory", "x", "VM gpa|gva ADDRESS [BYTES] [VP]", "what the guest would read there",
       &Commands::memory},
      {"checkpoints", "", "", "where copies of the world are kept", &Commands::checkpoints},
      {"quit", "q", "", "end", &Commands::quit},
  };
  return list;
}

Commands::Commands(Session& session, std::uint64_t expected, std::string hash)
    : session_(session), expected_(expected), hash_(std::move(hash)) {}

const Commands::Command& Commands::find(const std::string& name) {
  std::vector<std::string> known;
  for (const Command& command : all()) {
    if (name == command.name || (*command.alias != '\0' && name == command.alias)) return command;
    known.emplace_back(command.name);
  }
  throw UserError("there is no command `" + name + "`" + scenarios::suggestion(name, known) +
                  "; `help` lists them");
}

std::string Commands::run(const std::string& line) {
  const Words words = words_of(line);
  if (words.empty()) return "";
  const Command& command = find(words.front());
  std::string arguments = rest_of(line);
  arguments.erase(arguments.find_last_not_of(' ') + 1);
  if (*command.usage == '\0' && !arguments.empty()) {
    throw UserError("`" + std::string(command.name) + "` takes nothing behind it");
  }
  return (this->*command.run)(arguments);
}

std::string Commands::place() const {
  return fmt::format("#{} {}", session_.here().index, traces::to_text(session_.here().time));
}

std::vector<std::string> Commands::complete(const std::string& line) const {
  const Words words = words_of(line);
  const bool new_word = line.empty() || line.back() == ' ';
  const std::size_t place = words.size() - (new_word || words.empty() ? 0 : 1);
  const std::string start = new_word || words.empty() ? "" : words.back();
  std::vector<std::string> known;
  if (place == 0) {
    for (const Command& command : all()) known.emplace_back(command.name);
  } else if (place == 1 && (words[0] == "inspect" || words[0] == "i")) {
    known.emplace_back("--json");
    for (const Topic& topic : topics()) known.push_back(words_of(topic.usage).front());
  } else if (place == 1 && words[0] == "help") {
    for (const Command& command : all()) known.emplace_back(command.name);
  } else if (words[0] == "break" || words[0] == "b" || words[0] == "until" || words[0] == "u") {
    const traces::EventInfo* event = place > 1 ? traces::find_event(words[1]) : nullptr;
    if (event != nullptr) {
      for (const auto& field : event->fields) known.push_back(std::string(field.name) + "=");
    } else if (place == 1) {
      known.emplace_back(kViolation);
      for (const auto& info : traces::all_events()) known.emplace_back(info.name);
    }
  }
  known.erase(
      std::remove_if(known.begin(), known.end(),
                     [&start](const std::string& word) { return word.rfind(start, 0) != 0; }),
      known.end());
  return known;
}

std::string Commands::help(const std::string& arguments) {
  std::string text;
  if (arguments == "inspect" || arguments == "i") {
    for (const Topic& topic : topics()) {
      text += fmt::format("  {:<28} {}\n", topic.usage, topic.what);
    }
    return text;
  }
  for (const Command& command : all()) {
    if (!arguments.empty() && &find(arguments) != &command) continue;
    const std::string usage = std::string(command.name) + " " + command.usage;
    const std::string alias =
        *command.alias == '\0' ? "" : std::string("  (") + command.alias + ")";
    text += fmt::format("  {:<44} {}{}\n", usage, command.what, alias);
  }
  return text;
}

std::string Commands::stopped() const {
  const Stop& here = session_.here();
  std::string text;
  if (here.why == "violation") text = "VIOLATED " + here.which + " at this event\n";
  if (here.why == "interrupted") text = "interrupted\n";
  if (here.why == "crash") text = "CRASH: the world's process ended behind this event\n";
  if (here.ended) {
    text += fmt::format("the world has ended after {} events\n", here.index);
    if (here.index != expected_ || here.hash != hash_) {
      text += "this run is not the stored one; `hvsim replay` shows the first difference\n";
    }
    return text;
  }
  return text + fmt::format("#{:<8} {}\n", here.index, here.line);
}

std::string Commands::where(const std::string&) { return stopped(); }

std::string Commands::step(const std::string& arguments) {
  Goal goal;
  goal.index = session_.here().index + count_of(arguments, 1);
  session_.forward(goal);
  return stopped();
}

std::string Commands::reverse_step(const std::string& arguments) {
  const std::uint64_t count = count_of(arguments, 1);
  const std::uint64_t here = session_.here().index;
  if (here == 0) return "this is the first event\n" + stopped();
  session_.go_to(here - std::min(count, here));
  return stopped();
}

void Commands::add_breaks(Goal& goal) const {
  for (const Break& one : breaks_) {
    if (const auto property = violation_of(one.text)) {
      goal.violation = goal.violation && *goal.violation != *property ? "" : *property;
    } else {
      goal.stops.push_back(one.text);
    }
  }
}

std::string Commands::resume(const std::string&) {
  Goal goal;
  add_breaks(goal);
  session_.forward(goal);
  return stopped();
}

std::string Commands::reverse_resume(const std::string&) {
  Goal goal;
  add_breaks(goal);
  if (goal.stops.empty()) throw UserError("there is no break on an event; `break EVENT` makes one");
  session_.back_to_match(goal.stops);
  return (session_.here().why.empty() ? "no break matched before\n" : "") + stopped();
}

std::string Commands::until(const std::string& arguments) {
  if (arguments.empty()) {
    throw UserError("until what? 1234, 500ms, migration.phase phase=commit, violation, end");
  }
  Goal goal;
  if (const auto property = violation_of(arguments)) {
    goal.violation = *property;
  } else if (arguments != "end") {
    const StopAt stop = StopAt::parse(arguments);
    const Stop& here = session_.here();
    if ((stop.index && *stop.index <= here.index) || (stop.time && *stop.time <= here.time)) {
      throw UserError("`" + arguments + "` is not ahead; `goto " + arguments + "` goes back");
    }
    goal.stops.push_back(arguments);
  }
  session_.forward(goal);
  return stopped();
}

std::string Commands::go_to(const std::string& arguments) {
  if (arguments.empty()) throw UserError("go where? an event number or an instant such as 500ms");
  const StopAt stop = StopAt::parse(arguments);
  if (stop.pattern) {
    throw UserError("`" + arguments + "` is neither a number nor an instant; `until` finds events");
  }
  if (stop.index) {
    session_.go_to(*stop.index);
    return stopped();
  }
  Goal goal;
  goal.stops.push_back(arguments);
  if (*stop.time <= session_.here().time) session_.go_to(0);
  if (session_.here().time < *stop.time) session_.forward(goal);
  return stopped();
}

std::string Commands::add_break(const std::string& arguments) {
  if (arguments.empty()) return breaks(arguments);
  if (!violation_of(arguments)) EventPattern::parse(arguments);  // for its complaints
  breaks_.push_back({++last_break_, arguments});
  return fmt::format("break {} at {}\n", last_break_, arguments);
}

std::string Commands::breaks(const std::string&) {
  std::string text;
  for (const Break& one : breaks_) text += fmt::format("  {}  {}\n", one.number, one.text);
  return text.empty() ? "no breaks\n" : text;
}

std::string Commands::remove_break(const std::string& arguments) {
  const std::uint64_t number = count_of(arguments, 0);
  const auto found = std::find_if(breaks_.begin(), breaks_.end(),
                                  [number](const Break& one) { return one.number == number; });
  if (found == breaks_.end()) throw UserError("there is no break " + std::to_string(number));
  breaks_.erase(found);
  return "";
}

std::string Commands::events(const std::string& arguments) {
  Json request;
  request["do"] = "events";
  request["count"] = count_of(arguments, 10);
  return lines_of(session_.ask(request)["data"]);
}

std::string Commands::why(const std::string&) {
  Json request;
  request["do"] = "why";
  return stopped() + lines_of(session_.ask(request)["data"]);
}

std::string Commands::inspect(const std::string& arguments) {
  Words words = words_of(arguments);
  const bool json = !words.empty() && words.front() == "--json";
  if (json) words.erase(words.begin());
  Json request;
  request["do"] = "inspect";
  request["words"] = words;
  const Json data = session_.ask(request)["data"];
  return json ? data.dump(2) + "\n" : render(data);
}

std::string Commands::properties(const std::string& arguments) {
  if (!arguments.empty() && arguments != "--json") throw UserError("write: properties [--json]");
  Json request;
  request["do"] = "properties";
  const Json data = session_.ask(request)["data"];
  return arguments.empty() ? render(data) : data.dump(2) + "\n";
}

std::string Commands::ask_for_text(const char* what, const std::string& arguments) {
  Json request;
  request["do"] = what;
  request["words"] = words_of(arguments);
  return session_.ask(request)["text"];
}

std::string Commands::disassemble(const std::string& arguments) {
  return ask_for_text("disassemble", arguments);
}

std::string Commands::memory(const std::string& arguments) {
  return ask_for_text("memory", arguments);
}

std::string Commands::checkpoints(const std::string&) {
  Json table = Json::array();
  for (const Session::CheckpointInfo& one : session_.checkpoints()) {
    Json row;
    row["event"] = one.index;
    row["ms of work"] = fmt::format("{:.1f}", one.cost_ms);
    table.push_back(row);
  }
  return render(table);
}

std::string Commands::quit(const std::string&) {
  finished_ = true;
  return "";
}

}  // namespace debugger
