// From a scenario with `vary` and `budget` to one concrete run of it: values drawn, faults planned,
// buggify points chosen. A function of (scenario, name of the run), whatever ran before.
#pragma once

#include <memory>

#include "scenarios/explore/run_name.hpp"
#include "scenarios/language/scenario.hpp"

namespace scenarios {

class Variations {
 public:
  /// `base` must outlive this.
  explicit Variations(const Scenario& base);
  ~Variations();

  /// The concrete scenario: its seed is the run's, its faults and values are written out, `vary`
  /// is empty, and it can be written to a file that does the same. Its text stays the base's, so
  /// that runs which differ in what comes late have equal hashes until then.
  Scenario concrete(const RunName& name) const;

  /// True when runs differ by more than their random choices: then mutants are worth a try.
  bool varies() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace scenarios
