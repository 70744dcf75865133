// Named places of shared disks: trouble that a storage network allows, on invitation.
#pragma once

#include "sim/kernel/point.hpp"

namespace sim::disk {

inline constexpr const char* kPointStrayWrite = "disk.stray-write";

inline constexpr PointInfo kBuggifyPoints[] = {
    {kPointStrayWrite,
     "a copy of a former owner's last write arrives after the next owner has opened the disk"},
};

}  // namespace sim::disk
