// Draws the values under a scenario's `vary`. Each is keyed by its path, so that one more line
// there changes no other value.
#pragma once

#include <cstdint>
#include <memory>

#include "scenarios/language/scenario.hpp"
#include "sim/kernel/random.hpp"

namespace scenarios {

/// Even over the logarithm, both ends included, in integers alone.
std::uint64_t log_uniform(sim::Draw& draw, std::uint64_t low, std::uint64_t high);

class VariedValues {
 public:
  /// `base` must outlive this.
  explicit VariedValues(const Scenario& base) : base_(base) {}

  /// The scenario with values drawn and nothing left to vary.
  Scenario draw(const sim::Random& random) const;

 private:
  const Scenario& base_;
};

}  // namespace scenarios
