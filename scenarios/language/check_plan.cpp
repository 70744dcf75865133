// Checks of what happens in a scenario and of what is expected of it.
#include <algorithm>
#include <string>
#include <vector>

#include "checkers/checker.hpp"
#include "hypervisor/management/installation.hpp"
#include "scenarios/language/check_parts.hpp"
#include "scenarios/language/fields.hpp"
#include "scenarios/language/platforms.hpp"
#include "scenarios/language/points.hpp"
#include "traces/reflection.hpp"

namespace scenarios::check {

namespace {

/// The quantity as its field would be written.
std::string amount_text(const FaultSpec& fault, std::int64_t amount) {
  FaultSpec other = fault;
  other.amount = amount;
  for (const Field& field : fields(other)) {
    if (field.key == "by") return written(field);
  }
  return "";
}

class Plan {
 public:
  explicit Plan(const Scenario& scenario) : scenario_(scenario) {}

  void check() const {
    for (std::size_t i = 0; i < scenario_.timeline.size(); ++i) {
      step("timeline." + std::to_string(i), scenario_.timeline[i]);
    }
    for (std::size_t i = 0; i < scenario_.faults.size(); ++i) {
      fault("faults." + std::to_string(i), scenario_.faults[i]);
    }
    if (scenario_.budget) budget(*scenario_.budget);
    for (std::size_t i = 0; i < scenario_.buggify.size(); ++i) buggify(i);
    for (std::size_t i = 0; i < scenario_.expect.size(); ++i) {
      expect("expect." + std::to_string(i), scenario_.expect[i]);
    }
  }

 private:
  void instant(const std::string& path, sim::Time at) const {
    if (at >= scenario_.end) fail(path, "the world has ended by then (`end`)");
  }

  void step(const std::string& path, const Step& step) const {
    instant(path + ".at", step.at);
    reference(path + "." + step.verb, step.vm, "VM", scenario_.vms);
    if (step.verb == "move-vm" && !find_platform(scenario_.platform)->live_migration) {
      fail(path + ".move-vm", "hosts of " + scenario_.platform +
                                  " cannot move a running VM; ws2008r2 was the first that could");
    }
    using management::Takes;
    Takes takes = Takes::Nothing;
    for (const auto& known : management::verbs()) {
      if (step.verb == known.name) takes = known.takes;
    }
    const bool keyed = takes == Takes::Key || takes == Takes::KeyAndValue;
    argument(path, step, "to", step.host, takes == Takes::Host, "the target host");
    argument(path, step, "disk", step.disk, takes == Takes::Disk, "a shared disk");
    argument(path, step, "key", step.key, keyed, "a text");
    argument(path, step, "value", step.value, takes == Takes::KeyAndValue, "a text");
    if (!step.host.empty()) reference(path + ".to", step.host, "host", scenario_.hosts);
    if (step.disk.empty()) return;
    reference(path + ".disk", step.disk, "storage", scenario_.storage);
    for (const VmSpec& other : scenario_.vms) {
      if (other.name == step.vm) continue;
      if (std::find(other.disks.begin(), other.disks.end(), step.disk) == other.disks.end()) {
        continue;
      }
      fail(path + ".disk", "disk `" + step.disk + "` belongs to VM `" + other.name + "`");
    }
  }

  static void argument(const std::string& path, const Step& step, const std::string& key,
                       const std::string& given, bool wanted, const char* what) {
    if (given.empty() == !wanted) return;
    if (wanted) fail(path, step.verb + " needs `" + key + "`, " + what);
    fail(path + "." + key, "`" + step.verb + "` takes no `" + key + "`");
  }

  void fault(const std::string& path, const FaultSpec& fault) const {
    const faults::Fault* known = faults::find(fault.fault);
    if (known == nullptr) {
      std::vector<std::string> names;
      for (const faults::Fault& one : faults::catalogue()) names.emplace_back(one.name);
      fail(path, "there is no fault `" + fault.fault + "`" + suggestion(fault.fault, names));
    }
    target(path + "." + fault.fault, *known, fault.target);
    ends(path, *known, fault);
    trigger(path, fault.trigger);
    if (fault.lasts && !known->reversible) {
      fail(path + ".lasts", "this fault cannot be taken back");
    }
    magnitude(path + ".by", *known, fault);
  }

  void target(const std::string& path, const faults::Fault& fault, const std::string& name) const {
    for (const faults::Role& role : faults::roles()) {
      if (name != role.name) continue;
      if (role.target == fault.target) return;
      fail(path, "`" + name + "` is " + role.what + ", which `" + fault.name + "` cannot hit");
    }
    switch (fault.target) {
      case faults::Target::Host:
        return named(path, name, fault, "host", scenario_.hosts);
      case faults::Target::Network:
        return named(path, name, fault, "network", scenario_.networks);
      case faults::Target::Storage:
        return named(path, name, fault, "storage", scenario_.storage);
      case faults::Target::Vm:
        return named(path, name, fault, "VM", scenario_.vms);
    }
  }

  /// As reference(); a role can stand for the name.
  template <class Spec>
  void named(const std::string& path, const std::string& name, const faults::Fault& fault,
             const char* kind, const std::vector<Spec>& specs) const {
    std::vector<std::string> known = names_of(specs);
    if (std::find(known.begin(), known.end(), name) != known.end()) return;
    for (const faults::Role& role : faults::roles()) {
      if (role.target == fault.target) known.emplace_back(role.name);
    }
    fail(path,
         "there is no " + std::string(kind) + " `" + shorten(name) + "`" + suggestion(name, known));
  }

  void ends(const std::string& path, const faults::Fault& known, const FaultSpec& fault) const {
    if (!fault.from.empty() && !known.one_way && !known.pair) {
      fail(path + ".from", "`" + fault.fault + "` takes no `from`");
    }
    if (!fault.to.empty() && !known.pair) {
      fail(path + ".to", "`" + fault.fault + "` takes no `to`");
    }
    if (known.pair && (fault.from.empty() || fault.to.empty())) {
      fail(path, "`" + fault.fault + "` needs `from` and `to`, two hosts of the network");
    }
    for (const NetworkSpec& network : scenario_.networks) {
      if (network.name != fault.target) continue;
      on_network(path + ".from", fault.from, network);
      on_network(path + ".to", fault.to, network);
    }
    if (!fault.from.empty() && fault.from == fault.to) {
      fail(path + ".to", "`from` and `to` are two hosts, not `" + fault.to + "` twice");
    }
  }

  static void on_network(const std::string& path, const std::string& host,
                         const NetworkSpec& network) {
    if (host.empty()) return;
    if (std::find(network.hosts.begin(), network.hosts.end(), host) != network.hosts.end()) return;
    fail(path, "host `" + host + "` is not on network `" + network.name + "`" +
                   suggestion(host, network.hosts));
  }

  void trigger(const std::string& path, const faults::Trigger& trigger) const {
    const bool waits = !trigger.event.empty();
    if (trigger.at.has_value() == waits) {
      fail(path, "a fault strikes either `at` an instant or `when` an event happens");
    }
    if (!waits) {
      instant(path + ".at", *trigger.at);
      if (trigger.after.ns != 0) fail(path + ".after", "`after` belongs to `when`");
      if (trigger.earliest) fail(path + ".earliest", "`earliest` belongs to `when`");
      if (trigger.latest) fail(path + ".latest", "`latest` belongs to `when`");
      return;
    }
    if (trigger.earliest) instant(path + ".earliest", *trigger.earliest);
    if (trigger.earliest && trigger.latest && *trigger.latest < *trigger.earliest) {
      fail(path + ".latest", "`latest` lies before `earliest`");
    }
    event(path + ".when", trigger);
  }

  void event(const std::string& path, const faults::Trigger& trigger) const {
    const traces::EventInfo* info = traces::find_event(trigger.event);
    if (info == nullptr) {
      std::vector<std::string> known;
      for (const auto& one : traces::all_events()) known.emplace_back(one.name);
      const std::string near = nearest(trigger.event, known);
      fail(path + ".event",
           "there is no event `" + shorten(trigger.event) + "`" +
               (near.empty() ? "; docs/events.md lists them" : ", did you mean `" + near + "`?"));
    }
    if (info->level != 0) {
      fail(path + ".event",
           "event `" + trigger.event + "` is detail that may be off; a fault cannot wait for it");
    }
    for (const auto& [name, value] : trigger.fields) {
      const std::string place = path + "." + name;
      if (name == "node") {
        reference(place, value, "host", scenario_.hosts);
      } else if (const traces::FieldInfo* field = info->find(name)) {
        enum_value(place, *field, value);
      } else {
        std::vector<std::string> known{"node"};
        for (const traces::FieldInfo& one : info->fields) known.emplace_back(one.name);
        fail(place, "event `" + trigger.event + "` has no field `" + shorten(name) + "`" +
                        suggestion(name, known));
      }
    }
  }

  /// A misspelt name of an enumeration would be a fault that never strikes.
  static void enum_value(const std::string& path, const traces::FieldInfo& field,
                         const std::string& value) {
    if (field.enumeration == nullptr || field.enumeration->value_of(value)) return;
    std::vector<std::string> known;
    for (const auto& entry : field.enumeration->values) known.emplace_back(entry.name);
    fail(path, "field `" + std::string(field.name) + "` has no value `" + shorten(value) + "`" +
                   suggestion(value, known));
  }

  static void magnitude(const std::string& path, const faults::Fault& known,
                        const FaultSpec& fault) {
    if (fault.amount == 0) return;
    const faults::Magnitude& may = known.magnitude;
    if (may.unit == faults::Amount::None) fail(path, "`" + fault.fault + "` takes no `by`");
    if (fault.amount >= may.low && fault.amount <= may.high) return;
    fail(path, "`" + amount_text(fault, fault.amount) + "` is out of range, `" + fault.fault +
                   "` takes " + amount_text(fault, may.low) + " to " +
                   amount_text(fault, may.high));
  }

  void budget(const BudgetSpec& budget) const {
    std::vector<std::string> classes;
    for (const auto kind : {faults::Class::Network, faults::Class::Storage, faults::Class::Host,
                            faults::Class::Guest, faults::Class::Operator}) {
      classes.emplace_back(faults::name_of(kind));
    }
    known_names("budget.of", budget.of, classes, "class of faults");
    std::vector<std::string> names;
    std::vector<std::string> destructive;
    for (const faults::Fault& fault : faults::catalogue()) {
      names.emplace_back(fault.name);
      if (fault.destructive) destructive.emplace_back(fault.name);
    }
    known_names("budget.without", budget.without, names, "fault");
    known_names("budget.with", budget.with, destructive, "destructive fault");
    if (budget.until <= budget.from) {
      fail("budget.until", "faults must have time: `until` lies after `from`");
    }
    if (budget.until > scenario_.end) {
      fail("budget.until", "the world has ended by then (`end`)");
    }
  }

  static void known_names(const std::string& path, const std::vector<std::string>& names,
                          const std::vector<std::string>& known, const char* kind) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (std::find(known.begin(), known.end(), names[i]) != known.end()) continue;
      fail(path + "." + std::to_string(i), "there is no " + std::string(kind) + " `" +
                                               shorten(names[i]) + "`" +
                                               suggestion(names[i], known));
    }
  }

  void buggify(std::size_t index) const {
    const std::string path = "buggify." + std::to_string(index);
    const BuggifySpec& spec = scenario_.buggify[index];
    std::vector<std::string> known;
    for (const Point& point : all_buggify_points()) known.push_back(point.name);
    if (std::find(known.begin(), known.end(), spec.point) == known.end()) {
      const std::string near = nearest(spec.point, known);
      fail(path + ".point", "there is no point `" + shorten(spec.point) + "`" +
                                (near.empty() ? "; `hvsim list buggify` shows them"
                                              : ", did you mean `" + near + "`?"));
    }
    for (std::size_t i = 0; i < index; ++i) {
      if (scenario_.buggify[i].point == spec.point) {
        fail(path + ".point", "`" + shorten(spec.point) + "` stands here twice; remove one");
      }
    }
  }

  void expect(const std::string& path, const ExpectSpec& item) const {
    if (!item.vm.empty()) reference(path + ".vm", item.vm, "VM", scenario_.vms);
    if (item.pattern) pattern(path, item);
    for (const checkers::ExpectationInfo& known : checkers::expectations()) {
      if (item.name == known.name && known.value == checkers::ExpectedValue::Host) {
        reference(path + "." + item.name, item.host, "host", scenario_.hosts);
      }
    }
  }

  static void pattern(const std::string& path, const ExpectSpec& item) {
    using Kind = checkers::Pattern::Kind;
    const checkers::Pattern& pattern = *item.pattern;
    const bool ordered = pattern.kind == Kind::Ordered;
    if (ordered && pattern.events.size() < 2) {
      fail(path + ".ordered", "an order takes two events or more");
    }
    if (ordered && pattern.after) fail(path + ".after", "`ordered` takes no `after`");
    if (pattern.until && !pattern.after) {
      fail(path + ".and", "`and` ends what `between` begins; `between` is missing");
    }
    const bool deadline = pattern.kind == Kind::Eventually;
    if (pattern.within && !deadline && !(pattern.kind == Kind::Never && pattern.after)) {
      fail(path + ".within", "`within` belongs to `eventually`, or to `never` with `after`");
    }
    if (pattern.kind == Kind::Always && pattern.events[0].where.empty()) {
      fail(path + ".always", "`always` takes a `where`, the condition that every event satisfies");
    }
    if (const auto mistake = checkers::find_mistake(pattern)) {
      throw Mistake{pattern_path(path, item, *mistake),
                    mistake->text + suggestion(mistake->word, known_words(*mistake)),
                    mistake->in_where ? std::optional(mistake->offset) : std::nullopt};
    }
    if (item.vm.empty()) return;
    for (const checkers::EventPattern& part : pattern.events) {
      if (traces::find_event(part.event)->find("vm") != nullptr) continue;
      fail(path + ".vm", "event `" + part.event + "` has no field `vm`; leave `vm` out");
    }
  }

  /// All events are too many for a complaint.
  static std::vector<std::string> known_words(const checkers::PatternMistake& mistake) {
    const bool near = !nearest(mistake.word, mistake.known).empty();
    if (near || mistake.in_where) return mistake.known;
    return {"those of docs/events.md"};
  }

  static std::string pattern_path(const std::string& path, const ExpectSpec& item,
                                  const checkers::PatternMistake& mistake) {
    using Part = checkers::PatternMistake::Part;
    const bool counts = item.name == "at-most";
    std::string key = counts ? "of" : item.name;
    if (item.name == "ordered") key += "." + std::to_string(mistake.index);
    if (mistake.part == Part::After) key = counts ? "between" : "after";
    if (mistake.part == Part::Until) key = "and";
    return path + "." + key + (mistake.in_where ? ".where" : ".event");
  }

  const Scenario& scenario_;
};

}  // namespace

void plan(const Scenario& scenario) { Plan(scenario).check(); }

}  // namespace scenarios::check
