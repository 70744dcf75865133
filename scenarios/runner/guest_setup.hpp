// From a scenario's guest to what runs: parameters, image, entry state, model.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hypervisor/core/partition.hpp"
#include "hypervisor/migration/vm_config.hpp"
#include "scenarios/language/scenario.hpp"

namespace scenarios {

/// What VmConfig::guest_parameters holds, in this order. They travel with the VM.
enum GuestParameter : std::size_t {
  kWorkingSetPages,
  kDirtyPagesPerMs,
  kDiskIntervalUs,
  kDiskBlocks,
  kBlocksPerWrite,
  kFlushEvery,
  kStopAfterUs,
  kGuestSeed,
  kGuestParameterCount,
  // Only of guests that have it said.
  kFrameIntervalUs = kGuestParameterCount,
};

/// `seed` is the world's; the guest's own is derived from it and the VM's number.
std::vector<std::uint64_t> guest_parameters(const Scenario& scenario, const VmSpec& vm,
                                            std::uint64_t seed);
/// Integration services besides the heartbeat, as VmConfig has them.
std::uint8_t offered_services(const VmSpec& vm);
/// Those that it has, and those that the timeline gives it later.
std::vector<std::string> disks_of(const Scenario& scenario, const VmSpec& vm);
/// Loads the program's image and sets VP 0 to its entry.
void boot_program(const migration::VmConfig& config, hv::Partition& partition);
/// Does what firmware and a boot loader do: tables, kernel, RAM disk or module, VP 0 at the
/// kernel's entry.
void boot_kernel(const Scenario& scenario, const GuestSpec& guest,
                 const migration::VmConfig& config, hv::Partition& partition);
std::unique_ptr<hv::ModelGuest> make_model_guest(const migration::VmConfig& config,
                                                 hv::Partition& partition);

}  // namespace scenarios
