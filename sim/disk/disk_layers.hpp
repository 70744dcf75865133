// What a disk holds, layer by layer, taken out of one disk and put into another of the same size:
// for saved states that stand alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/disk/shared_disk.hpp"

namespace sim {

/// Whole sectors that follow each other.
struct SectorRun {
  Lba first;
  std::vector<std::byte> data;
  friend bool operator==(const SectorRun&, const SectorRun&) = default;
};

/// Each layer lies over the one before. Runs ascend within a layer and do not overlap; none is
/// longer than 64 KiB as contents() returns them.
struct DiskLayers {
  std::vector<SectorRun> medium;       ///< survives a loss of power
  std::vector<SectorRun> cache;        ///< acknowledged, and not flushed yet
  std::vector<SectorRun> misplaced;    ///< what misdirected writes put where it does not belong
  std::uint64_t unflushed_writes = 0;  ///< that the cache has taken since the last flush
  friend bool operator==(const DiskLayers&, const DiskLayers&) = default;
};

}  // namespace sim
