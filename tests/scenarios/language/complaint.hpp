// What the parser says about a text.
#pragma once

#include <stdexcept>
#include <string>

#include "scenarios/language/parser.hpp"

namespace scenarios::test {

/// The complaint about a text that stands in s.yaml, "" when there is none.
inline std::string complaint(const std::string& text, const std::vector<Override>& overrides = {}) {
  try {
    parse_scenario("s.yaml", text, overrides);
    return "";
  } catch (const UserError& error) {
    return error.what();
  }
}

inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::logic_error("not in the text: " + from);
  return text.replace(at, from.size(), to);
}

}  // namespace scenarios::test
