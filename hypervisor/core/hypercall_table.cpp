// The hypercalls that a guest can name (spec B.5), and what they do for a child partition.
#include <algorithm>
#include <array>

#include "hypervisor/core/calls.hpp"
#include "hypervisor/core/hypercall.hpp"
#include "hypervisor/core/hypervisor.hpp"
#include "hypervisor/core/msrs.hpp"
#include "hypervisor/core/vp_registers.hpp"
#include "traces/bytes.hpp"

namespace hv {
namespace {

using Output = std::span<std::byte>;
using Element = std::span<const std::byte>;

void store_u64(Output out, std::size_t at, std::uint64_t value) {
  for (std::size_t i = 0; i < 8; ++i) out[at + i] = static_cast<std::byte>(value >> (8 * i));
}

// ---------------------------------------------------------------- messages and events

Status post_message(const HypercallInput& in, Output) {
  constexpr std::size_t kPayloadAt = 16;
  const std::uint32_t bytes = in.u32(12);
  if (bytes > in.header.size() - kPayloadAt) return Status::InvalidParameter;
  return in.caller.guest_post_message({in.u32(0)}, in.u32(8), in.header.subspan(kPayloadAt, bytes));
}

Status signal_event(const HypercallInput& in, Output) {
  return in.caller.guest_signal_event({in.u32(0)}, in.u16(4));
}

// ---------------------------------------------------------------- hints

/// A hint to the scheduler. Every VP here has its own processor.
Status notify_long_spin_wait(const HypercallInput&, Output) { return Status::Success; }

Status flush_space(const HypercallInput& in, Output) {
  constexpr std::uint64_t kFlags = 0xF;
  if ((in.u64(8) & ~kFlags) != 0) return Status::InvalidParameter;
  in.caller.flush_translations();
  return Status::Success;
}

Status flush_address(const HypercallInput& in, Element, Output) { return flush_space(in, {}); }

// ---------------------------------------------------------------- registers of a VP

VirtualProcessor* named_vp(const HypercallInput& in, Status& status) {
  constexpr std::uint64_t kSelfPartition = ~std::uint64_t{0};
  constexpr std::uint32_t kSelfVp = 0xFFFF'FFFE;
  const std::uint64_t id = in.u64(0);
  if (id != kSelfPartition && id != in.caller.id().value) {
    status = Status::AccessDenied;
    return nullptr;
  }
  const std::uint32_t index = in.u32(8);
  VirtualProcessor* const vp = in.caller.vp(index == kSelfVp ? in.vp : VpIndex{index});
  status = vp == nullptr ? Status::InvalidVpIndex : Status::Success;
  return vp;
}

Status get_vp_register(const HypercallInput& in, Element element, Output out) {
  Status status;
  VirtualProcessor* const vp = named_vp(in, status);
  if (vp == nullptr) return status;
  const auto value = get_register(*vp, traces::ByteReader(element).get<std::uint32_t>());
  if (!value) return Status::InvalidParameter;
  store_u64(out, 0, *value);
  store_u64(out, 8, 0);
  return Status::Success;
}

Status set_vp_register(const HypercallInput& in, Element element, Output) {
  constexpr std::size_t kValueAt = 16;
  Status status;
  VirtualProcessor* const vp = named_vp(in, status);
  if (vp == nullptr) return status;
  const auto name = traces::ByteReader(element).get<std::uint32_t>();
  const auto value = traces::ByteReader(element.subspan(kValueAt)).get<std::uint64_t>();
  return set_register(*vp, name, value) ? Status::Success : Status::InvalidParameter;
}

// ---------------------------------------------------------------- partitions
// A guest has no children (create_partition answers PartitionTooDeep), so no partition can be
// named that it is the parent of; the parent's stack calls Hypervisor directly.

Status create_partition(const HypercallInput&, Output) { return Status::PartitionTooDeep; }

Status get_partition_id(const HypercallInput& in, Output out) {
  store_u64(out, 0, in.caller.id().value);
  return Status::Success;
}

Status initialize_partition(const HypercallInput& in, Output) {
  return in.hypervisor().initialize_partition(in.caller.id(), {in.u64(0)});
}
Status finalize_partition(const HypercallInput& in, Output) {
  return in.hypervisor().finalize_partition(in.caller.id(), {in.u64(0)});
}
Status delete_partition(const HypercallInput& in, Output) {
  return in.hypervisor().delete_partition(in.caller.id(), {in.u64(0)});
}

Status get_next_child(const HypercallInput& in, Output out) {
  const auto next = in.hypervisor().get_next_child(in.caller.id(), {in.u64(0)}, {in.u64(8)});
  store_u64(out, 0, next.id.value);
  return next.status;
}

Status get_memory_balance(const HypercallInput& in, Output out) {
  const auto balance = in.hypervisor().get_memory_balance(in.caller.id(), {in.u64(0)});
  store_u64(out, 0, balance.available);
  store_u64(out, 8, balance.in_use);
  return balance.status;
}

/// Calls that only the parent of the partition named may make.
Status for_parents(const HypercallInput& in, Output) {
  return in.hypervisor().refuse_guest(in.caller, {in.u64(0)}, in.code);
}
Status for_parents_rep(const HypercallInput& in, Element, Output) { return for_parents(in, {}); }

// ---------------------------------------------------------------- the table

constexpr HypercallInfo simple(std::uint16_t code, bool fast, std::uint32_t privilege,
                               std::uint16_t header, std::uint16_t output,
                               Status (*body)(const HypercallInput&, Output)) {
  return {code, false, fast, privilege, header, 0, 0, output, body, nullptr};
}
constexpr HypercallInfo rep(std::uint16_t code, std::uint32_t privilege, std::uint16_t header,
                            std::uint16_t element_in, std::uint16_t element_out,
                            Status (*body)(const HypercallInput&, Element, Output)) {
  return {code, true, false, privilege, header, element_in, element_out, 0, nullptr, body};
}

using namespace call;
constexpr bool kFast = true;
constexpr bool kSlow = false;

constexpr auto kTable = std::to_array<HypercallInfo>({
    simple(kFlushVirtualAddressSpace, kSlow, 0, 24, 0, flush_space),
    rep(kFlushVirtualAddressList, 0, 24, 8, 0, flush_address),
    simple(kNotifyLongSpinWait, kFast, 0, 8, 0, notify_long_spin_wait),
    simple(kCreatePartition, kSlow, privilege::kCreatePartitions, 16, 8, create_partition),
    simple(kInitializePartition, kFast, privilege::kCreatePartitions, 8, 0, initialize_partition),
    simple(kFinalizePartition, kFast, privilege::kCreatePartitions, 8, 0, finalize_partition),
    simple(kDeletePartition, kFast, privilege::kCreatePartitions, 8, 0, delete_partition),
    simple(kGetPartitionProperty, kSlow, privilege::kCreatePartitions, 16, 8, for_parents),
    simple(kSetPartitionProperty, kSlow, privilege::kCreatePartitions, 24, 0, for_parents),
    simple(kGetPartitionId, kSlow, privilege::kAccessPartitionId, 0, 8, get_partition_id),
    simple(kGetNextChildPartition, kSlow, privilege::kCreatePartitions, 16, 8, get_next_child),
    rep(kDepositMemory, privilege::kAccessMemoryPool, 8, 8, 0, for_parents_rep),
    rep(kWithdrawMemory, privilege::kAccessMemoryPool, 16, 0, 8, for_parents_rep),
    simple(kGetMemoryBalance, kSlow, privilege::kAccessMemoryPool, 16, 16, get_memory_balance),
    rep(kMapGpaPages, privilege::kCreatePartitions, 24, 8, 0, for_parents_rep),
    rep(kUnmapGpaPages, privilege::kCreatePartitions, 16, 0, 0, for_parents_rep),
    simple(kInstallIntercept, kSlow, privilege::kCreatePartitions, 24, 0, for_parents),
    simple(kCreateVp, kSlow, privilege::kCreatePartitions, 32, 0, for_parents),
    simple(kDeleteVp, kFast, privilege::kCreatePartitions, 16, 0, for_parents),
    rep(kGetVpRegisters, 0, 16, 4, 16, get_vp_register),
    rep(kSetVpRegisters, 0, 16, 32, 0, set_vp_register),
    simple(kAssertVirtualInterrupt, kSlow, privilege::kCreatePartitions, 32, 0, for_parents),
    simple(kCreatePort, kSlow, privilege::kCreatePort, 48, 0, for_parents),
    simple(kDeletePort, kFast, privilege::kCreatePort, 16, 0, for_parents),
    simple(kConnectPort, kSlow, privilege::kConnectPort, 48, 0, for_parents),
    simple(kDisconnectPort, kFast, privilege::kConnectPort, 16, 0, for_parents),
    simple(kPostMessage, kSlow, privilege::kPostMessages, 256, 0, post_message),
    simple(kSignalEvent, kFast, privilege::kSignalEvents, 8, 0, signal_event),
    simple(kSavePartitionState, kSlow, privilege::kCreatePartitions, 16, 0, for_parents),
    simple(kRestorePartitionState, kSlow, privilege::kCreatePartitions, 16, 0, for_parents),
});

static_assert(std::is_sorted(kTable.begin(), kTable.end(),
                             [](const auto& a, const auto& b) { return a.code < b.code; }));

}  // namespace

const HypercallInfo* find_hypercall(std::uint16_t code) {
  const auto found = std::lower_bound(
      kTable.begin(), kTable.end(), code,
      [](const HypercallInfo& info, std::uint16_t wanted) { return info.code < wanted; });
  return found != kTable.end() && found->code == code ? &*found : nullptr;
}

}  // namespace hv
