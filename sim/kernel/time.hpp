// Virtual time for the world: the trace's time types under the names that the simulator uses.
#pragma once

#include "traces/time.hpp"

namespace sim {

using traces::Duration;
using traces::kNever;
using traces::NodeId;
using traces::Time;
namespace literals = traces::literals;

}  // namespace sim
