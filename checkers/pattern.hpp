// The user's own properties: patterns over events, as a scenario's `expect` says them.
//
//   never       no event matches
//   always      every event of this type satisfies its condition
//   eventually  after each start (or once in the run) there is one, in time
//   at-most     so many from one event up to the next of another (or in the whole run)
//   ordered     the events happen in this order: none before the one that is listed before it
//
// An event that has a name (`as: start`) can be referred to by what is listed after it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkers/checker.hpp"
#include "traces/time.hpp"

namespace checkers {

/// Which events are meant.
struct EventPattern {
  std::string event;  ///< name in the schema
  std::string where;  ///< condition (expression.hpp); empty: all
  std::string as;     ///< its name in later conditions; may be empty
  friend bool operator==(const EventPattern&, const EventPattern&) = default;
};

struct Pattern {
  enum class Kind : std::uint8_t { Never, Always, Eventually, AtMost, Ordered };
  Kind kind = Kind::Never;
  std::string name;                        ///< in reports; empty: made from the pattern
  std::vector<EventPattern> events;        ///< one, except Ordered
  std::optional<EventPattern> after;       ///< where it begins to hold; AtMost: `between`
  std::optional<EventPattern> until;       ///< AtMost: `and`
  std::optional<traces::Duration> within;  ///< Eventually, and Never with `after`
  std::uint64_t most = 0;                  ///< AtMost
  friend bool operator==(const Pattern&, const Pattern&) = default;
};

/// What is wrong with a pattern.
struct PatternMistake {
  enum class Part : std::uint8_t { Events, After, Until };
  Part part = Part::Events;
  std::size_t index = 0;  ///< Events: which
  bool in_where = false;  ///< otherwise the event's name
  std::size_t offset = 0;
  std::string text;
  std::string word;
  std::vector<std::string> known;  ///< what `word` might have been
};
std::optional<PatternMistake> find_mistake(const Pattern& pattern);

/// `never migration.finished`: kind and events.
std::string default_name(const Pattern& pattern);

/// True when what it asks for has to happen at some time, so that trouble may prevent it.
bool is_liveness(const Pattern& pattern);

/// `vm`: only events about this VM; 0: all. The pattern has no mistake.
std::unique_ptr<Checker> make_pattern(const Pattern& pattern, std::uint32_t vm = 0);

}  // namespace checkers
