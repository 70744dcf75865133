#include "scenarios/language/reference.hpp"

#include <string>

#include "checkers/checker.hpp"
#include "fault-injection/catalogue.hpp"
#include "scenarios/language/fields.hpp"
#include "scenarios/language/grammar.hpp"
#include "traces/reflection.hpp"

namespace scenarios {

namespace {

constexpr const char* kIntroduction =
    R"(# Scenario files

This page is made from the tables that the parser reads by (`scenarios/language/grammar.cpp`) and is
compared with them by a test; `hvsim schema` prints the same as a JSON Schema, with which an editor
completes keys, events and fields.

A scenario is one YAML mapping without anchors and aliases, at most 1 MiB. Every value can be
replaced on the command line: `--set vms.web.memory=128MiB`. A mistake is one line that says where,
what, and what would be right.

## Values

| kind | how it is written |
|---|---|
)";

constexpr const char* kNotes = R"(
## Notes

**When a fault strikes.** Either `at` an instant, or `when` the first event with the given fields
has happened, and `after` a while. `earliest` and `latest` keep such a fault within a time: an event
before `earliest` is not the one, and a strike that would come later than `latest` does not happen.
The events and their fields are in [events.md](events.md); only those of level 0 can be waited for.

**Roles.** A fault's target is a name of the scenario, or a role that the moment decides.

**Search.** `vary`, `budget` and the seed are what `hvsim explore` draws runs from; `hvsim run`
takes the values as they stand. What a search finds is written as a scenario with `faults`,
`buggify` and `decisions` spelt out. With `decisions`, exactly the listed random choices of faults
happen and no other.

**Budget.** Within it the scenario's promises hold. A scenario whose own faults go beyond it is
judged by its safety properties alone: what must happen at some time is *unknown*.

**Expectations** are judged besides the built-in checkers (`hvsim list checkers`). Patterns over
events are the user's own properties: [properties.md](properties.md).
)";

std::string in_cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) {
    text.insert(at, "\\");
  }
  return text;
}

void table(std::string& page, const Rows& rows) {
  page += "| key | value | |\n|---|---|---|\n";
  for (const Row& row : rows) {
    page += "| `" + row.key + "` | " + in_cell(example_of(row.shape)) + " | " + in_cell(row.what) +
            (row.required ? "; required" : "") + " |\n";
  }
}

void section(std::string& page, const std::string& title, const Rows& rows) {
  page += "\n## " + title + "\n\n";
  table(page, rows);
}

const char* name_of(faults::Target target) {
  switch (target) {
    case faults::Target::Host:
      return "host";
    case faults::Target::Network:
      return "network";
    case faults::Target::Storage:
      return "storage";
    case faults::Target::Vm:
      return "VM";
  }
  return "";
}

std::string amount(const faults::Fault& fault) {
  const faults::Magnitude& may = fault.magnitude;
  if (may.unit == faults::Amount::None) return "";
  FaultSpec spec;
  spec.fault = fault.name;
  const auto text = [&spec](std::int64_t value) {
    spec.amount = value;
    for (const Field& field : fields(spec)) {
      if (field.key == "by") return written(field);
    }
    return std::string();
  };
  return text(may.low) + " to " + text(may.high) + ", else " + text(may.normal);
}

void faults_table(std::string& page) {
  page +=
      "\n### Faults by name\n\n| fault | class | hits | `by` | takes | "
      "|\n|---|---|---|---|---|---|\n";
  for (const faults::Fault& fault : faults::catalogue()) {
    std::string takes;
    const auto add = [&takes](bool it, const char* key) {
      if (it) takes += (takes.empty() ? "`" : ", `") + std::string(key) + "`";
    };
    add(fault.one_way || fault.pair, "from");
    add(fault.pair, "to");
    add(fault.reversible, "lasts");
    page += "| `" + std::string(fault.name) + "` | " + faults::name_of(fault.kind) + " | " +
            name_of(fault.target) + " | " + amount(fault) + " | " + takes + " | " +
            in_cell(fault.what) + (fault.destructive ? "; destructive" : "") + " |\n";
  }
  page += "\n### Roles\n\n| role | stands for a | |\n|---|---|---|\n";
  for (const faults::Role& role : faults::roles()) {
    page += "| `" + std::string(role.name) + "` | " + name_of(role.target) + " | " +
            in_cell(role.what) + " |\n";
  }
}

}  // namespace

std::string reference_page() {
  std::string page = kIntroduction;
  const std::pair<const char*, Shape> kinds[] = {
      {"size", Shape::Size},          {"duration", Shape::Duration}, {"rate", Shape::Rate},
      {"percentage", Shape::Percent}, {"count", Shape::Count},       {"name", Shape::Name}};
  for (const auto& [name, shape] : kinds) {
    page += "| " + std::string(name) + " | " + example_of(shape) + ": `" +
            in_cell(pattern_of(shape)) + "` |\n";
  }
  section(page, "The whole", scenario_rows());
  section(page, "`hosts`: name of the host, then", host_rows());
  section(page, "`networks`: name of the network, then", network_rows());
  section(page, "`storage`: name of the shared disk, then", storage_rows());
  section(page, "`vms`: name of the VM, then", vm_rows());
  section(page, "`guest` of a VM", guest_rows());
  section(page, "`boot-once` of a VM", boot_once_rows());
  section(page, "`migration`", migration_rows());
  section(page, "`timeline`: a list of verbs", step_rows());
  Rows fault_keys;
  for (const Row& row : fault_rows()) {
    if (faults::find(row.key) == nullptr) fault_keys.push_back(row);
  }
  section(page, "`faults`: a list; beside the fault's name and target", fault_keys);
  faults_table(page);
  section(page, "`budget`", budget_rows());
  section(page, "`buggify`: a list", buggify_rows());
  section(page, "`decisions`: a list", decision_rows());
  section(page, "`vary`: a list; one of the last three each", vary_rows());
  section(page, "`expect`: a list", expect_rows());
  section(page, "Events of a pattern", pattern_rows());
  page += kNotes;
  return page;
}

}  // namespace scenarios
