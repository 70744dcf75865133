// The microkernel of one host: it creates partitions, enforces their state machine and serves
// hypercalls. No device, no I/O, less than 1 MB (A1, A2).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "hypervisor/core/ids.hpp"
#include "hypervisor/core/partition.hpp"
#include "hypervisor/core/status.hpp"
#include "sim/cpu/cpu.hpp"
#include "sim/kernel/plant.hpp"
#include "sim/kernel/world.hpp"

namespace hv {

/// Deliberate bugs of this and the libraries above.
using PlantInfo = sim::PlantInfo;

class Hypervisor {
 public:
  /// Starts with the root partition, id 1, Active, all privileges, no VPs and no memory of ours.
  explicit Hypervisor(sim::Node& host);
  ~Hypervisor();
  Hypervisor(const Hypervisor&) = delete;

  sim::Node& node() const { return node_; }
  PartitionId root() const { return {1}; }
  Partition* find(PartitionId id);
  /// The id that the next created partition gets: its memory is made first and carries it.
  PartitionId next_partition_id() const { return {next_id_}; }
  std::vector<Partition*> partitions();

  /// Hypercalls that name a partition (spec B.5, B.6), as the parent's stack issues them. Each
  /// emits partition.call, and partition.state when the state changes.
  struct Created {
    Status status = Status::Success;
    PartitionId id{};
  };
  Created create_partition(PartitionId caller, const PartitionConfig& config,
                           sim::GuestMemory& memory);
  Status deposit_memory(PartitionId caller, PartitionId id, std::uint64_t pages);
  Status withdraw_memory(PartitionId caller, PartitionId id, std::uint64_t pages);
  Status initialize_partition(PartitionId caller, PartitionId id);
  Status finalize_partition(PartitionId caller, PartitionId id);
  Status delete_partition(PartitionId caller, PartitionId id);
  /// Finalize, withdraw everything, delete (spec B.6 destruction recipe).
  Status destroy_partition(PartitionId caller, PartitionId id);

  struct Balance {
    Status status = Status::Success;
    std::uint64_t available = 0;
    std::uint64_t in_use = 0;
  };
  Balance get_memory_balance(PartitionId caller, PartitionId id);
  /// The child created next after `previous` (0: the first); id 0 at the end.
  Created get_next_child(PartitionId caller, PartitionId parent, PartitionId previous);
  /// What must be deposited before InitializePartition succeeds.
  static constexpr std::uint64_t kPagesToInitialize = 8;

  /// A guest's hypercall by registers (spec B.3): fast, slow and rep forms, error precedence B.4.
  void hypercall(Partition& caller, VpIndex vp, sim::HypercallRegisters& registers);
  /// A call that only the parent of the partition named may make, made by a guest.
  Status refuse_guest(Partition& caller, PartitionId named, std::uint16_t code);

 private:
  friend class Partition;
  Status check(PartitionId caller, PartitionId id, std::uint16_t code, Partition** target);
  template <class Body>
  Status call(PartitionId caller, PartitionId id, std::uint16_t code, Body body);
  void report_refused(PartitionId id, std::uint16_t code, Status status) const;

  sim::Node& node_;
  std::map<PartitionId, std::unique_ptr<Partition>> partitions_;
  std::uint64_t next_id_ = 1;
};

}  // namespace hv
