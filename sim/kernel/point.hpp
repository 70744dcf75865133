// A named place in product code as libraries list it: where trouble that the specification allows
// can be invited (World::buggify), or where something rare has come about (World::sometimes).
#pragma once

namespace sim {

struct PointInfo {
  const char* name;  ///< "vmbus.late-offer"
  const char* what;  ///< what it does, or what has happened there; one line
};

}  // namespace sim
