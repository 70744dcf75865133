// Deliberate bugs of the storage library, each with the property that must notice it (law 5).
#pragma once

#include "sim/kernel/plant.hpp"

namespace storage {

inline constexpr sim::PlantInfo kPlants[] = {
    {"storage.stale-read", "a host's read cache that no write invalidates", "SV-3"},
    {"storage.flush-does-nothing", "a flush succeeds without reaching the disk", "SV-4"},
};

}  // namespace storage
