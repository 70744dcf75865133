// Named places of the management stack: trouble that it allows, on invitation.
#pragma once

#include "sim/kernel/point.hpp"

namespace management {

inline constexpr const char* kPointSlowBoot = "management.slow-boot";
inline constexpr const char* kPointSlowVerb = "management.slow-verb";

inline constexpr sim::PointInfo kBuggifyPoints[] = {
    {kPointSlowBoot, "a host knows its VMs up to 2 s before it answers other hosts"},
    {kPointSlowVerb, "a job starts up to 100 ms after it was submitted"},
};

}  // namespace management
