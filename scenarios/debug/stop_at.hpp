// Where a run is to stop, as a person says it: an event by number, an instant, the first event that
// matches a pattern, or a violation.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkers/expression.hpp"
#include "traces/record.hpp"
#include "traces/reflection.hpp"
#include "traces/text.hpp"

namespace debugger {

/// Events of one name or area whose fields are as stated: `migration.phase phase=commit`,
/// `ring took>1ms`, `* node=alpha`. All conditions must hold. Or one event with an expression of
/// the user's properties: `migration.round where pages > 2 * remaining and not final`.
class EventPattern {
 public:
  /// Throws scenarios::UserError with what is wrong and what would be right.
  static EventPattern parse(std::string_view text);

  bool matches(const traces::Event& event, const traces::NodeNames& names) const;
  const std::string& text() const { return text_; }

 private:
  enum class Test { Equal, Unequal, Less, LessEqual, Greater, GreaterEqual };
  struct Condition {
    std::string field;
    Test test = Test::Equal;
    std::string value;
  };
  void add_condition(std::string_view word);
  void check_field(const Condition& condition) const;
  static bool holds(const Condition& condition, const traces::FieldValue& value);

  static EventPattern parse_where(const std::string& name, const std::string& expression);

  std::string text_;
  traces::EventSet types_;
  std::vector<Condition> conditions_;
  std::shared_ptr<const checkers::Expression> where_;  ///< may be null; shared by copies
};

struct StopAt {
  std::optional<std::uint64_t> index;  ///< number of an event, as `hvsim trace show` counts
  std::optional<traces::Time> time;    ///< the first event at or after this instant
  std::optional<EventPattern> pattern;

  /// `1234` or `#1234`; `500ms`; or a pattern. Throws scenarios::UserError.
  static StopAt parse(std::string_view text);
  bool matches(const traces::Event& event, const traces::NodeNames& names) const;
};

}  // namespace debugger
