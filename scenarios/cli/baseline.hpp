// A baseline: the figures of earlier runs, in a file, and what later runs are held against. A
// figure fails when it is worse than the recorded one by more than a tolerance; less is better for
// every figure. The file is JSON, sorted, with a figure a line, so that a change of one is a line
// in a review.
//
//   {"hvsim-baseline": 1, "tolerance": "5%",
//    "runs": [{"scenario": "quickstart", "seed": 1, "set": [],
//              "figures": {"MI-5 pages sent": 17103,
//                          "virtual time": {"value": "1200ms", "tolerance": "10ms"}}}]}
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkers/checker.hpp"
#include "scenarios/cli/report.hpp"

namespace cli {

/// How much worse a figure may be: a part of the recorded one, or so much.
struct Tolerance {
  std::uint64_t parts = 0;               ///< of kWhole; 5 % are kWhole / 20
  std::optional<std::int64_t> absolute;  ///< in the figure's unit; then `parts` does not count
  std::string text = "0%";               ///< as it was written
  static constexpr std::uint64_t kWhole = 100'000'000'000;
};

/// "5%", as --tolerance takes it. Throws UserError.
Tolerance parse_tolerance(const std::string& option, const std::string& text);

struct Recorded {
  checkers::Figure::Unit unit = checkers::Figure::Unit::Count;
  std::int64_t value = 0;
  std::optional<Tolerance> tolerance;  ///< of this figure alone
};

/// Which run figures are of: the scenario by its name, so that the file may move.
struct RunKey {
  std::string scenario;
  std::uint64_t seed = 0;
  std::vector<std::string> set;  ///< key=value, as --set had them
  friend auto operator<=>(const RunKey&, const RunKey&) = default;
};

class Baseline {
 public:
  /// Throws UserError with the line where the file is damaged.
  static Baseline read(const std::string& path);

  /// What can grow worse in a run, by name: the properties' figures and the virtual time.
  static std::map<std::string, checkers::Figure> figures_of(const Report& report);

  /// Throws UserError when nothing is recorded of this run.
  void require(const RunKey& key) const { find(key); }
  /// Holds a run against what is recorded of it. `tolerance`: instead of the file's own, except
  /// where a figure has one. Throws UserError when nothing is recorded of this run.
  std::vector<Compared> compare(const RunKey& key, const Report& report,
                                const std::optional<Tolerance>& tolerance) const;

  /// Puts a run's figures in the place of what was there; figures keep their tolerances.
  void record(const RunKey& key, const Report& report);
  void set_tolerance(Tolerance tolerance) { tolerance_ = std::move(tolerance); }
  std::string to_json() const;

 private:
  const std::map<std::string, Recorded>& find(const RunKey& key) const;

  std::string path_;
  Tolerance tolerance_{Tolerance::kWhole / 20, {}, "5%"};
  std::map<RunKey, std::map<std::string, Recorded>> runs_;
};

}  // namespace cli
