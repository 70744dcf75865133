// A run's result for people, programs and CI: text, JSON, JUnit. And the exit codes (design §5).
#pragma once

#include <string>
#include <vector>

#include "scenarios/runner/run.hpp"

namespace cli {

enum ExitCode : int {
  kAllHold = 0,
  kViolated = 1,
  kWrongInput = 2,
  kDiverged = 3,
  kUndecided = 4,
  kDefect = 70,
};

enum class Format { Text, Json, Junit };

/// One figure of a run beside the one that a baseline has of it.
struct Compared {
  enum class State {
    Within,  ///< no worse, or by no more than the tolerance
    Better,  ///< by more than the tolerance: worth recording again
    Worse,
    Gone,  ///< recorded, and not measured in this run
    New,   ///< measured, and not recorded
  };
  State state = State::Within;
  std::string figure;     ///< "MI-5 downtime"
  std::string measured;   ///< with its unit, like those below; empty when Gone
  std::string recorded;   ///< empty when New
  std::string limit;      ///< the worst that is allowed
  std::string tolerance;  ///< as it was written
};

/// One run of one scenario with what was made of it.
struct Report {
  std::string file;
  std::string scenario;
  std::uint64_t seed = 0;
  std::string hash;
  std::uint64_t events = 0;
  traces::Time end{};
  std::optional<traces::Time> jobs_done;  ///< when the last management job ended
  std::vector<checkers::Finding> findings;
  std::vector<scenarios::Move> moves;  ///< what each migration cost
  bool repeatable = true;              ///< --twice: both runs had one hash
  std::string reproduce;               ///< the command that shows this again
  std::string baseline;                ///< the file that the figures were held against, or empty
  std::vector<Compared> compared;
};

Report make_report(const scenarios::Scenario& scenario, const scenarios::RunOptions& options,
                   const scenarios::Outcome& outcome);
int exit_code(const Report& report);
/// The worst of several.
int exit_code(const std::vector<Report>& reports);

/// One line per property: verdict, name, statement, measured value, bound.
std::string text_of(const Report& report);
std::string findings_text(const std::vector<checkers::Finding>& findings);
std::string json_of(const std::vector<Report>& reports);
std::string junit_of(const std::vector<Report>& reports);

/// A word as a shell takes it.
std::string quoted_word(const std::string& word);
/// The command line that runs this scenario again with the same seed, changes and plants.
std::string command_of(const scenarios::Scenario& scenario, const scenarios::RunOptions& options);

}  // namespace cli
