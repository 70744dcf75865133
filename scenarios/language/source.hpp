// Where something stands in a scenario file, and the one-line complaint about it (law 8).
#pragma once

#include <stdexcept>
#include <string>

namespace scenarios {

/// 1-based; 0 when a place makes no sense.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
};

/// A user's mistake: `file:line:column: what, and what would be right`.
class UserError : public std::runtime_error {
 public:
  UserError(const Place& place, const std::string& text);
  explicit UserError(const std::string& text);
};

}  // namespace scenarios
