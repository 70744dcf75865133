// The point of no return of a violation: found by bisection over forked worlds. One world is held
// at the last event at which healing is known to help; children of it run on to a later event,
// heal every fault there and go on to the end.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "scenarios/language/scenario.hpp"
#include "scenarios/shrink/judge.hpp"
#include "sim/kernel/time.hpp"

namespace scenarios {

struct CriticalInstant {
  enum class Kind {
    Unknown,     ///< not looked for, or the world could not be held
    Inevitable,  ///< violated even with all faults healed at the very first event
    Found,
  };
  Kind kind = Kind::Unknown;
  sim::Time last_chance{};  ///< Found: healing everything at this instant still helps
  sim::Time too_late{};     ///< Found: at this one, an event later, it does not
  /// Found: the events around, as text lines; `chance` counts those up to the last chance.
  std::vector<std::string> around;
  std::size_t chance = 0;
};

/// `violation` is what a run of the scenario was judged to violate. When healing helps at some
/// events after such where it does not, one of the boundaries is found.
CriticalInstant find_critical_instant(const Scenario& scenario, const PlantSet& plants,
                                      const Violation& violation, std::chrono::milliseconds limit);

}  // namespace scenarios
