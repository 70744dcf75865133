// Deliberate bugs of the storage library, each with the property that must notice it (law 5).
#pragma once

#include "sim/kernel/plant.hpp"

namespace storage {

inline constexpr sim::PlantInfo kPlants[] = {
    {"storage.stale-read", "a host's read cache that no write invalidates", "SV-3"},
    {"storage.split-write-drops-rest", "the odd end of a write in pieces is not written", "SV-3"},
    {"storage.split-read-repeats", "every piece of a read in pieces is the first one", "SV-3"},
    {"storage.seize-keeps-epoch", "a disk that is taken back is written with the old epoch",
     "no-guest-panic"},
    {"storage.flush-does-nothing", "a flush succeeds without reaching the disk", "SV-4"},
};

}  // namespace storage
