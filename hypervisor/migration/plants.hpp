// Deliberate bugs of live migration, each with the property that must notice it (law 5).
#pragma once

#include <array>

#include "hypervisor/core/hypervisor.hpp"

namespace migration {

inline constexpr std::array<hv::PlantInfo, 6> kPlants{{
    {"migration.forgets-final-set", "the pages of stop-and-copy are not sent", "MI-1"},
    {"migration.resumes-before-commit", "the target runs the VM as soon as it has its state",
     "MI-3"},
    {"migration.source-resumes-after-commit", "the source runs the VM again after the commit",
     "MI-3"},
    {"migration.quiesces-late", "devices go on until the final set has been sent", "MI-4"},
    {"migration.ignores-round-limit", "pre-copy goes on past the round limit", "MI-5"},
    {"migration.leaves-skeleton", "an aborted target keeps its partition", "MI-6"},
}};

}  // namespace migration
