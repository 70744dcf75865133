// Deliberate bugs of live migration, each with the property that must notice it (law 5).
#pragma once

#include "hypervisor/core/hypervisor.hpp"

namespace migration {

inline constexpr hv::PlantInfo kPlants[] = {
    {"migration.forgets-final-set", "the pages of stop-and-copy are not sent", "MI-1"},
    {"migration.resumes-before-commit", "the target runs the VM as soon as it has its state",
     "MI-3"},
    {"migration.source-resumes-after-commit", "the source runs the VM again after the commit",
     "MI-3"},
    {"migration.quiesces-late", "devices go on until the final set has been sent", "MI-4"},
    {"migration.ignores-round-limit", "pre-copy goes on past the round limit", "MI-5"},
    {"migration.leaves-skeleton", "an aborted target keeps its partition", "MI-6"},
    {"migration.fetches-before-quiesce", "the final set is fetched before the devices are quiet",
     "MI-1"},
    {"migration.clears-log-after-round", "what is written while a round is sent is forgotten",
     "MI-2"},
    {"migration.leaves-out-overlays", "the first round sends the guest's RAM and no overlay pages",
     "MI-1"},
    {"migration.one-round-too-many", "pre-copy makes a round more than the limit", "MI-5"},
    {"migration.commit-keeps-epoch", "the new owner's record keeps the old owner's epoch", "MI-3"},
    {"migration.withdraws-old-epoch", "a withdrawn cession leaves the epoch as it was", "MI-3"},
    {"migration.verdict-off-by-one", "a target that has committed says that it has not", "MI-3"},
    {"migration.resolves-by-guess", "a source in doubt without an answer takes the VM back",
     "MI-3"},
    {"migration.abort-keeps-suspended",
     "an abort after the disks were closed leaves the VM stopped", "survives-with-owner"},
    {"migration.cede-not-flushed", "a cession is not flushed before COMMIT is sent", "MI-14"},
    {"migration.commit-not-flushed", "a target that commits does not flush its record", "MI-14"},
    {"migration.commit-writes-old-epoch",
     "a target that commits tells the new epoch and writes the old one", "MI-14"},
    {"worker.keeps-disks", "what is left of a VM that ends keeps its disks open", "CS-7"},
    {"migration.boot-overlooks-arrivals",
     "a host that boots overlooks the records of VMs that came by migration", "MI-14"},
};

}  // namespace migration
