// Virtual processors in the world's loop. A processor has a clock of its own, which runs ahead of
// the others by no more than a window; what it does to others becomes visible no earlier than its
// own time (design §4).
#pragma once

#include <cstdint>

#include "sim/kernel/time.hpp"

namespace sim {

class Node;
class World;
struct ProcessorSlot;

class Processor {
 public:
  Processor() = default;
  Processor(const Processor&) = delete;
  Processor& operator=(const Processor&) = delete;
  /// Leaves its world if it is still there. Not inside its own run.
  virtual ~Processor();
  /// Its own clock. Exact inside its run_to, also in the middle of an exit. It never runs
  /// backwards: a processor that becomes runnable sets itself to max(local_time(), World::now()).
  virtual Time local_time() const = 0;
  /// Runs until local_time() >= limit, or it cannot go on (then it has called
  /// World::set_runnable(*this, false)). May overshoot by its last instruction.
  virtual void run_to(Time limit) = 0;
  /// Called inside run_to, when something earlier than the limit came up: stop there instead.
  virtual void lower_limit(Time limit) = 0;

 private:
  friend class World;
  ProcessorSlot* slot_ = nullptr;  // the world's bookkeeping, null outside a world
};

}  // namespace sim
