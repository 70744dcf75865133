// The deliberate bugs of shared disks (law 5). Off unless a world switches them on.
#pragma once

#include "sim/kernel/plant.hpp"

namespace sim::disk {

inline constexpr const char* kPlantFlushLies = "disk.flush-lies";
inline constexpr const char* kPlantWriteIgnoresEpoch = "disk.write-ignores-epoch";
inline constexpr const char* kPlantKeepsEpoch = "disk.keeps-epoch";
inline constexpr const char* kPlantTornSector = "disk.torn-sector";
inline constexpr const char* kPlantSeizeKeepsEpoch = "disk.seize-keeps-epoch";
inline constexpr const char* kPlantStaleClose = "disk.stale-close";
inline constexpr const char* kPlantFlushSkipsSingle = "disk.flush-skips-single-write";
inline constexpr const char* kPlantResetIsSuccess = "disk.reset-is-success";
inline constexpr const char* kPlantStopsAtExtent = "disk.stops-at-extent";

inline constexpr PlantInfo kPlants[] = {
    {kPlantFlushLies, "a flush is acknowledged and leaves the cache where it is", "SV-4"},
    {kPlantWriteIgnoresEpoch, "a write is accepted from a host that does not own the disk", "CS-7"},
    {kPlantKeepsEpoch, "a new owner is granted the epoch of the one before", "CS-7"},
    {kPlantTornSector, "a write of several sectors leaves out the last one", "SV-3"},
    {kPlantSeizeKeepsEpoch, "a disk that is taken back keeps the epoch it had", "CS-7"},
    {kPlantStaleClose, "a former owner that closes a disk closes it for the present one", "CS-7"},
    {kPlantFlushSkipsSingle, "a flush with a single write to make durable does nothing", "SV-4"},
    {kPlantResetIsSuccess, "a read that a reset ended is reported as done", "SV-3"},
    {kPlantStopsAtExtent, "a write across extents stops at the end of the first", "SV-3"},
};

}  // namespace sim::disk
