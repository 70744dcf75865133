// The deliberate bugs of shared disks (law 5). Off unless a world switches them on.
#pragma once

#include "sim/kernel/plant.hpp"

namespace sim::disk {

inline constexpr const char* kPlantFlushLies = "disk.flush-lies";
inline constexpr const char* kPlantWriteIgnoresEpoch = "disk.write-ignores-epoch";
inline constexpr const char* kPlantKeepsEpoch = "disk.keeps-epoch";
inline constexpr const char* kPlantTornSector = "disk.torn-sector";

inline constexpr PlantInfo kPlants[] = {
    {kPlantFlushLies, "a flush is acknowledged and leaves the cache where it is", "SV-4"},
    {kPlantWriteIgnoresEpoch, "a write is accepted from a host that does not own the disk", "CS-7"},
    {kPlantKeepsEpoch, "a new owner is granted the epoch of the one before", "CS-7"},
    {kPlantTornSector, "a write of several sectors leaves out the last one", "SV-3"},
};

}  // namespace sim::disk
