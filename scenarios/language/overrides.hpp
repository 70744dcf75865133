// --set: changes of a scenario that stand on the command line.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>

#include "scenarios/language/parser.hpp"

namespace scenarios {

/// Replaces what stands at the dotted path, or adds a key; lists take an index. Throws UserError.
void apply_override(const std::string& file, YAML::Node root, const Override& change);

}  // namespace scenarios
