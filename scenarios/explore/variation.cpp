#include "scenarios/explore/variation.hpp"

#include <string>
#include <utility>
#include <vector>

#include "scenarios/explore/mutation.hpp"
#include "scenarios/explore/points.hpp"
#include "scenarios/explore/vary.hpp"
#include "scenarios/runner/budget.hpp"

namespace scenarios {

struct Variations::Impl {
  explicit Impl(const Scenario& scenario) : base(scenario), vary(scenario) {}

  const Scenario& base;
  VariedValues vary;
};

namespace {

/// Most points stay off, so that each has runs in which it is the only trouble (swarm).
void invite_trouble(Scenario& scenario, const sim::Random& random) {
  for (const std::string& point : buggify_points()) {
    sim::Draw draw = random.draw("explore.buggify." + point);
    if (draw.below(4) != 0) continue;
    BuggifySpec spec;
    spec.point = point;
    // From 0.1 % to 30 %, even over the logarithm.
    spec.chance = sim::Chance::per_million(log_uniform(draw, 1'000, 300'000));
    scenario.buggify.push_back(std::move(spec));
  }
}

}  // namespace

Variations::Variations(const Scenario& base) : impl_(std::make_unique<Impl>(base)) {}

Variations::~Variations() = default;

bool Variations::varies() const {
  return impl_->base.budget.has_value() || !impl_->base.vary.empty();
}

Scenario Variations::concrete(const RunName& name) const {
  const sim::Random random(name.seed);
  Scenario scenario = impl_->vary.draw(random);
  scenario.seed = name.seed;
  const std::size_t written = scenario.faults.size();
  // What happens when is the budget's business: without one, a run differs by its values alone.
  if (scenario.budget && scenario.budget->faults != 0) {
    set_planned_faults(scenario, written,
                       faults::plan(random, stage_of(scenario), budget_of(scenario)));
    if (scenario.buggify.empty()) invite_trouble(scenario, random);
  }
  for (std::size_t depth = 0; depth < name.mutants.size(); ++depth) {
    mutate(scenario, written, random, name.mutants[depth]);
  }
  return scenario;
}

}  // namespace scenarios
