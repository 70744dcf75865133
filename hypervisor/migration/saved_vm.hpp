// A VM that was saved: everything that a worker process needs to go on with it elsewhere and later.
// In memory; saved_state_file.hpp has its form as a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "hypervisor/migration/vm_config.hpp"
#include "sim/disk/disk_layers.hpp"
#include "sim/memory/guest_memory.hpp"

namespace migration {

/// A disk's content at the instant of saving, for a state that must stand alone.
struct SavedDisk {
  std::string name;
  std::uint64_t sectors = 0;  ///< size of the disk, in sectors of 512 bytes
  sim::DiskLayers layers;
};

/// What the witnesses said when the VM was saved: what goes on elsewhere must equal it (MI-1).
struct SavedWitness {
  struct Processor {
    std::uint64_t instructions = 0;
    traces::Digest digest;
  };
  traces::Digest memory;
  std::uint64_t pages = 0;  ///< frames that are not zero
  std::vector<Processor> processors;
  std::uint32_t channels = 0;  ///< that were open
  traces::Digest bus;
};

struct SavedVm {
  VmConfig config;
  /// Instant of the saving world's clock from which on the VM, its devices too, stood still. The
  /// stream has instants of that clock, so a world that goes on with it must have come as far.
  sim::Time at{};
  std::vector<std::byte> devices;  ///< WorkerProcess::save(), as a live migration sends it
  sim::PageBatch memory;           ///< every frame that is not zero
  SavedWitness witness;
  std::vector<SavedDisk> disks;  ///< of config.disks in their order, or none
};

}  // namespace migration
