// The deliberate bugs of guest memory (law 5). Off unless a world switches them on.
#pragma once

#include <string_view>

namespace sim::memory {

struct PlantInfo {
  std::string_view name;
  std::string_view what;
  std::string_view caught_by;  ///< the property whose checker must notice
};

inline constexpr std::string_view kPlantLogSkipsHostWrites = "memory.log-skips-host-writes";
inline constexpr std::string_view kPlantLogLosesAPage = "memory.log-loses-a-page";
inline constexpr std::string_view kPlantImportSkipsZero = "memory.import-skips-zero";

inline constexpr PlantInfo kPlants[] = {
    {kPlantLogSkipsHostWrites, "what the host writes into guest memory is not marked dirty",
     "dirty-log soundness (spec MI-2): memory.written against migration.dirty_set"},
    {kPlantLogLosesAPage, "every fetch of the dirty log forgets its highest frame",
     "dirty-log soundness (spec MI-2): memory.written against migration.dirty_set"},
    {kPlantImportSkipsZero, "a frame that became zero keeps its old content on the target",
     "memory equality: memory.digest suspended against resumed"},
};

}  // namespace sim::memory
