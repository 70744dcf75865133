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
#include "traces/reflection.hpp"

namespace cli {

namespace {

template <class Name, class Text>
void row(const Name& name, const Text& text) {
  std::cout << fmt::format("{:<36} {}\n", name, text);
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
    for (const auto& fault : faults::catalogue()) row(fault.name, fault.what);
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
  list_command.argument_of("WHAT", *what,
                           {"checkers", "plants", "faults", "buggify", "sometimes", "verbs",
                            "events", "guests"},
                           "checkers, plants, faults, buggify, sometimes, verbs, events or guests");
  list_command.does([what] { return list(*what); });
}

void add_schema(Command root) {
  root.command("schema", "print the JSON Schema of scenario files").does([] {
    std::cout << scenarios::json_schema();
    return static_cast<int>(kAllHold);
  });
}

}  // namespace cli
