// A tree of values as text for people: objects as aligned lines, lists of objects as tables.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace debugger {

std::string render(const nlohmann::ordered_json& data);

}  // namespace debugger
