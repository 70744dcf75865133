// Inside of pattern.hpp: a pattern's parts as matchers, and what its five kinds share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkers/expression.hpp"
#include "checkers/pattern.hpp"
#include "checkers/property.hpp"
#include "traces/owned_event.hpp"
#include "traces/text.hpp"

namespace checkers {

/// `migration.finished (outcome == aborted)`
std::string pattern_text(const EventPattern& pattern);

enum class Match : std::uint8_t { No, Yes, Unclear };

class PatternChecker;

class Matcher {
 public:
  Matcher(PatternChecker& owner, const EventPattern& pattern, const ExpressionScope& scope);

  /// The right event, about the right VM; the condition is not looked at.
  bool is_type(const traces::Event& event) const;
  /// Unclear when arithmetic failed: the owner has noted that nothing can be said.
  Match match(const traces::Event& event) const;
  const traces::EventInfo& info() const { return info_; }

 private:
  PatternChecker& owner_;
  const traces::EventInfo& info_;
  std::string where_;
  std::optional<Expression> condition_;
};

/// Which events an expression in a part may name: the parts before it that have a name.
class PatternChecker : public Property {
 public:
  PatternChecker(const Pattern& pattern, std::uint32_t vm);

  traces::EventSet events() const override { return wanted_; }
  void on_event(const traces::Event& event) final;

 protected:
  // Parts by number: the listed events, then `after`, then `until`.
  static constexpr std::size_t kFirst = 0;
  static constexpr std::size_t kAfter = 1000;
  static constexpr std::size_t kUntil = 1001;

  virtual void look(const traces::Event& event) = 0;

  const Pattern& pattern() const { return pattern_; }
  std::size_t parts() const { return pattern_.events.size(); }
  bool has(std::size_t which) const;
  const Matcher& part(std::size_t which) const;

  /// The event is what the part's name means from now on.
  void remember(std::size_t which, const traces::Event& event);
  /// The same without a copy; nullptr: nothing is.
  void lend(std::size_t which, const traces::Event* event) { captures_[slot(which)] = event; }
  void forget();
  /// `migration.round on alpha (job=3 ...)`: of the event that decides, whose time and number
  /// stand beside it.
  std::string describe(const traces::Event& event) const;
  /// The same of an earlier event, with time and number.
  std::string recall(const traces::Event& event) const;
  std::string capture_text(std::size_t which) const;

 private:
  friend class Matcher;
  std::size_t slot(std::size_t which) const;
  bool needs_detail() const override { return detail_; }

  Pattern pattern_;
  std::uint32_t vm_;
  traces::EventSet wanted_;
  bool detail_ = false;
  traces::NodeNames names_;
  std::vector<const traces::Event*> captures_;    ///< by slot
  std::vector<traces::OwnedEvent> kept_;          ///< by slot
  std::vector<std::optional<Matcher>> matchers_;  ///< by slot
};

/// Calls `each(part, index, event pattern, scope)` in the order in which parts happen. A part's
/// scope has a capture for every slot that comes before it, under its name.
struct PartPlace {
  PatternMistake::Part part = PatternMistake::Part::Events;
  std::size_t index = 0;
  std::size_t slot = 0;
};
template <class Each>
void for_each_part(const Pattern& pattern, Each each) {
  const std::size_t count = pattern.events.size();
  ExpressionScope scope;
  // A capture's number is its slot; a part that cannot be named has a name nobody can write.
  scope.captures.assign(count + 2, {"", nullptr});
  const auto visit = [&](PartPlace place, const EventPattern& part) {
    scope.subject = traces::find_event(part.event);
    each(place, part, scope);
    if (!part.as.empty()) scope.captures[place.slot] = {part.as, scope.subject};
  };
  if (pattern.after) visit({PatternMistake::Part::After, 0, count}, *pattern.after);
  for (std::size_t i = 0; i < count; ++i) {
    visit({PatternMistake::Part::Events, i, i}, pattern.events[i]);
  }
  if (pattern.until) visit({PatternMistake::Part::Until, 0, count + 1}, *pattern.until);
}

}  // namespace checkers
