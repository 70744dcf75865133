// The deliberate bugs of shared disks (law 5). Off unless a world switches them on.
#pragma once

#include <string_view>

namespace sim::disk {

struct PlantInfo {
  std::string_view name;
  std::string_view what;
  std::string_view caught_by;  ///< the property whose checker must notice
};

inline constexpr std::string_view kPlantFlushLies = "disk.flush-lies";
inline constexpr std::string_view kPlantWriteIgnoresEpoch = "disk.write-ignores-epoch";
inline constexpr std::string_view kPlantTornSector = "disk.torn-sector";

inline constexpr PlantInfo kPlants[] = {
    {kPlantFlushLies, "a flush is acknowledged and leaves the cache where it is",
     "durability (spec SV-4): disk.sectors(power_loss) against flushed writes"},
    {kPlantWriteIgnoresEpoch, "a write is accepted from a host that does not own the disk",
     "single writer: disk.write against the epochs of disk.opened"},
    {kPlantTornSector, "a write of several sectors leaves out the last one",
     "read your writes: scsi.data and disk.sectors against the history of writes"},
};

}  // namespace sim::disk
