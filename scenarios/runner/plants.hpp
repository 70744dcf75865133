// Deliberate bugs of the runner, each with the property that must notice it (law 5).
#pragma once

#include "sim/kernel/plant.hpp"

namespace scenarios {

inline constexpr const char* kPlantLeaksBetweenRuns = "runner.leaks-between-runs";

inline constexpr sim::PlantInfo kPlants[] = {
    {kPlantLeaksBetweenRuns, "guests are seeded with how many worlds the process has built",
     "MG-3"},
};

}  // namespace scenarios
