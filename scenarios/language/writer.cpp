#include "scenarios/language/writer.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/language/fields.hpp"
#include "scenarios/language/yaml_text.hpp"

namespace scenarios {

namespace {

/// Entries of one mapping, in order.
class Entries {
 public:
  void add(const std::string& key, const std::string& value) {
    lines_.push_back(yaml_scalar(key) + ": " + value);
  }

  /// Every field whose value is not that of `defaults`, or that must be there.
  template <class Spec>
  Entries& add_fields(Spec spec, Spec defaults, std::initializer_list<std::string_view> always) {
    const std::vector<Field> all = fields(spec);
    const std::vector<Field> usual = fields(defaults);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool must = std::find(always.begin(), always.end(), all[i].key) != always.end();
      add_field(all[i], usual[i], must);
    }
    return *this;
  }

  const std::vector<std::string>& lines() const { return lines_; }

  std::string flow() const {
    std::string text;
    for (const std::string& line : lines_) text += (text.empty() ? "" : ", ") + line;
    return "{" + text + "}";
  }

 private:
  void add_field(const Field& field, const Field& usual, bool must) {
    if (field.shape == Shape::Names) {
      const auto& names = *std::get<std::vector<std::string>*>(field.slot);
      if (must || !names.empty()) add(field.key, yaml_list(names));
      return;
    }
    if (absent(field)) return;
    const std::string text = written(field);
    const bool is_usual = !absent(usual) && written(usual) == text;
    if (!must && is_usual) return;
    add(field.key, field.shape == Shape::Text ? yaml_text(text) : yaml_scalar(text));
  }

  std::vector<std::string> lines_;
};

std::string flow(const checkers::EventPattern& part) {
  Entries entries;
  entries.add("event", yaml_scalar(part.event));
  if (!part.where.empty()) entries.add("where", yaml_text(part.where));
  if (!part.as.empty()) entries.add("as", yaml_scalar(part.as));
  return entries.flow();
}

/// What the fields of an expectation leave out: the events.
void add_events(const std::string& name, const checkers::Pattern& pattern, Entries& entries) {
  const bool counts = pattern.kind == checkers::Pattern::Kind::AtMost;
  std::string list;
  for (const auto& part : pattern.events) list += (list.empty() ? "" : ", ") + flow(part);
  if (pattern.kind == checkers::Pattern::Kind::Ordered) list = "[" + list + "]";
  entries.add(counts ? "of" : name, list);
  if (pattern.after) entries.add(counts ? "between" : "after", flow(*pattern.after));
  if (pattern.until) entries.add("and", flow(*pattern.until));
}

Entries when(const faults::Trigger& trigger) {
  Entries entries;
  entries.add("event", yaml_scalar(trigger.event));
  for (const auto& [name, value] : trigger.fields) entries.add(name, yaml_scalar(value));
  return entries;
}

class Writer {
 public:
  explicit Writer(const Scenario& scenario) : scenario_(scenario) {}

  std::string write(const std::string& head) {
    comment(head);
    Entries top;
    top.add_fields(Scenario(scenario_), Scenario{}, {"scenario", "seed", "end"});
    for (const std::string& line : top.lines()) text_ += line + "\n";
    named("hosts", scenario_.hosts, {});
    named("networks", scenario_.networks, {"hosts"});
    named("storage", scenario_.storage, {});
    vms();
    record("migration", Entries().add_fields(scenario_.migration, MigrationSpec{}, {}));
    timeline();
    faults();
    if (scenario_.budget) {
      record("budget", Entries().add_fields(*scenario_.budget, BudgetSpec{}, {"faults", "until"}));
    }
    std::vector<Entries> points;
    for (const BuggifySpec& spec : scenario_.buggify) {
      points.push_back(Entries().add_fields(spec, BuggifySpec{}, {"point", "chance"}));
    }
    list("buggify", points);
    decisions();
    vary();
    expect();
    return std::move(text_);
  }

 private:
  void comment(const std::string& head) {
    if (head.empty()) return;
    std::size_t from = 0;
    while (from <= head.size()) {
      const std::size_t end = std::min(head.find('\n', from), head.size());
      const std::string line = yaml_comment(head.substr(from, end - from));
      if (!line.empty() || end < head.size()) text_ += line.empty() ? "#\n" : "# " + line + "\n";
      from = end + 1;
    }
  }

  void section(const std::string& key) { text_ += "\n" + key + ":"; }

  void record(const std::string& key, const Entries& entries) {
    if (entries.lines().empty()) return;
    section(key);
    text_ += " " + entries.flow() + "\n";
  }

  void list(const std::string& key, const std::vector<Entries>& items) {
    if (items.empty()) return;
    section(key);
    text_ += "\n";
    for (const Entries& item : items) text_ += "  - " + item.flow() + "\n";
  }

  template <class Spec>
  void named(const std::string& key, const std::vector<Spec>& specs,
             std::initializer_list<std::string_view> always) {
    if (specs.empty()) return;
    section(key);
    text_ += "\n";
    for (const Spec& spec : specs) {
      const Entries entries = Entries().add_fields(spec, Spec{}, always);
      text_ += "  " + yaml_scalar(spec.name) + ": " + entries.flow() + "\n";
    }
  }

  void vms() {
    section("vms");
    text_ += scenario_.vms.empty() ? " {}\n" : "\n";
    for (const VmSpec& vm : scenario_.vms) {
      GuestSpec guest = vm.guest;
      Entries what;
      if (!guest.kernel.empty()) {
        guest.program = GuestSpec{}.program;
        what.add_fields(guest, GuestSpec{}, {"kernel"});
      } else if (guest.model.empty()) {
        what.add_fields(guest, GuestSpec{}, {"program"});
      } else {
        guest.program = GuestSpec{}.program;
        what.add_fields(guest, GuestSpec{}, {"model"});
      }
      Entries entries = Entries().add_fields(vm, VmSpec{}, {"host", "memory"});
      entries.add("guest", what.flow());
      if (vm.boot_once) {
        entries.add("boot-once",
                    Entries().add_fields(*vm.boot_once, BootOnceSpec{}, {"until"}).flow());
      }
      text_ += "  " + yaml_scalar(vm.name) + ":\n";
      for (const std::string& line : entries.lines()) text_ += "    " + line + "\n";
    }
  }

  void timeline() {
    std::vector<Entries> items;
    for (const Step& step : scenario_.timeline) {
      Step defaults;
      defaults.verb = step.verb;
      items.push_back(Entries().add_fields(step, defaults, {"at", step.verb}));
    }
    list("timeline", items);
  }

  void faults() {
    std::vector<Entries> items;
    for (const FaultSpec& fault : scenario_.faults) {
      FaultSpec defaults;
      defaults.fault = fault.fault;
      Entries entries;
      if (!fault.trigger.event.empty()) entries.add("when", when(fault.trigger).flow());
      items.push_back(entries.add_fields(fault, defaults, {fault.fault}));
    }
    list("faults", items);
  }

  void decisions() {
    if (!scenario_.decisions) return;
    std::vector<Entries> items;
    for (const DecisionSpec& decision : *scenario_.decisions) {
      // Numbers that are left out are 0.
      std::size_t count = decision.operation.size();
      while (count > 1 && decision.operation[count - 1] == 0) --count;
      std::vector<std::string> numbers;
      for (std::size_t i = 0; i < count; ++i) {
        numbers.push_back(std::to_string(decision.operation[i]));
      }
      Entries entries;
      entries.add("stream", yaml_scalar(decision.stream));
      entries.add("operation", yaml_list(numbers));
      items.push_back(entries);
    }
    list("decisions", items);
    if (items.empty()) text_ += "\ndecisions: []\n";
  }

  void vary() {
    std::vector<Entries> items;
    for (const VarySpec& spec : scenario_.vary) {
      Entries entries;
      entries.add("value", yaml_scalar(spec.key));
      entries.add(spec.kind == VarySpec::Kind::Choice  ? "choice"
                  : spec.kind == VarySpec::Kind::Range ? "range"
                                                       : "log-range",
                  yaml_list(spec.values));
      items.push_back(entries);
    }
    list("vary", items);
  }

  void expect() {
    std::vector<Entries> items;
    for (const ExpectSpec& item : scenario_.expect) {
      Entries entries;
      ExpectSpec defaults;
      defaults.name = item.name;
      ExpectSpec copy = item;
      const std::vector<Field> all = fields(copy);
      const bool has_value = std::any_of(
          all.begin(), all.end(), [&item](const Field& field) { return field.key == item.name; });
      if (item.pattern) {
        defaults.pattern.emplace();
        if (item.pattern->kind == checkers::Pattern::Kind::AtMost) {
          entries.add(item.name, std::to_string(item.pattern->most));
          defaults.pattern->most = item.pattern->most;
        }
        add_events(item.name, *item.pattern, entries);
      } else if (!has_value) {
        entries.add(item.name, "true");
      }
      if (entries.lines().empty()) {
        entries.add_fields(item, defaults, {item.name});
      } else {
        entries.add_fields(item, defaults, {});
      }
      items.push_back(entries);
    }
    list("expect", items);
  }

  const Scenario& scenario_;
  std::string text_;
};

}  // namespace

std::string write_scenario(const Scenario& scenario, const std::string& head) {
  return Writer(scenario).write(head);
}

}  // namespace scenarios
