// hvsim list and hvsim schema: what there is, one line each; the language's JSON Schema.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "fault-injection/catalogue.hpp"
#include "hypervisor/management/installation.hpp"
#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/report.hpp"
#include "scenarios/guests/images.hpp"
#include "scenarios/language/points.hpp"
#include "scenarios/language/reference.hpp"
#include "traces/reflection.hpp"

namespace cli {

namespace {

template <class Name, class Text>
void row(const Name& name, const Text& text) {
  std::cout << fmt::format("{:<36} {}\n", name, text);
}

const char* name_of(faults::Target target) {
  constexpr const char* kNames[] = {"host", "network", "storage", "vm"};
  return kNames[static_cast<std::size_t>(target)];
}

std::string amount_text(faults::Amount unit, std::int64_t amount) {
  switch (unit) {
    case faults::Amount::None:
      return "";
    case faults::Amount::Chance:
      return fmt::format("{:g}%", static_cast<double>(amount) / 10'000);
    case faults::Amount::Duration:
      return fmt::format("{:g}ms", static_cast<double>(amount) / 1'000'000);
    case faults::Amount::Rate:
      return fmt::format("{:g}Mbit/s", static_cast<double>(amount) / 1'000'000);
    case faults::Amount::Size:
      if (amount >= 1 << 20) return fmt::format("{}MiB", amount >> 20);
      return fmt::format("{}B", amount);
    case faults::Amount::Count:
      return std::to_string(amount);
  }
  return "";
}

/// Class, name, target, magnitude as a planner draws it and what it is when nobody says, then what
/// the fault does. A star: planned only when a budget names it.
void fault_row(const faults::Fault& fault) {
  const faults::Magnitude& by = fault.magnitude;
  std::string magnitude = "-";
  if (by.unit != faults::Amount::None) {
    magnitude = fmt::format("{} to {}, {}", amount_text(by.unit, by.low),
                            amount_text(by.unit, by.high), amount_text(by.unit, by.normal));
  }
  std::cout << fmt::format("{:<9} {:<18}{} {:<8} {:<32} {}\n", faults::name_of(fault.kind),
                           fault.name, fault.destructive ? '*' : ' ', name_of(fault.target),
                           magnitude, fault.what);
}

int list(const std::string& what) {
  if (what == "checkers") {
    for (const auto& checker : checkers::catalogue()) row(checker.id, checker.statement);
    for (const auto& expected : checkers::expectations()) row(expected.name, expected.statement);
    const checkers::Finding twin = checkers::TwinCheck().conclude();
    row(twin.property, twin.statement);
  } else if (what == "plants") {
    for (const auto& plant : scenarios::all_plants()) {
      row(plant.name, fmt::format("{} [{}]", plant.what, plant.checker));
    }
  } else if (what == "buggify") {
    for (const auto& point : scenarios::all_buggify_points()) row(point.name, point.what);
  } else if (what == "sometimes") {
    for (const auto& point : scenarios::all_sometimes_points()) row(point.name, point.what);
  } else if (what == "faults") {
    for (const auto& fault : faults::catalogue()) fault_row(fault);
    std::cout << "\nroles that a target may name:\n";
    for (const auto& role : faults::roles()) row(role.name, role.what);
  } else if (what == "verbs") {
    for (const auto& verb : management::verbs()) row(verb.name, verb.what);
  } else if (what == "events") {
    for (const auto& event : traces::all_events()) row(event.name, event.doc);
  } else if (what == "guests") {
    for (const auto& guest : guests::images()) row(guest.name, guest.summary);
  }
  return kAllHold;
}

}  // namespace

void add_list(Command root) {
  auto what = std::make_shared<std::string>();
  Command list_command = root.command("list", "what there is, one line each");
  list_command.argument_of(
      "WHAT", *what,
      {"checkers", "plants", "faults", "buggify", "sometimes", "verbs", "events", "guests"},
      "checkers, plants, faults, buggify, sometimes, verbs, events or guests");
  list_command.does([what] { return list(*what); });
}

void add_schema(Command root) {
  auto markdown = std::make_shared<bool>(false);
  Command schema = root.command("schema", "print the JSON Schema of scenario files");
  schema.flag("--markdown", *markdown, "print the reference for people instead");
  schema.does([markdown] {
    std::cout << (*markdown ? scenarios::reference_page() : scenarios::json_schema());
    return static_cast<int>(kAllHold);
  });
}

}  // namespace cli
