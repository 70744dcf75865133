// The part of looking at a world that concerns one machine: partition, processors, VMBus.
#pragma once

#include "hypervisor/core/partition.hpp"
#include "hypervisor/core/virtual_processor.hpp"
#include "scenarios/debug/inspect.hpp"

namespace debugger {

/// The partition of `VM` (where it runs or is configured) or `VM@HOST`. Throws UserError.
hv::Partition& partition_of(const View& view, const std::string& name);
/// The VP of that number in words[place], 0 when there is no such word.
hv::VirtualProcessor& vp_of(hv::Partition& partition, const Words& words, std::size_t place);

Json partitions(const View& view);
Json processor(const View& view, const Words& words);
Json synic(const View& view, const Words& words);
Json channels(const View& view, const Words& words);
Json rings(const View& view, const Words& words);

}  // namespace debugger
