// What a world knows about one of its processors. Inside the kernel only.
#pragma once

#include <cstdint>

#include "sim/kernel/node.hpp"
#include "sim/kernel/processor.hpp"
#include "sim/kernel/time.hpp"

namespace sim {

struct ProcessorSlot {
  World& world;
  Processor* processor;  // null: removed inside its own run
  Node& node;
  std::uint64_t order;
  bool runnable = false;
  Time seen{};  // its clock after its last run

  /// A node that is paused holds its processors, runnable or not.
  bool held() const { return !node.alive() || node.paused(); }
  bool precedes(Time own, const ProcessorSlot& other, Time others) const {
    if (own != others) return own < others;
    if (node.id() != other.node.id()) return node.id() < other.node.id();
    return order < other.order;
  }
};

}  // namespace sim
