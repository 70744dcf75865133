// What stands behind SharedDisk: contents, queue, owner, and what the faults have done so far.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "sim/disk/disk_content.hpp"

namespace sim {

namespace disk {

/// The write that came in last, whoever sent it.
struct LastWrite {
  std::uint64_t epoch = 0;
  Lba lba{};
  std::size_t bytes = 0;
};

}  // namespace disk

struct SharedDisk::Impl {
  disk::DiskContent content;
  std::uint64_t unflushed_writes = 0;

  Time busy_until{};  ///< the channel moves one request's data at a time
  Time last_done{};
  Signal resumed;  ///< raised whenever a pause of the disk ends

  std::optional<NodeId> owner;
  std::uint64_t epoch = 0;
  std::optional<disk::LastWrite> last_write;

  std::uint64_t resets = 0;  ///< of the controller
  std::map<std::string, DiskFaults> rules;
  /// Since when each rule holds: a rule that is taken back and set again chooses anew.
  struct {
    Time lost_write, misdirected_write, latent_error, corrupt_read;
  } since;
  /// Sectors whose latent error has been decided: true while they cannot be read. A write makes a
  /// sector good, and it stays good under the rule in force.
  std::map<std::uint64_t, bool> latent;
};

}  // namespace sim
