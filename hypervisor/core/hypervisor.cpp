#include "hypervisor/core/hypervisor.hpp"

#include "hypervisor/core/calls.hpp"
#include "hypervisor/core/emit.hpp"
#include "hypervisor/core/msrs.hpp"
#include "hypervisor/core/partition_impl.hpp"
#include "hypervisor/core/plants.hpp"

namespace hv {

using traces::PartitionState;

namespace {

/// B.6: the states in which a call may name a partition.
bool allowed_in(std::uint16_t code, PartitionState state) {
  switch (state) {
    case PartitionState::Uninitialized:
      return code == call::kDepositMemory || code == call::kGetMemoryBalance ||
             code == call::kGetNextChildPartition || code == call::kInitializePartition ||
             code == call::kDeletePartition;
    case PartitionState::Active:
      return code != call::kDeletePartition && code != call::kInitializePartition;
    case PartitionState::Finalizing:
      return code == call::kGetMemoryBalance || code == call::kWithdrawMemory ||
             code == call::kGetNextChildPartition || code == call::kFinalizePartition;
    case PartitionState::Finalized:
      return code == call::kGetMemoryBalance || code == call::kWithdrawMemory ||
             code == call::kGetNextChildPartition || code == call::kDeletePartition;
    case PartitionState::None:
    case PartitionState::Deleted:
      return false;
  }
  return false;
}

}  // namespace

Hypervisor::Hypervisor(sim::Node& host) : node_(host) {
  const PartitionId id{next_id_++};
  PartitionConfig config;
  config.privileges = {~0u, ~0u, ~0u};
  config.vp_count = 0;
  auto root = std::make_unique<Partition>(*this, id, PartitionId{}, config, nullptr);
  root->set_state(PartitionState::Active);
  partitions_[id] = std::move(root);
}

Hypervisor::~Hypervisor() = default;

Partition* Hypervisor::find(PartitionId id) {
  const auto found = partitions_.find(id);
  return found == partitions_.end() ? nullptr : found->second.get();
}

std::vector<Partition*> Hypervisor::partitions() {
  std::vector<Partition*> result;
  for (const auto& [id, partition] : partitions_) result.push_back(partition.get());
  return result;
}

void Hypervisor::report_refused(PartitionId id, std::uint16_t code, Status status) const {
  traces::ev::PartitionCall event;
  event.partition = id.value;
  event.code = code;
  event.status = static_cast<std::uint16_t>(status);
  node_.world().emit(node_.id(), event);
}

Status Hypervisor::check(PartitionId caller, PartitionId id, std::uint16_t code,
                         Partition** target) {
  Partition* const named = find(id);
  if (named == nullptr) return Status::InvalidPartitionId;
  *target = named;
  const bool pool_call = code == call::kDepositMemory || code == call::kWithdrawMemory ||
                         code == call::kGetMemoryBalance;
  const bool self = pool_call || code == call::kGetNextChildPartition;
  if (named->parent_ != caller && !(self && caller == id)) return Status::AccessDenied;
  return allowed_in(code, named->state_) ? Status::Success : Status::InvalidPartitionState;
}

template <class Body>
Status Hypervisor::call(PartitionId caller, PartitionId id, std::uint16_t code, Body body) {
  Partition* target = nullptr;
  Status status = check(caller, id, code, &target);
  if (target == nullptr) {
    report_refused(id, code, status);
    return status;
  }
  const PartitionState before = target->state_;
  const bool by_parent = target->parent_ == caller;
  if (status == Status::Success) status = body(*target);
  target->report_call(code, before, status, by_parent);
  return status;
}

Status Hypervisor::refuse_guest(Partition& caller, PartitionId named, std::uint16_t code) {
  HVSIM_ASSERT(caller.id() != root(), "the root's stack does not call by registers");
  Partition* const target = find(named);
  const Status status = target == nullptr ? Status::InvalidPartitionId : Status::AccessDenied;
  if (target == nullptr) {
    report_refused(named, code, status);
  } else {
    target->report_call(code, target->state_, status, false);
  }
  return status;
}

// ---------------------------------------------------------------- life of a partition

Hypervisor::Created Hypervisor::create_partition(PartitionId caller, const PartitionConfig& config,
                                                 sim::GuestMemory& memory) {
  Partition* const creator = find(caller);
  Status status = Status::Success;
  if (creator == nullptr) {
    status = Status::InvalidPartitionId;
  } else if ((creator->config_.privileges.hypercall & privilege::kCreatePartitions) == 0) {
    status = Status::AccessDenied;
  } else if (caller != root()) {
    status = Status::PartitionTooDeep;  // children of the root only
  } else if (config.vp_count == 0) {
    status = Status::InvalidParameter;
  }
  if (status != Status::Success) {
    report_refused({}, call::kCreatePartition, status);
    return {status, {}};
  }
  const PartitionId id{next_id_++};
  auto created = std::make_unique<Partition>(*this, id, caller, config, &memory);
  created->state_ = PartitionState::None;
  created->report_call(call::kCreatePartition, PartitionState::None, status);
  created->set_state(PartitionState::Uninitialized);
  emit(*created, traces::ev::PartitionPrivileges{id.value, config.privileges.msr,
                                                 config.privileges.hypercall});
  partitions_[id] = std::move(created);
  return {status, id};
}

Status Hypervisor::initialize_partition(PartitionId caller, PartitionId id) {
  return call(caller, id, call::kInitializePartition, [](Partition& partition) {
    MemoryPool& pool = partition.impl_->pool;
    if (pool.available < kPagesToInitialize) return Status::InsufficientMemory;
    pool.available -= kPagesToInitialize;
    pool.in_use += kPagesToInitialize;
    partition.report_pool(0, 0);
    partition.set_state(PartitionState::Active);
    return Status::Success;
  });
}

Status Hypervisor::finalize_partition(PartitionId caller, PartitionId id) {
  return call(caller, id, call::kFinalizePartition, [this](Partition& partition) {
    for (const auto& [other, each] : partitions_) {
      if (each->parent_ == partition.id_) return Status::OperationDenied;
    }
    if (partition.state_ == PartitionState::Active && !plant(partition, plants::kSkipFinalizing)) {
      partition.set_state(PartitionState::Finalizing);
    }
    partition.impl_->tear_down();
    partition.report_pool(0, 0);
    partition.set_state(PartitionState::Finalized);
    return Status::Success;
  });
}

Status Hypervisor::delete_partition(PartitionId caller, PartitionId id) {
  const Status status = call(caller, id, call::kDeletePartition, [](Partition& partition) {
    const MemoryPool& pool = partition.impl_->pool;
    return pool.available + pool.in_use == 0 ? Status::Success : Status::OperationDenied;
  });
  if (status != Status::Success) return status;
  Partition& deleted = *find(id);
  deleted.set_state(PartitionState::Deleted);
  if (plant(deleted, plants::kUnmapsAfterDelete)) deleted.report_mapped({}, 1, {}, {});
  if (plant(deleted, plants::kPartitionIdAgain)) next_id_ = id.value;
  partitions_.erase(id);
  return status;
}

// ---------------------------------------------------------------- memory pools

Status Hypervisor::deposit_memory(PartitionId caller, PartitionId id, std::uint64_t pages) {
  return call(caller, id, call::kDepositMemory, [pages](Partition& partition) {
    if (partition.impl_ == nullptr || pages == 0) return Status::InvalidParameter;
    partition.impl_->pool.available += pages;
    partition.report_pool(pages, 0);
    return Status::Success;
  });
}

Status Hypervisor::withdraw_memory(PartitionId caller, PartitionId id, std::uint64_t pages) {
  return call(caller, id, call::kWithdrawMemory, [pages](Partition& partition) {
    if (partition.impl_ == nullptr || pages == 0) return Status::InvalidParameter;
    MemoryPool& pool = partition.impl_->pool;
    if (pages > pool.available) return Status::InsufficientMemory;
    pool.available -= pages;
    partition.report_pool(0, pages);
    return Status::Success;
  });
}

Hypervisor::Balance Hypervisor::get_memory_balance(PartitionId caller, PartitionId id) {
  Balance balance;
  balance.status = call(caller, id, call::kGetMemoryBalance, [&balance](Partition& partition) {
    if (partition.impl_ == nullptr) return Status::Success;
    balance.available = partition.impl_->pool.available;
    balance.in_use = partition.impl_->pool.in_use;
    return Status::Success;
  });
  return balance;
}

Hypervisor::Created Hypervisor::get_next_child(PartitionId caller, PartitionId parent,
                                               PartitionId previous) {
  Created next;
  next.status = call(caller, parent, call::kGetNextChildPartition, [&](Partition&) {
    for (const auto& [id, each] : partitions_) {
      if (id > previous && each->parent_ == parent) {
        next.id = id;
        break;
      }
    }
    return Status::Success;
  });
  return next;
}

/// Finalize, withdraw until empty, delete (spec B.6). A partition that was never initialized but
/// has a pool must become Active first: an Uninitialized one gives nothing back.
Status Hypervisor::destroy_partition(PartitionId caller, PartitionId id) {
  Partition* const partition = find(id);
  if (partition == nullptr) return Status::InvalidPartitionId;
  Status status = Status::Success;
  if (partition->state_ == PartitionState::Uninitialized) {
    const std::uint64_t held = get_memory_balance(caller, id).available;
    if (held == 0) return delete_partition(caller, id);
    if (held < kPagesToInitialize) {
      status = deposit_memory(caller, id, kPagesToInitialize - held);
    }
    if (status == Status::Success) status = initialize_partition(caller, id);
    if (status != Status::Success) return status;
  }
  if (partition->state_ != PartitionState::Finalized) {
    status = finalize_partition(caller, id);
    if (status != Status::Success) return status;
  }
  const std::uint64_t left = get_memory_balance(caller, id).available;
  if (left > 0) status = withdraw_memory(caller, id, left);
  return status == Status::Success ? delete_partition(caller, id) : status;
}

}  // namespace hv
