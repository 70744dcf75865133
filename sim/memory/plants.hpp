// The deliberate bugs of guest memory (law 5). Off unless a world switches them on.
#pragma once

#include "sim/kernel/plant.hpp"

namespace sim::memory {

inline constexpr const char* kPlantLogSkipsHostWrites = "memory.log-skips-host-writes";
inline constexpr const char* kPlantLogLosesAPage = "memory.log-loses-a-page";
inline constexpr const char* kPlantLogCutsAtWord = "memory.log-cuts-at-word";
inline constexpr const char* kPlantLogSkipsOverlays = "memory.log-skips-overlays";
inline constexpr const char* kPlantFlagNotLogged = "memory.flag-not-logged";
inline constexpr const char* kPlantRangeMissesLast = "memory.range-misses-last";
inline constexpr const char* kPlantStartKeepsGeneration = "memory.start-keeps-generation";
inline constexpr const char* kPlantFetchKeepsGeneration = "memory.fetch-keeps-generation";

inline constexpr PlantInfo kPlants[] = {
    {kPlantLogSkipsHostWrites, "what the host writes into guest memory is not marked dirty",
     "MI-2"},
    {kPlantLogLosesAPage, "every fetch of the dirty log forgets its highest frame", "MI-2"},
    {kPlantLogCutsAtWord, "a run of dirty pages that ends with a word of the log loses its last",
     "MI-2"},
    {kPlantLogSkipsOverlays, "what is written to overlay pages is not marked dirty", "MI-2"},
    {kPlantFlagNotLogged, "an event flag that the host sets does not mark its page dirty", "MI-2"},
    {kPlantRangeMissesLast, "of neighbouring pages written together the last is not marked dirty",
     "MI-2"},
    {kPlantStartKeepsGeneration, "processors are not told that the dirty log has begun", "MI-2"},
    {kPlantFetchKeepsGeneration, "processors are not told that the dirty log was cleared", "MI-2"},
};

}  // namespace sim::memory
