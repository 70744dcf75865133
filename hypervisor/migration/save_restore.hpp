// From a worker process to a saved VM and back (spec B.11, C.8, D).
#pragma once

#include "hypervisor/migration/saved_vm.hpp"
#include "hypervisor/migration/worker_process.hpp"

namespace migration {

/// The VM as it stands still: suspended and quiesced since now. Without its disks, which stay where
/// they are, and of what witnesses say with the memory's digest only.
SavedVm save_vm(const WorkerProcess& worker);

/// The VM goes on in a worker process that was built from its configuration and has never run.
/// False when the state cannot be that VM's: the worker process is of no use then. It stays
/// suspended; WorkerProcess::resume() tells its guest that time was lost (spec D.3).
bool restore_vm(const SavedVm& saved, WorkerProcess& worker);

}  // namespace migration
