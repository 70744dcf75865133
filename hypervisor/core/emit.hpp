// Events of a partition are events of the host that runs it.
#pragma once

#include "hypervisor/core/partition.hpp"

namespace hv {

template <class E>
void emit(const Partition& partition, const E& payload) {
  sim::Node& node = partition.node();
  node.world().emit(node.id(), payload);
}

inline void sometimes(const Partition& partition, const char* point) {
  partition.node().world().sometimes(partition.node(), point);
}

inline bool plant(const Partition& partition, const char* name) {
  return partition.node().world().plant(partition.node(), name);
}

}  // namespace hv
