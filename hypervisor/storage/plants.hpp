// Deliberate bugs of the storage library, each with the invariant that must notice it (law 5).
#pragma once

#include "hypervisor/core/hypervisor.hpp"

namespace storage {

inline constexpr hv::PlantInfo kPlants[] = {
    {"storage.stale-read", "a host's read cache that no write invalidates", "SV-3"},
    {"storage.flush-does-nothing", "a flush succeeds without reaching the disk", "SV-4"},
};

}  // namespace storage
