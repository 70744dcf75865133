#include "tests/scenarios/language/generated.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <vector>

#include "checkers/checker.hpp"
#include "fault-injection/catalogue.hpp"
#include "hypervisor/management/installation.hpp"
#include "scenarios/language/fields.hpp"
#include "scenarios/language/grammar.hpp"
#include "scenarios/language/points.hpp"

namespace scenarios::test {

namespace {

constexpr std::int64_t kMs = 1'000'000;

std::uint64_t number(std::uint64_t low, std::uint64_t high) {
  return *rc::gen::inRange<std::uint64_t>(low, high + 1);
}

bool coin() { return *rc::gen::arbitrary<bool>(); }

template <class T>
T one_of(const std::vector<T>& all) {
  return all[number(0, all.size() - 1)];
}

sim::Duration duration() {
  const std::int64_t unit = one_of<std::int64_t>({1, 1'000, kMs, 1'000 * kMs});
  return sim::Duration{static_cast<std::int64_t>(number(0, 500)) * unit};
}

sim::Chance chance() {
  const std::uint64_t parts = number(0, 999'999);
  return parts == 0 ? sim::Chance::never() : sim::Chance::per_million(parts);
}

class Generator {
 public:
  Scenario make() {
    scenario_.name = one_of<std::string>({"s", "null", "a-b", "true", "x_9"});
    scenario_.description = one_of<std::string>(
        {"", "12", "plain words", "a: b, \"c\" # d", "two\nlines\\", " \x01 é"});
    scenario_.seed = number(0, 999'999'999'999'999'999ULL);
    scenario_.end = sim::Time{static_cast<std::int64_t>(number(1'000, 10'000)) * kMs};
    world();
    if (coin()) counts(fields(scenario_.migration));
    if (!scenario_.vms.empty()) repeat([this] { step(); });
    repeat([this] { fault(); });
    if (coin()) budget();
    repeat([this] { buggify(); });
    if (coin()) decisions();
    if (coin()) vary();
    repeat([this] { expect(); });
    repeat([this] { pattern(); });
    return scenario_;
  }

 private:
  template <class F>
  void repeat(F what) {
    for (std::uint64_t left = number(0, 3); left > 0; --left) what();
  }

  sim::Time instant() {
    return sim::Time{static_cast<std::int64_t>(number(0, scenario_.end.ns - 1))};
  }

  /// Numbers and durations of a part, anywhere within their limits.
  static void counts(const std::vector<Field>& all) {
    for (const Field& field : all) {
      if (coin()) continue;
      if (field.shape == Shape::Count) {
        assign(field,
               std::to_string(number(field.low, std::min<std::uint64_t>(field.high, 1ULL << 40))));
      } else if (field.shape == Shape::Duration) {
        const std::uint64_t ns = number(field.low, 3'600'000'000'000ULL);
        assign(field, std::to_string(ns - ns % field.step) + "ns");
      }
    }
  }

  void world() {
    const std::vector<std::string> names{"alpha", "beta", "gamma"};
    const std::uint64_t hosts = number(1, 3);
    for (std::uint64_t i = 0; i < hosts; ++i) {
      scenario_.hosts.push_back({names[i], coin() ? 4ULL << 30 : number(1 << 18, 1 << 28) * 4096});
      hosts_.push_back(names[i]);
    }
    for (std::uint64_t i = number(0, 2); i > 0; --i) {
      NetworkSpec network;
      network.name = "net" + std::to_string(i);
      network.hosts.assign(hosts_.begin(),
                           hosts_.begin() + static_cast<std::ptrdiff_t>(number(0, hosts)));
      if (coin()) network.bits_per_second = number(1, 10'000'000'000'000);
      if (coin()) network.latency = duration();
      if (coin()) network.loss = chance();
      scenario_.networks.push_back(network);
    }
    for (std::uint64_t i = number(0, 2); i > 0; --i) {
      scenario_.storage.push_back({"disk" + std::to_string(i), number(256, 1 << 20) * 4096});
    }
    for (std::uint64_t i = number(0, 2); i > 0; --i) vm("vm" + std::to_string(i));
  }

  void vm(const std::string& name) {
    VmSpec vm;
    vm.name = name;
    vm.host = one_of(hosts_);
    vm.memory_bytes = number(16'384, 32'768) * 4096;
    if (coin()) vm.guest.model = one_of<std::string>({"dirtying", "worker"});
    if (coin()) vm.guest.working_set_bytes = number(1, 2048) * 4096;
    if (vm.guest.model == "dirtying") {
      if (coin()) vm.guest.dirty_pages_per_ms = number(0, 1'000'000);
    } else {
      counts(fields(vm.guest));
      vm.guest.frame_interval = {};  // of another program
    }
    if (coin()) vm.services = {"shutdown", one_of<std::string>({"vss", "time-synchronization"})};
    counts(fields(vm));
    if (vm.guest.model.empty() && coin()) {
      vm.boot_once.emplace().until = one_of<std::string>({"ready", "a: 'b' # \"c\""});
      if (coin()) vm.boot_once->within = duration() + sim::Duration{1'000'000};
    }
    // The first VM takes the disks: a disk has one.
    if (scenario_.vms.empty()) {
      for (const StorageSpec& disk : scenario_.storage) vm.disks.push_back(disk.name);
    }
    scenario_.vms.push_back(vm);
  }

  void step() {
    Step step;
    step.at = instant();
    std::vector<std::string> verbs;
    for (const Row& row : step_rows()) {
      const bool names_vm =
          row.key != "at" && row.key != "to" && row.key != "disk" && row.shape == Shape::Name;
      if (names_vm) verbs.push_back(row.key);
    }
    step.verb = one_of(verbs);
    step.vm = one_of(scenario_.vms).name;
    using management::Takes;
    for (const auto& known : management::verbs()) {
      if (known.name != step.verb) continue;
      if (known.takes == Takes::Host) step.host = one_of(hosts_);
      if (known.takes == Takes::Disk) {
        if (scenario_.storage.empty()) return;
        // It has the disks.
        step.vm = scenario_.vms.front().name;
        step.disk = one_of(scenario_.storage).name;
      }
      if (known.takes == Takes::Key || known.takes == Takes::KeyAndValue) {
        step.key = one_of<std::string>({"role", "12", "a b", "true"});
      }
      if (known.takes == Takes::KeyAndValue) {
        step.value = one_of<std::string>({"x: \"y\"", "null", " é", "plain"});
      }
    }
    scenario_.timeline.push_back(step);
  }

  std::vector<std::string> targets(const faults::Fault& fault) {
    std::vector<std::string> names;
    for (const faults::Role& role : faults::roles()) {
      if (role.target == fault.target) names.emplace_back(role.name);
    }
    const auto add = [&names](const auto& specs) {
      for (const auto& spec : specs) names.push_back(spec.name);
    };
    if (fault.target == faults::Target::Host) add(scenario_.hosts);
    if (fault.target == faults::Target::Network) add(scenario_.networks);
    if (fault.target == faults::Target::Storage) add(scenario_.storage);
    if (fault.target == faults::Target::Vm) add(scenario_.vms);
    return names;
  }

  void fault() {
    const faults::Fault& known = one_of(faults::catalogue());
    const std::vector<std::string> names = targets(known);
    if (names.empty()) return;
    FaultSpec fault;
    fault.fault = known.name;
    fault.target = one_of(names);
    std::vector<std::string> ends = hosts_;
    for (const NetworkSpec& network : scenario_.networks) {
      if (network.name == fault.target) ends = network.hosts;
    }
    if (known.pair && ends.size() < 2) return;
    if (known.pair || (known.one_way && !ends.empty() && coin())) fault.from = ends[0];
    if (known.pair) fault.to = ends[1];
    if (known.magnitude.unit != faults::Amount::None && coin()) {
      fault.amount = *rc::gen::inRange(known.magnitude.low, known.magnitude.high + 1);
    }
    if (known.reversible && coin()) fault.lasts = duration();
    if (coin()) {
      fault.trigger.at = instant();
    } else {
      event(fault.trigger);
    }
    scenario_.faults.push_back(fault);
  }

  void event(faults::Trigger& trigger) {
    trigger.event = "migration.phase";
    if (coin()) trigger.fields.emplace_back("phase", "stop_and_copy");
    if (coin()) trigger.fields.emplace_back("node", one_of(hosts_));
    if (coin()) trigger.fields.emplace_back("vm", "1");
    if (coin()) trigger.after = duration();
    if (coin()) trigger.earliest = instant();
    if (coin()) {
      const std::int64_t from = trigger.earliest ? trigger.earliest->ns : 0;
      trigger.latest = sim::Time{from + static_cast<std::int64_t>(number(0, 1'000'000))};
    }
  }

  void budget() {
    BudgetSpec budget;
    budget.faults = number(0, 9);
    budget.hosts_down = number(0, 3);
    if (coin()) budget.of = {"network", "host"};
    if (coin()) budget.without = {faults::catalogue().front().name};
    for (const faults::Fault& fault : faults::catalogue()) {
      if (fault.destructive && coin()) budget.with.emplace_back(fault.name);
    }
    budget.until = sim::Time{static_cast<std::int64_t>(number(1, scenario_.end.ns))};
    if (coin()) budget.from = sim::Time{static_cast<std::int64_t>(number(0, budget.until.ns - 1))};
    scenario_.budget = budget;
  }

  void buggify() {
    const auto& points = all_buggify_points();
    if (scenario_.buggify.size() == points.size()) return;
    BuggifySpec spec;
    spec.point = points[scenario_.buggify.size()].name;
    spec.chance = chance();
    scenario_.buggify.push_back(spec);
  }

  void decisions() {
    scenario_.decisions.emplace();
    repeat([this] {
      DecisionSpec decision;
      decision.stream = one_of<std::string>({"net.loss", "buggify.vmbus.late-offer"});
      for (std::uint64_t& word : decision.operation) {
        word = coin() ? 0 : *rc::gen::arbitrary<std::uint64_t>();
      }
      scenario_.decisions->push_back(decision);
    });
  }

  void vary() {
    VarySpec seed;
    seed.key = "seed";
    seed.values = {"1", "2"};
    scenario_.vary.push_back(seed);
    VarySpec memory;
    memory.key = "hosts.alpha.memory";
    memory.kind = coin() ? VarySpec::Kind::Range : VarySpec::Kind::LogRange;
    memory.values = {"1TiB", "2TiB"};
    scenario_.vary.push_back(memory);
  }

  checkers::EventPattern events() {
    return one_of<checkers::EventPattern>({{"migration.round", "", ""},
                                           {"vm.owner", "vm == 1 and not (node == 'x')", "one"},
                                           {"migration.finished", "outcome == 'aborted'", ""}});
  }

  void pattern() {
    ExpectSpec item;
    checkers::Pattern& pattern = item.pattern.emplace();
    pattern.kind = one_of<checkers::Pattern::Kind>(
        {checkers::Pattern::Kind::Never, checkers::Pattern::Kind::Eventually,
         checkers::Pattern::Kind::AtMost, checkers::Pattern::Kind::Ordered});
    pattern.events.push_back(events());
    if (coin()) pattern.name = one_of<std::string>({"a name", "null", "5", "x: y"});
    if (!scenario_.vms.empty() && coin()) item.vm = scenario_.vms[0].name;
    const bool timed = coin();
    switch (pattern.kind) {
      case checkers::Pattern::Kind::AtMost:
        item.name = "at-most";
        pattern.most = number(0, 9);
        if (timed) pattern.after = events();
        if (timed && coin()) pattern.until = events();
        break;
      case checkers::Pattern::Kind::Ordered:
        item.name = "ordered";
        pattern.events.push_back(events());
        break;
      default:
        item.name = pattern.kind == checkers::Pattern::Kind::Never ? "never" : "eventually";
        if (timed) pattern.after = events();
        if (timed) pattern.within = duration();
        break;
    }
    scenario_.expect.push_back(item);
  }

  void expect() {
    const auto& known = one_of(checkers::expectations());
    ExpectSpec item;
    item.name = known.name;
    if (!scenario_.vms.empty() && coin()) item.vm = scenario_.vms[0].name;
    if (known.value == checkers::ExpectedValue::Host) item.host = one_of(hosts_);
    if (known.value == checkers::ExpectedValue::Count) {
      item.bound = static_cast<std::int64_t>(number(0, 9));
    }
    if (known.value == checkers::ExpectedValue::Duration) item.bound = duration().ns;
    scenario_.expect.push_back(item);
  }

  Scenario scenario_;
  std::vector<std::string> hosts_;
};

}  // namespace

Scenario generated_scenario() { return Generator().make(); }

}  // namespace scenarios::test
