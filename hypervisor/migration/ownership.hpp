// Who owns a VM, on paper that survives a power cut: one sector per VM on the host's own system
// disk, written and flushed before anything is done that relies on it. This is the durable commit
// of an un-clustered live migration (spec G.2).
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "sim/disk/shared_disk.hpp"
#include "sim/kernel/world.hpp"

namespace migration {

enum class Claim : std::uint8_t {
  None = 0,   ///< this host may not run the VM; `epoch` is the last that it knows of
  Owned = 1,  ///< this host may run the VM
  Ceded = 2,  ///< given away by migration `job`; in doubt until `peer` has answered
};

struct Ownership {
  Claim claim = Claim::None;
  std::uint64_t epoch = 0;  ///< grows with every change of owner
  std::uint64_t job = 0;    ///< migration that the record belongs to
  std::uint32_t peer = 0;   ///< Ceded: node that it was given to
};

/// What stays here of a VM that somebody else owns since `epoch`: no claim, but its age. A source
/// that was in doubt meanwhile, and asks only now whether we took the VM, is told that we did.
constexpr Ownership given_away(std::uint64_t epoch) { return {.epoch = epoch}; }

class OwnershipStore {
 public:
  /// `disk` lives on the host's own node, so its cache is lost with the host's power.
  OwnershipStore(sim::Node& host, sim::SharedDisk& disk);

  /// Opens the disk and reads all records, which are on the medium then. A torn or foreign sector
  /// reads as "None".
  sim::Task<bool> load();
  /// True when the record is on the medium. The copy in memory changes only then.
  sim::Task<bool> put(std::uint32_t vm, Ownership record);
  Ownership get(std::uint32_t vm) const;
  const std::map<std::uint32_t, Ownership>& all() const { return records_; }

 private:
  sim::Node& host_;
  sim::SharedDisk& disk_;
  std::uint64_t disk_epoch_ = 0;
  std::map<std::uint32_t, Ownership> records_;
};

}  // namespace migration
