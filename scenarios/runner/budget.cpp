#include "scenarios/runner/budget.hpp"

#include <algorithm>

namespace scenarios {

faults::Budget budget_of(const Scenario& scenario) {
  faults::Budget budget;
  if (!scenario.budget) return budget;
  const BudgetSpec& spec = *scenario.budget;
  budget.faults = spec.faults;
  budget.hosts_down = spec.hosts_down;
  for (const auto kind : {faults::Class::Network, faults::Class::Storage, faults::Class::Host,
                          faults::Class::Guest, faults::Class::Operator}) {
    const bool named =
        std::find(spec.of.begin(), spec.of.end(), faults::name_of(kind)) != spec.of.end();
    if (named) budget.of.push_back(kind);
  }
  budget.without = spec.without;
  budget.with = spec.with;
  budget.from = spec.from;
  budget.until = spec.until;
  return budget;
}

}  // namespace scenarios
