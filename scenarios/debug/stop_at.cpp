#include "scenarios/debug/stop_at.hpp"

#include <algorithm>
#include <memory>
#include <sstream>

#include "scenarios/language/reader.hpp"
#include "scenarios/language/source.hpp"
#include "scenarios/language/units.hpp"

namespace debugger {

using scenarios::UserError;

namespace {

/// A quantity as it is written in scenarios, or a plain number with sign, or hex.
std::optional<std::int64_t> number_of(std::string_view text) {
  if (text.rfind("0x", 0) == 0 && text.size() > 2 && text.size() <= 18) {
    std::uint64_t value = 0;
    for (const char digit : text.substr(2)) {
      const std::size_t place = std::string_view("0123456789abcdef").find(digit);
      if (place == std::string_view::npos) return std::nullopt;
      value = value * 16 + place;
    }
    return static_cast<std::int64_t>(value);
  }
  const bool negative = text.rfind('-', 0) == 0;
  const std::string_view plain = negative ? text.substr(1) : text;
  std::optional<std::int64_t> value;
  if (const auto count = scenarios::parse_count(plain)) {
    value = static_cast<std::int64_t>(*count);
  } else if (const auto duration = scenarios::parse_duration(plain)) {
    value = duration->ns;
  } else if (const auto size = scenarios::parse_size(plain)) {
    value = static_cast<std::int64_t>(*size);
  }
  if (value && negative) value = -*value;
  return value;
}

bool is_numeric(traces::FieldKind kind) {
  return kind <= traces::FieldKind::I64 || kind == traces::FieldKind::Time ||
         kind == traces::FieldKind::Duration || kind == traces::FieldKind::Hex64;
}

std::string names_of_fields(const traces::EventInfo& info) {
  std::string names;
  for (const traces::FieldInfo& field : info.fields) {
    names += (names.empty() ? "" : ", ") + std::string(field.name);
  }
  return names.empty() ? "it has none" : "it has " + names;
}

}  // namespace

EventPattern EventPattern::parse_where(const std::string& name, const std::string& expression) {
  const traces::EventInfo* event = traces::find_event(name);
  if (event == nullptr) {
    throw UserError("`where` needs one event; there is none of the name `" + name + "`");
  }
  EventPattern pattern;
  pattern.text_ = name + " where " + expression;
  pattern.types_.set(static_cast<std::size_t>(event->type));
  checkers::ExpressionScope scope;
  scope.subject = event;
  try {
    pattern.where_ = std::make_shared<checkers::Expression>(expression, scope);
  } catch (const checkers::ExpressionMistake& mistake) {
    throw UserError("behind `where`, character " + std::to_string(mistake.offset + 1) + ": " +
                    mistake.text + scenarios::suggestion(mistake.word, mistake.known));
  }
  return pattern;
}

EventPattern EventPattern::parse(std::string_view text) {
  static constexpr std::string_view kWhere = " where ";
  if (const std::size_t place = text.find(kWhere); place != std::string_view::npos) {
    std::string name(text.substr(0, place));
    name.erase(0, name.find_first_not_of(' '));
    return parse_where(name, std::string(text.substr(place + kWhere.size())));
  }
  EventPattern pattern;
  std::istringstream words{std::string(text)};
  std::string name;
  if (!(words >> name)) throw UserError("an event is missing: give a name such as migration.phase");
  pattern.text_ = name;
  std::vector<std::string> known;
  for (const traces::EventInfo& info : traces::all_events()) {
    const std::string event(info.name);
    if (name == "*" || event == name || event.rfind(name + ".", 0) == 0) {
      pattern.types_.set(static_cast<std::size_t>(info.type));
    }
    known.push_back(event);
    known.push_back(event.substr(0, event.find('.')));
  }
  if (pattern.types_.none()) {
    const std::string near = scenarios::nearest(name, known);
    throw UserError(
        "there is no event or area `" + name + "`" +
        (near.empty() ? "; docs/events.md names them all" : ", did you mean `" + near + "`?"));
  }
  for (std::string word; words >> word;) pattern.add_condition(word);
  return pattern;
}

void EventPattern::add_condition(std::string_view word) {
  struct Sign {
    const char* text;
    Test test;
  };
  // Two characters before one, so that `<=` is not taken for `<`.
  static constexpr Sign kSigns[] = {{"!=", Test::Unequal},      {"<=", Test::LessEqual},
                                    {">=", Test::GreaterEqual}, {"=", Test::Equal},
                                    {"<", Test::Less},          {">", Test::Greater}};
  const std::size_t place = word.find_first_of("!<>=");
  for (const Sign& sign : kSigns) {
    const std::string_view sign_text(sign.text);
    if (place == std::string_view::npos || place == 0) break;
    if (word.substr(place, sign_text.size()) != sign_text) continue;
    Condition condition{std::string(word.substr(0, place)), sign.test,
                        std::string(word.substr(place + sign_text.size()))};
    check_field(condition);
    conditions_.push_back(std::move(condition));
    text_ += " " + std::string(word);
    return;
  }
  throw UserError("`" + std::string(word) +
                  "` is no condition; write field=value, or != < <= > >= between them");
}

void EventPattern::check_field(const Condition& condition) const {
  const bool ordered = condition.test != Test::Equal && condition.test != Test::Unequal;
  if (ordered && !number_of(condition.value)) {
    throw UserError("`" + condition.value + "` is no number; write 12, 0x1f, 5ms or 4KiB");
  }
  if (condition.field == "node") return;
  const traces::EventInfo* last = nullptr;
  for (const traces::EventInfo& info : traces::all_events()) {
    if (!types_.test(static_cast<std::size_t>(info.type))) continue;
    last = &info;
    const traces::FieldInfo* field = info.find(condition.field);
    if (field == nullptr) continue;
    if (!ordered || is_numeric(field->kind)) return;
    throw UserError("field " + condition.field + " of " + std::string(info.name) +
                    " has no order; use = or !=");
  }
  throw UserError("event " + std::string(last->name) + " has no field `" + condition.field + "`, " +
                  names_of_fields(*last));
}

bool EventPattern::holds(const Condition& condition, const traces::FieldValue& value) {
  if (condition.test == Test::Equal || condition.test == Test::Unequal) {
    bool equal = traces::to_text(value) == condition.value;
    if (!equal && is_numeric(value.kind)) {
      const auto number = number_of(condition.value);
      equal = number && *number == value.as_signed();
    }
    return equal == (condition.test == Test::Equal);
  }
  if (!is_numeric(value.kind)) return false;
  const std::int64_t left = value.as_signed();
  const std::int64_t right = *number_of(condition.value);
  switch (condition.test) {
    case Test::Less:
      return left < right;
    case Test::LessEqual:
      return left <= right;
    case Test::Greater:
      return left > right;
    default:
      return left >= right;
  }
}

bool EventPattern::matches(const traces::Event& event, const traces::NodeNames& names) const {
  if (!types_.test(static_cast<std::size_t>(event.type))) return false;
  if (where_ != nullptr) {
    static const std::vector<const traces::Event*> kNoCaptures;
    std::string why;
    return where_->test({event, names, kNoCaptures}, why) == checkers::Expression::Result::True;
  }
  return std::all_of(conditions_.begin(), conditions_.end(), [&](const Condition& condition) {
    if (const auto value = traces::field(event, condition.field)) return holds(condition, *value);
    if (condition.field != "node") return false;
    return (names.of(event.node) == condition.value) == (condition.test == Test::Equal);
  });
}

StopAt StopAt::parse(std::string_view text) {
  StopAt stop;
  const std::string_view plain = text.rfind('#', 0) == 0 ? text.substr(1) : text;
  if (const auto index = scenarios::parse_count(plain)) {
    stop.index = *index;
  } else if (const auto time = scenarios::parse_duration(text)) {
    stop.time = traces::Time{} + *time;
  } else {
    stop.pattern = EventPattern::parse(text);
  }
  return stop;
}

bool StopAt::matches(const traces::Event& event, const traces::NodeNames& names) const {
  return (index && event.index >= *index) || (time && event.time >= *time) ||
         (pattern && pattern->matches(event, names));
}

}  // namespace debugger
