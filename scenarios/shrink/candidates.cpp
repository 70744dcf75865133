#include "scenarios/shrink/candidates.hpp"

#include <rapidcheck/shrink/Shrink.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "fault-injection/catalogue.hpp"
#include "scenarios/shrink/values.hpp"

namespace scenarios {

namespace {

using Places = std::vector<std::size_t>;
using Names = std::set<std::string, std::less<>>;

/// Calls `drop(kept places)` for ever smaller chunks left out of `count` places.
template <class Drop>
bool without_chunks(std::size_t count, const Drop& drop) {
  Places all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  auto candidates = rc::shrink::removeChunks(all);
  while (auto kept = candidates.next()) {
    if (drop(*kept)) return true;
  }
  return false;
}

template <class T>
std::vector<T> only(const std::vector<T>& list, const Places& kept) {
  std::vector<T> result;
  for (const std::size_t place : kept) result.push_back(list[place]);
  return result;
}

template <auto List>
bool drop_entries(const Scenario& scenario, const Offer& offer) {
  return without_chunks((scenario.*List).size(), [&](const Places& kept) {
    Scenario candidate = scenario;
    candidate.*List = only(scenario.*List, kept);
    return offer(std::move(candidate));
  });
}

bool drop_decisions(const Scenario& scenario, const Offer& offer) {
  if (!scenario.decisions) return false;
  return without_chunks(scenario.decisions->size(), [&](const Places& kept) {
    Scenario candidate = scenario;
    candidate.decisions = only(*scenario.decisions, kept);
    return offer(std::move(candidate));
  });
}

/// Without a script and without chances nothing is drawn: then the empty script need not be said.
bool drop_script(const Scenario& scenario, const Offer& offer) {
  if (!scenario.decisions || !scenario.decisions->empty()) return false;
  Scenario candidate = scenario;
  candidate.decisions.reset();
  for (NetworkSpec& network : candidate.networks) network.loss = {};
  candidate.buggify.clear();
  for (const FaultSpec& spec : candidate.faults) {
    const faults::Fault* fault = faults::find(spec.fault);
    if (fault != nullptr && fault->magnitude.unit == faults::Amount::Chance) return false;
  }
  return offer(std::move(candidate));
}

template <class T, class Gone>
void erase(std::vector<T>& list, const Gone& gone) {
  list.erase(std::remove_if(list.begin(), list.end(), gone), list.end());
}

template <class T>
Names dropped(const std::vector<T>& list, const Places& kept) {
  Names gone;
  for (const T& one : list) gone.insert(one.name);
  for (const std::size_t place : kept) gone.erase(list[place].name);
  return gone;
}

/// Takes away what names one of these: a machine goes with its steps, faults and expectations.
void forget(Scenario& scenario, const Names& gone, faults::Target kind) {
  const auto is_gone = [&gone](const std::string& name) { return gone.count(name) != 0; };
  const bool host = kind == faults::Target::Host;
  const bool vm = kind == faults::Target::Vm;
  erase(scenario.faults, [&](const FaultSpec& spec) {
    const faults::Fault* fault = faults::find(spec.fault);
    const bool hit = fault != nullptr && fault->target == kind && is_gone(spec.target);
    return hit || (host && (is_gone(spec.from) || is_gone(spec.to)));
  });
  if (!host && !vm) return;
  erase(scenario.timeline, [&](const Step& step) { return is_gone(vm ? step.vm : step.host); });
  erase(scenario.expect, [&](const ExpectSpec& spec) { return is_gone(vm ? spec.vm : spec.host); });
}

bool drop_vms(const Scenario& scenario, const Offer& offer) {
  return without_chunks(scenario.vms.size(), [&](const Places& kept) {
    Scenario candidate = scenario;
    candidate.vms = only(scenario.vms, kept);
    forget(candidate, dropped(scenario.vms, kept), faults::Target::Vm);
    return offer(std::move(candidate));
  });
}

bool drop_storage(const Scenario& scenario, const Offer& offer) {
  return without_chunks(scenario.storage.size(), [&](const Places& kept) {
    Scenario candidate = scenario;
    candidate.storage = only(scenario.storage, kept);
    const Names gone = dropped(scenario.storage, kept);
    forget(candidate, gone, faults::Target::Storage);
    for (VmSpec& vm : candidate.vms) {
      erase(vm.disks, [&gone](const std::string& disk) { return gone.count(disk) != 0; });
    }
    erase(candidate.timeline, [&gone](const Step& step) { return gone.count(step.disk) != 0; });
    return offer(std::move(candidate));
  });
}

bool drop_networks(const Scenario& scenario, const Offer& offer) {
  return without_chunks(scenario.networks.size(), [&](const Places& kept) {
    Scenario candidate = scenario;
    candidate.networks = only(scenario.networks, kept);
    const Names gone = dropped(scenario.networks, kept);
    forget(candidate, gone, faults::Target::Network);
    for (VmSpec& vm : candidate.vms) {
      erase(vm.nics, [&gone](const std::string& network) { return gone.count(network) != 0; });
    }
    return offer(std::move(candidate));
  });
}

bool drop_hosts(const Scenario& scenario, const Offer& offer) {
  return without_chunks(scenario.hosts.size(), [&](const Places& kept) {
    Scenario candidate = scenario;
    candidate.hosts = only(scenario.hosts, kept);
    const Names gone = dropped(scenario.hosts, kept);
    forget(candidate, gone, faults::Target::Host);
    for (NetworkSpec& network : candidate.networks) {
      erase(network.hosts, [&gone](const std::string& host) { return gone.count(host) != 0; });
    }
    return offer(std::move(candidate));
  });
}

/// Numbers that a file would have to say, by their places in numbers().
Places unusual(Scenario& scenario) {
  Places places;
  const std::vector<Number> all = numbers(scenario);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].normal && all[i].get() != *all[i].normal) places.push_back(i);
  }
  return places;
}

bool values_to_default(const Scenario& scenario, const Offer& offer) {
  Scenario copy = scenario;
  const Places all = unusual(copy);
  return without_chunks(all.size(), [&](const Places& kept) {
    Scenario candidate = scenario;
    const std::vector<Number> list = numbers(candidate);
    std::size_t next = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (next < kept.size() && kept[next] == i) {
        ++next;
      } else {
        list[all[i]].set(*list[all[i]].normal);
      }
    }
    return offer(std::move(candidate));
  });
}

/// What a fault's entry says beyond what it needs.
bool plainer_faults(const Scenario& scenario, const Offer& offer) {
  const auto change = [&](std::size_t place, const auto& edit) {
    Scenario candidate = scenario;
    edit(candidate.faults[place]);
    return candidate.faults[place] != scenario.faults[place] && offer(std::move(candidate));
  };
  for (std::size_t i = 0; i < scenario.faults.size(); ++i) {
    if (change(i, [](FaultSpec& spec) { spec.trigger.earliest.reset(); })) return true;
    if (change(i, [](FaultSpec& spec) { spec.trigger.latest.reset(); })) return true;
    const std::size_t fields = scenario.faults[i].trigger.fields.size();
    if (without_chunks(fields, [&](const Places& kept) {
          return change(i, [&](FaultSpec& spec) {
            spec.trigger.fields = only(scenario.faults[i].trigger.fields, kept);
          });
        })) {
      return true;
    }
  }
  return false;
}

/// Numbers that the default does not do for, and those that have none.
bool simpler_numbers(const Scenario& scenario, const Offer& offer) {
  Scenario copy = scenario;
  const std::vector<Number> list = numbers(copy);
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].normal && list[i].get() == *list[i].normal) continue;
    for (const std::int64_t value : simpler(list[i])) {
      Scenario candidate = scenario;
      numbers(candidate)[i].set(value);
      if (offer(std::move(candidate))) return true;
    }
  }
  return false;
}

bool plain_words(const Scenario& scenario, const Offer& offer) {
  if (scenario.description.empty() && scenario.seed == 1) return false;
  Scenario candidate = scenario;
  candidate.description.clear();
  candidate.seed = 1;
  if (offer(candidate)) return true;
  candidate.seed = scenario.seed;
  return !scenario.description.empty() && offer(std::move(candidate));
}

std::string trigger_text(const faults::Trigger& trigger) {
  if (trigger.at) return "at " + to_text(Quantity::Instant, trigger.at->ns);
  std::string text = trigger.after.ns == 0 ? "at the first " : "";
  if (trigger.after.ns != 0) {
    text = to_text(Quantity::Duration, trigger.after.ns) + " after the first ";
  }
  text += trigger.event;
  for (const auto& [name, value] : trigger.fields) text += " " + name + "=" + value;
  return text;
}

std::string fault_text(const FaultSpec& spec) {
  std::string text = "fault " + spec.fault + " " + spec.target;
  if (!spec.from.empty()) text += " from " + spec.from;
  if (!spec.to.empty()) text += " to " + spec.to;
  const faults::Fault* fault = faults::find(spec.fault);
  if (spec.amount != 0 && fault != nullptr) {
    Scenario one;
    one.faults.push_back(spec);
    for (const Number& number : numbers(one)) {
      if (number.key == "faults.0.by") text += " by " + to_text(number.quantity, spec.amount);
    }
  }
  text += " " + trigger_text(spec.trigger);
  if (spec.lasts) text += ", for " + to_text(Quantity::Duration, spec.lasts->ns);
  return text;
}

/// Part of a fault, a step or a machine's size rather than a cause of its own.
bool belongs_to_another(const std::string& key) {
  return key.rfind("faults.", 0) == 0 || key.rfind("timeline.", 0) == 0 ||
         key.rfind("buggify.", 0) == 0 || key == "end";
}

}  // namespace

const std::vector<Pass>& passes() {
  static const std::vector<Pass> all{
      {"expectations", drop_entries<&Scenario::expect>},
      {"faults", drop_entries<&Scenario::faults>},
      {"decisions", drop_decisions},
      {"steps", drop_entries<&Scenario::timeline>},
      {"invited trouble", drop_entries<&Scenario::buggify>},
      {"VMs", drop_vms},
      {"disks", drop_storage},
      {"networks", drop_networks},
      {"hosts", drop_hosts},
      {"values", values_to_default},
      {"script", drop_script},
      {"faults' details", plainer_faults},
      {"numbers", simpler_numbers},
      {"words", plain_words},
  };
  return all;
}

std::vector<std::string> causes_of(const Scenario& scenario) {
  std::vector<std::string> causes;
  for (const FaultSpec& spec : scenario.faults) causes.push_back(fault_text(spec));
  if (scenario.decisions) {
    for (const DecisionSpec& spec : *scenario.decisions) {
      std::string text = "choice " + spec.stream + " happens to";
      for (const std::uint64_t number : spec.operation) text += " " + std::to_string(number);
      causes.push_back(std::move(text));
    }
  }
  for (const Step& step : scenario.timeline) {
    std::string text = "step " + step.verb + " " + step.vm;
    if (!step.host.empty()) text += " to " + step.host;
    if (!step.disk.empty()) text += " disk " + step.disk;
    if (!step.key.empty()) text += " key " + step.key;
    causes.push_back(text + " at " + to_text(Quantity::Instant, step.at.ns));
  }
  for (const BuggifySpec& spec : scenario.buggify) causes.push_back("invited " + spec.point);
  Scenario copy = scenario;
  for (const Number& number : numbers(copy)) {
    if (!number.normal || number.get() == *number.normal || belongs_to_another(number.key))
      continue;
    causes.push_back("value " + number.key + " = " + to_text(number.quantity, number.get()));
  }
  return causes;
}

std::size_t count_causes(const Scenario& scenario) { return causes_of(scenario).size(); }

}  // namespace scenarios
