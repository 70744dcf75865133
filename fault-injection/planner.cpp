#include "fault-injection/planner.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <utility>

namespace faults {

namespace {

/// What lasts is drawn no shorter than this, if there is time for it.
constexpr sim::Duration kShortest{1'000'000};
/// How often a redrawn slot is tried before the plan is left as it was.
constexpr std::uint64_t kTries = 16;
constexpr std::array kClasses{Class::Network, Class::Storage, Class::Host, Class::Guest,
                              Class::Operator};

struct Window {
  sim::Time from{};
  sim::Time until{};
  sim::Duration length() const { return until - from; }
};

/// Which entry of the plan is drawn: the same number gives the same entry.
struct Slot {
  std::uint64_t number = 0;
  std::uint64_t variant = 0;
  std::uint64_t attempt = 0;
};

template <class T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool is_role(std::string_view name) {
  const auto& all = roles();
  return std::any_of(all.begin(), all.end(),
                     [name](const Role& role) { return name == role.name; });
}

bool allowed(const Budget& budget, const Fault& fault) {
  if (!budget.of.empty() && !contains(budget.of, fault.kind)) return false;
  if (contains(budget.without, std::string(fault.name))) return false;
  if (fault.hosts_down && budget.hosts_down == 0) return false;
  return !fault.destructive || contains(budget.with, std::string(fault.name));
}

/// Even over the logarithm, in integers: first the power of two, then the place between it and the
/// next one.
std::int64_t log_uniform(sim::Draw& draw, std::int64_t low, std::int64_t high) {
  if (low >= high) return high;
  const auto bits = [](std::int64_t value) {
    return static_cast<std::int64_t>(std::bit_width(static_cast<std::uint64_t>(value)));
  };
  const std::int64_t width = draw.between(bits(low), bits(high));
  const std::int64_t first = width == 0 ? 0 : std::int64_t{1} << (width - 1);
  const std::int64_t last = width == 0 ? 0 : first + (first - 1);
  return draw.between(std::max(low, first), std::min(high, last));
}

template <class T>
const T& pick(sim::Draw& draw, const std::vector<T>& list) {
  return list[draw.below(list.size())];
}

class Planner {
 public:
  Planner(const sim::Random& random, const Stage& stage, const Budget& budget)
      : random_(random), stage_(stage), budget_(budget), enabled_(enabled()) {}

  bool possible() const { return !enabled_.empty(); }
  std::vector<Planned> draw_all();
  std::vector<Planned> draw_again(std::vector<Planned> plan, std::uint64_t slot,
                                  std::uint64_t variant) const;

 private:
  using Faults = std::vector<const Fault*>;

  Faults enabled() const;
  std::vector<std::string> targets(const Fault& fault) const;
  Planned entry(const Slot& slot, const Faults& choice, const Window& window) const;
  sim::Draw draw(const char* what, const Slot& slot) const;
  void aim(const Fault& fault, sim::Draw draw, Planned& planned) const;
  void time(const Fault& fault, const Slot& slot, const Window& window, Planned& planned) const;
  Window whole() const { return {budget_.from, budget_.until}; }

  const sim::Random& random_;
  const Stage& stage_;
  const Budget& budget_;
  Faults enabled_;
};

/// Swarm: half of the classes, and of each half of the faults. A fault's draw is keyed by its name,
/// so that a new entry in the catalogue changes nobody else's.
Planner::Faults Planner::enabled() const {
  Faults possible;
  Faults chosen;
  for (const Fault& fault : catalogue()) {
    if (!allowed(budget_, fault) || targets(fault).empty()) continue;
    possible.push_back(&fault);
    const std::string of_class = std::string("plan.class.") + name_of(fault.kind);
    const std::string of_fault = std::string("plan.fault.") + fault.name;
    if (random_.draw(of_class).below(2) != 0) continue;
    if (random_.draw(of_fault).below(2) == 0) chosen.push_back(&fault);
  }
  return chosen.empty() ? possible : chosen;
}

std::vector<std::string> Planner::targets(const Fault& fault) const {
  std::vector<std::string> names;
  const auto add_roles = [&names, &fault] {
    if (names.empty()) return;
    for (const Role& role : roles()) {
      if (role.target == fault.target) names.emplace_back(role.name);
    }
  };
  switch (fault.target) {
    case Target::Host:
      names = stage_.hosts;
      break;
    case Target::Network:
      for (const Stage::Network& network : stage_.networks) {
        const std::size_t ends = fault.pair ? 2 : 1;
        if (network.hosts.size() >= ends) names.push_back(network.name);
      }
      break;
    case Target::Storage:
      names = stage_.storage;
      break;
    case Target::Vm:
      names = stage_.vms;
      break;
  }
  add_roles();
  return names;
}

std::vector<Planned> Planner::draw_all() {
  const std::uint64_t count = random_.draw("plan.count").below(budget_.faults) + 1;
  // Either few slots may take a host down, whenever they like, or all may, one after the other.
  const std::uint64_t lanes = std::max<std::uint64_t>(budget_.hosts_down, 1);
  const auto turns = static_cast<std::int64_t>(count / lanes + (count % lanes != 0 ? 1 : 0));
  const std::int64_t part = whole().length().ns / turns;
  const bool in_turn = part > 1 && random_.draw("plan.in-turn").below(2) == 0;
  const std::uint64_t first = random_.draw("plan.first-down").below(count);
  Faults harmless;
  std::copy_if(enabled_.begin(), enabled_.end(), std::back_inserter(harmless),
               [](const Fault* fault) { return !fault->hosts_down; });

  std::vector<Planned> plan;
  for (std::uint64_t slot = 0; slot < count; ++slot) {
    Window window = whole();
    const bool downs = in_turn || (slot + count - first) % count < budget_.hosts_down;
    if (in_turn) {
      const auto turn = static_cast<std::int64_t>(slot / lanes);
      // Half-open parts: one host is up again before the next goes down.
      window = {budget_.from + sim::Duration{turn * part},
                budget_.from + sim::Duration{(turn + 1) * part - 1}};
    }
    const Faults& choice = downs ? enabled_ : harmless;
    if (choice.empty()) continue;
    Planned planned = entry(Slot{slot, 0, 0}, choice, whole());
    if (find(planned.fault)->hosts_down) planned = entry(Slot{slot, 0, 0}, choice, window);
    plan.push_back(std::move(planned));
  }
  return plan;
}

std::vector<Planned> Planner::draw_again(std::vector<Planned> plan, std::uint64_t slot,
                                         std::uint64_t variant) const {
  if (slot > plan.size() || slot >= budget_.faults) return plan;
  std::vector<Planned> changed = plan;
  if (slot == plan.size()) changed.emplace_back();
  for (std::uint64_t attempt = 1; attempt <= kTries; ++attempt) {
    changed[slot] = entry(Slot{slot, variant, attempt}, enabled_, whole());
    if (within(budget_, changed)) return changed;
  }
  return plan;
}

sim::Draw Planner::draw(const char* what, const Slot& slot) const {
  return random_.draw(what, slot.number, slot.variant, slot.attempt);
}

Planned Planner::entry(const Slot& slot, const Faults& choice, const Window& window) const {
  std::vector<Class> classes;
  for (Class kind : kClasses) {
    const auto is_of = [kind](const Fault* fault) { return fault->kind == kind; };
    if (std::any_of(choice.begin(), choice.end(), is_of)) classes.push_back(kind);
  }
  sim::Draw of_kinds = draw("plan.kind", slot);
  const Class kind = pick(of_kinds, classes);
  Faults of_kind;
  for (const Fault* fault : choice) {
    if (fault->kind == kind) of_kind.push_back(fault);
  }
  sim::Draw which = draw("plan.which", slot);
  const Fault& fault = *pick(which, of_kind);

  Planned planned;
  planned.fault = fault.name;
  aim(fault, draw("plan.target", slot), planned);
  if (fault.magnitude.unit != Amount::None) {
    sim::Draw amount = draw("plan.amount", slot);
    planned.amount = log_uniform(amount, fault.magnitude.low, fault.magnitude.high);
  }
  time(fault, slot, window, planned);
  return planned;
}

void Planner::aim(const Fault& fault, sim::Draw draw, Planned& planned) const {
  const std::vector<std::string> names = targets(fault);
  planned.target = pick(draw, names);
  if (!fault.one_way && !fault.pair) return;
  for (const Stage::Network& network : stage_.networks) {
    if (network.name != planned.target) continue;
    if (!fault.pair && draw.below(2) == 0) return;
    const std::uint64_t from = draw.below(network.hosts.size());
    planned.from = network.hosts[from];
    if (!fault.pair) return;
    const std::uint64_t step = 1 + draw.below(network.hosts.size() - 1);
    planned.to = network.hosts[(from + step) % network.hosts.size()];
  }
}

void Planner::time(const Fault& fault, const Slot& slot, const Window& window,
                   Planned& planned) const {
  sim::Draw draw = this->draw("plan.time", slot);
  sim::Duration lasts{};
  if (fault.reversible) {
    lasts = sim::Duration{
        log_uniform(draw, std::min(kShortest, window.length()).ns, window.length().ns)};
    planned.lasts = lasts;
  }
  const sim::Time latest = window.until - lasts;
  if (stage_.moments.empty() || draw.below(2) == 0) {
    planned.trigger.at = sim::Time{draw.between(window.from.ns, latest.ns)};
    return;
  }
  const Moment& moment = pick(draw, stage_.moments);
  planned.trigger.event = moment.event;
  planned.trigger.fields = moment.fields;
  planned.trigger.earliest = window.from;
  planned.trigger.latest = latest;
  const sim::Duration room = latest - window.from;
  // Right at the event now and then: that is where protocols change their state.
  if (draw.below(4) == 0 || room.ns == 0) return;
  planned.trigger.after =
      sim::Duration{log_uniform(draw, std::min<std::int64_t>(1'000, room.ns), room.ns)};
}

/// When an entry may have its host down.
Window down(const Budget& budget, const Planned& planned) {
  const sim::Duration lasts = planned.lasts.value_or(sim::Duration{});
  if (planned.trigger.at) return {*planned.trigger.at, *planned.trigger.at + lasts};
  const sim::Time earliest = planned.trigger.earliest.value_or(budget.from);
  return {earliest, planned.trigger.latest.value_or(budget.until) + lasts};
}

bool in_time(const Budget& budget, const Fault& fault, const Planned& planned) {
  if (fault.reversible != planned.lasts.has_value()) return false;
  const bool bounded = planned.trigger.earliest && planned.trigger.latest;
  if (!planned.trigger.at && !bounded) return false;
  const Window window = down(budget, planned);
  return window.from >= budget.from && window.until <= budget.until;
}

/// The most hosts that may be down at one time.
std::uint64_t most_down(const Budget& budget, const std::vector<Planned>& plan) {
  std::vector<const Planned*> downs;
  for (const Planned& planned : plan) {
    if (find(planned.fault)->hosts_down) downs.push_back(&planned);
  }
  std::uint64_t most = 0;
  for (const Planned* at : downs) {
    const sim::Time instant = down(budget, *at).from;
    std::vector<std::string> names;
    std::uint64_t hosts = 0;
    for (const Planned* other : downs) {
      const Window window = down(budget, *other);
      if (window.from > instant || window.until < instant) continue;
      if (!is_role(other->target)) {
        if (contains(names, other->target)) continue;
        names.push_back(other->target);
      }
      ++hosts;
    }
    most = std::max(most, hosts);
  }
  return most;
}

}  // namespace

std::vector<Planned> plan(const sim::Random& random, const Stage& stage, const Budget& budget) {
  if (budget.faults == 0 || budget.until <= budget.from) return {};
  Planner planner(random, stage, budget);
  return planner.possible() ? planner.draw_all() : std::vector<Planned>{};
}

std::vector<Planned> replan(const sim::Random& random, const Stage& stage, const Budget& budget,
                            std::vector<Planned> plan, std::uint64_t slot, std::uint64_t variant) {
  if (budget.faults == 0 || budget.until <= budget.from) return plan;
  const Planner planner(random, stage, budget);
  return planner.possible() ? planner.draw_again(std::move(plan), slot, variant) : plan;
}

bool within(const Budget& budget, const std::vector<Planned>& plan) {
  if (plan.size() > budget.faults) return false;
  for (const Planned& planned : plan) {
    const Fault* fault = find(planned.fault);
    if (fault == nullptr || !allowed(budget, *fault)) return false;
    if (!in_time(budget, *fault, planned)) return false;
  }
  return most_down(budget, plan) <= budget.hosts_down;
}

}  // namespace faults
