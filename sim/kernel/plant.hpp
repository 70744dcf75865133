// A deliberate bug as libraries list it (law 5): switched on by name per world, caught by a
// checker.
#pragma once

namespace sim {

struct PlantInfo {
  const char* name;     ///< "memory.log-loses-a-page"
  const char* what;     ///< what it does, one line
  const char* checker;  ///< the property whose checker must notice
};

}  // namespace sim
