// The deliberate bugs of guest memory (law 5). Off unless a world switches them on.
#pragma once

#include "sim/kernel/plant.hpp"

namespace sim::memory {

inline constexpr const char* kPlantLogSkipsHostWrites = "memory.log-skips-host-writes";
inline constexpr const char* kPlantLogLosesAPage = "memory.log-loses-a-page";

inline constexpr PlantInfo kPlants[] = {
    {kPlantLogSkipsHostWrites, "what the host writes into guest memory is not marked dirty",
     "MI-2"},
    {kPlantLogLosesAPage, "every fetch of the dirty log forgets its highest frame", "MI-2"},
};

}  // namespace sim::memory
