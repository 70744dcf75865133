#include "checkers/pattern_parts.hpp"

#include <algorithm>
#include <utility>

#include "traces/assert.hpp"

namespace checkers {

namespace {

const char* name_of(Pattern::Kind kind) {
  switch (kind) {
    case Pattern::Kind::Never:
      return "never ";
    case Pattern::Kind::Always:
      return "always ";
    case Pattern::Kind::Eventually:
      return "eventually ";
    case Pattern::Kind::AtMost:
      return "at-most ";
    case Pattern::Kind::Ordered:
      return "ordered ";
  }
  return "";
}

std::string statement_of(const Pattern& pattern) {
  std::string text = name_of(pattern.kind);
  if (pattern.kind == Pattern::Kind::AtMost) text += std::to_string(pattern.most) + " of ";
  for (std::size_t i = 0; i < pattern.events.size(); ++i) {
    text += (i == 0 ? "" : ", ") + pattern_text(pattern.events[i]);
  }
  const bool counts = pattern.kind == Pattern::Kind::AtMost;
  if (pattern.within) text += " within " + traces::to_text(*pattern.within);
  if (pattern.after) text += (counts ? " between " : " after ") + pattern_text(*pattern.after);
  if (pattern.until) text += " and " + pattern_text(*pattern.until);
  return text;
}

}  // namespace

std::string default_name(const Pattern& pattern) {
  std::string text = name_of(pattern.kind);
  if (pattern.kind == Pattern::Kind::AtMost) text += std::to_string(pattern.most) + " of ";
  for (std::size_t i = 0; i < pattern.events.size(); ++i) {
    text += (i == 0 ? "" : ", ") + pattern.events[i].event;
  }
  return text;
}

std::string pattern_text(const EventPattern& pattern) {
  return pattern.event + (pattern.where.empty() ? "" : " (" + pattern.where + ")");
}

Matcher::Matcher(PatternChecker& owner, const EventPattern& pattern, const ExpressionScope& scope)
    : owner_(owner), info_(*scope.subject), where_(pattern.where) {
  if (!where_.empty()) condition_.emplace(where_, scope);
}

bool Matcher::is_type(const traces::Event& event) const {
  if (event.type != info_.type) return false;
  if (owner_.vm_ == 0) return true;
  const auto vm = traces::field(event, "vm");
  return !vm || vm->number == owner_.vm_;
}

Match Matcher::match(const traces::Event& event) const {
  if (!is_type(event)) return Match::No;
  if (!condition_) return Match::Yes;
  std::string why;
  switch (condition_->test({event, owner_.names_, owner_.captures_}, why)) {
    case Expression::Result::True:
      return Match::Yes;
    case Expression::Result::Failed:
      owner_.lack("`" + where_ + "` meets " + why + " at " + owner_.recall(event));
      return Match::Unclear;
    default:
      return Match::No;
  }
}

PatternChecker::PatternChecker(const Pattern& pattern, std::uint32_t vm)
    : Property(pattern.name.empty() ? default_name(pattern) : pattern.name, statement_of(pattern),
               {}),
      pattern_(pattern),
      vm_(vm) {
  const std::size_t slots = pattern_.events.size() + 2;
  captures_.assign(slots, nullptr);
  kept_.resize(slots);
  matchers_.resize(slots);
  wanted_.set(static_cast<std::size_t>(traces::ev::NodeAdded::kType));
  for_each_part(pattern_, [this](const PartPlace& place, const EventPattern& part,
                                 const ExpressionScope& scope) {
    matchers_[place.slot].emplace(*this, part, scope);
    wanted_.set(static_cast<std::size_t>(scope.subject->type));
    detail_ = detail_ || scope.subject->level != 0;
  });
}

void PatternChecker::on_event(const traces::Event& event) {
  names_.learn(event);
  if (!violated()) look(event);
}

std::size_t PatternChecker::slot(std::size_t which) const {
  if (which < kAfter) return which;
  return pattern_.events.size() + (which == kAfter ? 0 : 1);
}

bool PatternChecker::has(std::size_t which) const { return matchers_[slot(which)].has_value(); }

const Matcher& PatternChecker::part(std::size_t which) const { return *matchers_[slot(which)]; }

void PatternChecker::remember(std::size_t which, const traces::Event& event) {
  kept_[slot(which)].assign(event);
  captures_[slot(which)] = &kept_[slot(which)].event();
}

void PatternChecker::forget() { std::fill(captures_.begin(), captures_.end(), nullptr); }

std::string PatternChecker::describe(const traces::Event& event) const {
  const traces::EventInfo& info = traces::info(event.type);
  std::string text = std::string(info.name) + " on " + names_.of(event.node) + " (";
  bool first = true;
  for (const traces::FieldInfo& field : info.fields) {
    text += (first ? "" : " ") + std::string(field.name) + "=" +
            traces::to_text(traces::field(event, field));
    first = false;
  }
  return text + ")";
}

std::string PatternChecker::recall(const traces::Event& event) const {
  return describe(event) + ", event " + std::to_string(event.index) + " at " +
         traces::to_text(event.time);
}

std::string PatternChecker::capture_text(std::size_t which) const {
  const traces::Event* event = captures_[slot(which)];
  HVSIM_ASSERT(event != nullptr, "what happened before is remembered");
  return recall(*event);
}

std::optional<PatternMistake> find_mistake(const Pattern& pattern) {
  PatternMistake mistake;
  try {
    for_each_part(pattern, [&mistake](const PartPlace& place, const EventPattern& part,
                                      const ExpressionScope& scope) {
      mistake.part = place.part;
      mistake.index = place.index;
      mistake.in_where = false;
      if (scope.subject == nullptr) {
        std::vector<std::string> known;
        for (const auto& one : traces::all_events()) known.emplace_back(one.name);
        throw ExpressionMistake{0, "there is no event `" + part.event + "`", part.event, known};
      }
      mistake.in_where = true;
      if (!part.where.empty()) Expression(part.where, scope);
    });
    return std::nullopt;
  } catch (const ExpressionMistake& found) {
    mistake.offset = found.offset;
    mistake.text = found.text;
    mistake.word = found.word;
    mistake.known = found.known;
    return mistake;
  }
}

}  // namespace checkers
