// Runs a scenario and judges it: checkers and expectations on the run, and on its twin.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "checkers/checker.hpp"
#include "scenarios/language/parser.hpp"
#include "scenarios/language/scenario.hpp"
#include "scenarios/runner/moves.hpp"
#include "traces/compare.hpp"
#include "traces/file.hpp"

namespace scenarios {

class Simulation;

struct RunOptions {
  std::uint64_t seed = 1;
  std::vector<Override> overrides;  ///< already applied; recorded in the trace's header
  std::set<std::string, std::less<>> plants;
  bool detail = true;
  bool twice = false;                     ///< run again and judge MG-3 too
  bool twin = true;                       ///< judge twin-equal, where it is expected
  bool moves = false;                     ///< tell what each migration cost
  std::ostream* story = nullptr;          ///< nullptr: no story
  std::string trace;                      ///< path, empty: none
  traces::TraceReader* replay = nullptr;  ///< compare with this trace while running
  /// Called with the world before it runs, to attach observers; not for a twin or a second run.
  std::function<void(Simulation&)> prepare;
  /// Called with the same world once it has ended.
  std::function<void(Simulation&)> ended;
};

/// One run, judged.
/// The property that every fault of the scenario struck.
inline constexpr const char* kFaultsStruck = "faults-struck";

struct Outcome {
  traces::Digest hash;
  std::uint64_t events = 0;
  traces::Time end{};
  std::optional<traces::Time> jobs_done;  ///< when the last management job ended
  std::vector<checkers::Finding> findings;
  std::vector<Move> moves;       ///< with `moves`
  std::set<std::size_t> struck;  ///< faults of the scenario that struck, by their place in it
  std::optional<traces::Difference> difference;  ///< with `replay`: the first one
  std::uint64_t compared = 0;                    ///< with `replay`: equal events
  bool repeatable = true;                        ///< with `twice`: both runs had the same events

  checkers::Verdict verdict() const;  ///< Violated before Unknown before Holds
};

Outcome run_scenario(const Scenario& scenario, const RunOptions& options);

/// What a trace's header says about the run that made it.
traces::TraceHeader header_of(const Scenario& scenario, const RunOptions& options);
/// And back: the scenario and the options. Throws UserError when this build cannot run it.
struct Recorded {
  Scenario scenario;
  RunOptions options;
};
Recorded recorded_run(const traces::TraceHeader& header);

/// Judges a stored trace as its run was judged: every checker and expectation over its events, and
/// twin-equal, where it is expected, against a twin that is run for it.
std::vector<checkers::Finding> check_trace(traces::TraceReader& trace);

/// The expectations of a scenario as checkers, twin-equal left out.
std::vector<std::unique_ptr<checkers::Checker>> expectation_checkers(const Scenario& scenario);
bool expects_twin(const Scenario& scenario);

/// All planted bugs of all libraries: name, what, checker.
struct Plant {
  std::string name, what, checker;
};
const std::vector<Plant>& all_plants();

}  // namespace scenarios
