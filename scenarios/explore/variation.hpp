// From a scenario with `vary` and `budget` to one concrete run of it: values drawn, faults planned,
// buggify points chosen. A function of (scenario, name of the run), whatever ran before.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/language/scenario.hpp"

namespace scenarios {

/// Names one explored run: a seed, then which mutant of it, and of that: 17, 17.3, 17.3.1.
struct RunName {
  std::uint64_t seed = 0;
  std::vector<std::uint32_t> mutants;
  friend auto operator<=>(const RunName&, const RunName&) = default;
};
std::string to_text(const RunName& name);
std::optional<RunName> parse_run_name(std::string_view text);

class Variations {
 public:
  /// `base` must outlive this.
  explicit Variations(const Scenario& base);
  ~Variations();

  /// The concrete scenario: its seed is the run's, its faults and values are written out, `vary` is
  /// empty, and it can be written to a file that does the same.
  Scenario concrete(const RunName& name) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace scenarios
