#include "sim/kernel/decision.hpp"

namespace sim {

std::optional<Decision> decision_of(const traces::Event& event) {
  if (const auto* taken = event.as<traces::ev::DecisionTaken>()) {
    return Decision{std::string(taken->stream), {taken->a, taken->b, taken->c, taken->d}};
  }
  if (const auto* fired = event.as<traces::ev::BuggifyFired>()) {
    return Decision{std::string(fired->point), {fired->a, fired->b, fired->c, fired->d}};
  }
  return std::nullopt;
}

}  // namespace sim
