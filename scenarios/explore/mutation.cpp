#include "scenarios/explore/mutation.hpp"

#include <algorithm>
#include <utility>

#include "scenarios/explore/points.hpp"
#include "scenarios/explore/run_name.hpp"
#include "scenarios/runner/budget.hpp"
#include "traces/reflection.hpp"

namespace scenarios {

namespace {

/// How often a variant is drawn until it is tied to the event that it is wanted for.
constexpr std::uint64_t kTries = 32;

void add_moments(std::vector<faults::Moment>& moments, const char* event, const char* field,
                 const std::vector<HostSpec>& hosts) {
  for (const traces::EnumValueInfo& value :
       traces::find_event(event)->find(field)->enumeration->values) {
    const std::pair<std::string, std::string> wanted{field, std::string(value.name)};
    moments.push_back({event, {wanted}});
    // At either end, not only where it comes first.
    for (const HostSpec& host : hosts) moments.push_back({event, {wanted, {"node", host.name}}});
  }
}

bool moves(const Scenario& scenario) {
  return std::any_of(scenario.timeline.begin(), scenario.timeline.end(),
                     [](const Step& step) { return step.verb.rfind("move-", 0) == 0; });
}

faults::Moment at_point(const std::string& point) {
  return {"sometimes.reached", {{"point", point}}};
}

/// One more fault, tied to the moment; false when the budget has no room for one.
bool add_fault_at(Scenario& scenario, std::size_t written, const sim::Random& random,
                  const faults::Moment& moment, std::uint64_t variant) {
  const faults::Budget budget = budget_of(scenario);
  faults::Stage stage = stage_of(scenario);
  stage.moments = {moment};
  const auto plan = planned_faults(scenario, written);
  if (plan.size() >= budget.faults) return false;
  for (std::uint64_t attempt = 0; attempt < kTries; ++attempt) {
    auto changed =
        faults::replan(random, stage, budget, plan, plan.size(), variant * kTries + attempt);
    if (changed.size() == plan.size()) return false;
    if (changed.back().trigger.event != moment.event) continue;
    set_planned_faults(scenario, written, changed);
    return true;
  }
  return false;
}

void redraw_slot(Scenario& scenario, std::size_t written, const sim::Random& random,
                 sim::Draw& draw, std::uint32_t mutant) {
  const faults::Budget budget = budget_of(scenario);
  const auto plan = planned_faults(scenario, written);
  const std::uint64_t slots = std::min<std::uint64_t>(plan.size() + 1, budget.faults);
  if (slots == 0) return;
  set_planned_faults(scenario, written,
                     faults::replan(random, stage_of(scenario), budget, plan, draw.below(slots),
                                    std::uint64_t{mutant} + 1));
}

/// Near the instant is where the next interleaving is: by a factor of up to two, or by a step.
void shift_instant(Scenario& scenario, std::size_t written, sim::Draw& draw) {
  auto plan = planned_faults(scenario, written);
  if (plan.empty()) return;
  faults::Planned& fault = plan[draw.below(plan.size())];
  std::int64_t& ns = fault.trigger.at ? fault.trigger.at->ns : fault.trigger.after.ns;
  const std::int64_t reach = draw.below(2) == 0 ? ns / 2 : std::int64_t{1} << draw.below(20);
  ns = std::max<std::int64_t>(0, ns + draw.between(-reach, reach));
  if (faults::within(budget_of(scenario), plan)) set_planned_faults(scenario, written, plan);
}

}  // namespace

faults::Stage stage_of(const Scenario& scenario) {
  faults::Stage stage;
  for (const HostSpec& host : scenario.hosts) stage.hosts.push_back(host.name);
  for (const NetworkSpec& network : scenario.networks) {
    stage.networks.push_back({network.name, network.hosts});
  }
  for (const StorageSpec& storage : scenario.storage) stage.storage.push_back(storage.name);
  for (const VmSpec& vm : scenario.vms) stage.vms.push_back(vm.name);
  if (moves(scenario)) {
    add_moments(stage.moments, "migration.phase", "phase", scenario.hosts);
    add_moments(stage.moments, "migration.commit", "step", {});
    stage.moments.push_back({"migration.round", {{"final", "true"}}});
  }
  return stage;
}

std::vector<faults::Planned> planned_faults(const Scenario& scenario, std::size_t written) {
  std::vector<faults::Planned> plan;
  for (std::size_t i = written; i < scenario.faults.size(); ++i) plan.push_back(scenario.faults[i]);
  return plan;
}

void set_planned_faults(Scenario& scenario, std::size_t written,
                        const std::vector<faults::Planned>& plan) {
  scenario.faults.resize(written);
  for (const faults::Planned& planned : plan) {
    FaultSpec fault;
    static_cast<faults::Planned&>(fault) = planned;
    scenario.faults.push_back(std::move(fault));
  }
}

void mutate(Scenario& scenario, std::size_t written, const sim::Random& random,
            std::uint32_t mutant) {
  if (const auto fork = fork_of(mutant)) {
    add_fault_at(scenario, written, random, at_point(fork->point), mutant);
    return;
  }
  sim::Draw draw = random.draw("mutant", mutant);
  enum : std::uint64_t { kSlot, kInstant, kPoint, kSeed, kKinds };
  switch (draw.below(kKinds)) {
    case kSlot:
      redraw_slot(scenario, written, random, draw, mutant);
      break;
    case kInstant:
      shift_instant(scenario, written, draw);
      break;
    case kPoint: {
      const auto& points = sometimes_points();
      if (points.empty()) break;
      add_fault_at(scenario, written, random, at_point(points[draw.below(points.size())]), mutant);
      break;
    }
    case kSeed:
      // The same plan, other random choices. A scenario's seed has at most 18 digits.
      scenario.seed = draw.below(1'000'000'000'000'000'000);
      break;
    default:
      break;
  }
}

}  // namespace scenarios
