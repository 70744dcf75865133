// Invited trouble that takes time: the common case of World::buggify.
#pragma once

#include <string_view>

#include "sim/kernel/world.hpp"

namespace sim {

/// Zero unless the trouble is invited; then how much later than usual, from 1 ns to `most`.
inline Duration invited_delay(Node& node, std::string_view point, const Operation& operation,
                              Duration most) {
  World& world = node.world();
  if (!world.buggify(node, point, operation)) return {};
  return world.amount(point, operation).between(Duration{1}, most);
}

}  // namespace sim
