// What stands behind SharedDisk: contents, queue, owner, and what the faults have done so far.
#pragma once

#include <optional>
#include <set>

#include "sim/disk/disk_content.hpp"

namespace sim {

struct SharedDisk::Impl {
  disk::DiskContent content;
  std::uint64_t unflushed_writes = 0;

  Time busy_until{};  ///< the channel moves one request's data at a time
  Time last_done{};
  Signal resumed;  ///< raised whenever a pause of the disk ends

  std::optional<NodeId> owner;
  std::uint64_t epoch = 0;

  std::set<std::uint64_t> healed;    ///< latent errors that a write has made good
  std::set<std::uint64_t> reported;  ///< latent errors that somebody has met
};

}  // namespace sim
