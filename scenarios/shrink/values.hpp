// Every number of a scenario with its name, its default and how it grows simpler: what shrinking
// turns back to the default, rounds and makes smaller.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/language/scenario.hpp"

namespace scenarios {

enum class Quantity : std::uint8_t { Duration, Instant, Size, Rate, Count, Chance };

/// One number of one scenario; it refers into that scenario.
struct Number {
  std::string key;  ///< path as --set takes it where there is one, e.g. vms.web.memory
  Quantity quantity{};
  std::optional<std::int64_t> normal;  ///< the grammar's default; nothing for what has none
  std::int64_t simplest = 0;           ///< what it shrinks towards
  std::function<std::int64_t()> get;
  std::function<void(std::int64_t)> set;
};

/// In the same order for every scenario of the same shape.
std::vector<Number> numbers(Scenario& scenario);

/// Simpler values of one number, the boldest first, all nearer to the simplest than it is.
std::vector<std::int64_t> simpler(const Number& number);

std::string to_text(Quantity quantity, std::int64_t value);

}  // namespace scenarios
