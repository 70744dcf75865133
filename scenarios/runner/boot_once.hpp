// VMs that begin with a saved state (`boot-once`, docs/saved-state.md): the small world in which
// the state is made, and the states of a scenario. A state is a function of the VM and of nothing
// else in its scenario, nor of the seed, so that many runs begin with the same one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "hypervisor/migration/saved_vm.hpp"
#include "scenarios/language/scenario.hpp"
#include "traces/events.hpp"

namespace scenarios {

struct BootState {
  std::shared_ptr<const migration::SavedVm> vm;
  traces::Digest digest;  ///< of its content: by it the state is an input of the world
};

/// The scenario of the world in which the state of a VM is made: one host, this VM, its disks and
/// its networks, no trouble. `vm` is an index into Scenario::vms.
Scenario preparation(const Scenario& scenario, std::size_t vm);

/// The state with which this VM begins, which has `boot-once`. It is made, unless this process or
/// the folder of saved states has it. Throws UserError when the guest does not come as far.
BootState boot_state(const Scenario& scenario, std::size_t vm);

/// Makes the states of all VMs that want one, before processes are forked that would each do it.
void require_boot_states(const Scenario& scenario);

}  // namespace scenarios
