// What a file must be before anybody asks what it means: text, one YAML document, of bounded depth
// and size, without aliases.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>

namespace scenarios {

/// The document as a tree. Throws UserError.
YAML::Node parse_yaml(const std::string& file, const std::string& text);

}  // namespace scenarios
