// A checker decides one property of a run. It is a function of the event stream alone (law 4), so
// the same code judges a live run and a stored trace. Three verdicts: a checker that lacks its
// detail says Unknown, which is never a pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "traces/record.hpp"

namespace checkers {

enum class Verdict : std::uint8_t { Holds, Violated, Unknown };

/// A number of one run of which less is better: what a baseline holds later runs against.
struct Figure {
  enum class Unit : std::uint8_t { Count, Nanoseconds };
  std::string name;  ///< "downtime"; of one property no two alike
  Unit unit = Unit::Count;
  std::int64_t value = 0;  ///< never negative
};

struct Finding {
  std::string property;   ///< "MI-5", or the name of an expectation
  std::string statement;  ///< what must hold, in one line
  Verdict verdict = Verdict::Unknown;
  std::string measured;     ///< figure of this run, with its unit
  std::string bound;        ///< what it is held against; empty when there is no figure
  std::string explanation;  ///< Violated: what happened. Unknown: what is missing
  std::uint64_t event = 0;  ///< Violated: index of the event that decided
  traces::Time time{};
  std::vector<Figure> figures;  ///< those of `measured` that may grow worse
};

class Checker : public traces::Observer {
 public:
  /// Event types that it needs.
  virtual traces::EventSet events() const = 0;
  /// Called once, after the last event. `detail`: level 1 events were recorded.
  virtual Finding conclude(traces::Time end, bool detail) = 0;
  /// True as soon as a violation is certain, for stopping early.
  virtual bool violated() const = 0;
};

/// What exists, for `hvsim list checkers`.
struct CheckerInfo {
  const char* id;         ///< "MI-5": number in the specification's section I
  const char* statement;  ///< what must hold
};
const std::vector<CheckerInfo>& catalogue();

/// All checkers of the catalogue, in its order.
std::vector<std::unique_ptr<Checker>> all_checkers();

/// Expectations of a scenario: properties with a bound of the user's.
struct Expectation {
  std::string name;        ///< one of expectations()
  std::uint32_t vm = 0;    ///< VM number, 0 for all
  std::string host;        ///< ExpectedValue::Host
  std::int64_t bound = 0;  ///< nanoseconds or a count, by kind
};
enum class ExpectedValue : std::uint8_t { Count, Duration, Host, True };
struct ExpectationInfo {
  const char* name;
  ExpectedValue value;
  const char* statement;
  /// It says that something comes about in the end. Trouble beyond what a scenario allows for may
  /// prevent that; what must never happen, it may not excuse.
  bool liveness = false;
};
const std::vector<ExpectationInfo>& expectations();
/// nullptr when there is no expectation of that name.
std::unique_ptr<Checker> make_expectation(const Expectation& expectation);

/// The twin check compares two runs: the one with migrations and the one where the VM was held in
/// place for the same intervals (design §4). Feed each run's events to its side.
class TwinCheck {
 public:
  TwinCheck();
  ~TwinCheck();
  traces::Observer& original();
  traces::Observer& twin();
  static traces::EventSet events();
  Finding conclude() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// MG-3 compares two runs of one scenario in one process and names the first event of level 0 that
/// is not the same. Of the first run it keeps 8 bytes per event. The first run comes first.
class DeterminismCheck {
 public:
  DeterminismCheck();
  ~DeterminismCheck();
  traces::Observer& first();
  traces::Observer& second();
  static traces::EventSet events();
  Finding conclude() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The intervals that a twin must hold each VM for, read off the original run: from the suspension
/// for a migration to the resume, wherever it happened. A VM that never resumed has no end.
struct Hold {
  std::uint64_t job = 0;
  std::uint32_t vm = 0;
  traces::Time from{};
  traces::Time to{};  ///< kNever: it never ran again
};
class HoldCollector final : public traces::Observer {
 public:
  static traces::EventSet events();
  void on_event(const traces::Event& event) override;
  const std::vector<Hold>& holds() const { return holds_; }

 private:
  void end(std::uint32_t vm, traces::Time at);

  std::vector<Hold> holds_;
  std::map<std::uint32_t, std::size_t> open_;  // by VM: the hold that has no end yet
};

}  // namespace checkers
