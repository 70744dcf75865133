// Values of a scenario by path, without reading its file again: what `vary` draws and what a
// search tries.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/language/check.hpp"
#include "scenarios/language/parser.hpp"
#include "scenarios/language/scenario.hpp"

namespace scenarios {

/// Sets one scalar that the scenario already has, or its default: `vms.web.memory`, `seed`,
/// `timeline.0.at`. Says what is wrong with path or value; the whole may then still not fit
/// together (find_mistake).
std::optional<Mistake> set_value(Scenario& scenario, const Override& value);

/// A copy with these values. Throws UserError when one is wrong or they do not go together.
Scenario with_values(const Scenario& base, const std::vector<Override>& values);

/// The value at a path as a file would say it; nothing when there is no such path.
std::optional<std::string> value_at(const Scenario& scenario, const std::string& path);

/// Of what the value at a path is a multiple, in its smallest unit. There is such a path.
std::uint64_t step_at(const Scenario& scenario, const std::string& path);

/// The first mistake under `vary`: every choice and bound is tried, alone.
std::optional<Mistake> check_vary(const Scenario& scenario);

}  // namespace scenarios
