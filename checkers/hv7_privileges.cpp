// HV-7 (spec I.1, B.1, B.5): a partition gets what it asks of the hypervisor only with the
// privilege for it: hypercalls, messages and events, MSRs. No guest is the parent of a partition,
// so what only parents may do succeeds for none.
#include <optional>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

constexpr std::uint32_t kPostMessages = 1u << 4;
constexpr std::uint32_t kSignalEvents = 1u << 5;
constexpr std::uint32_t kNobody = 1u << 31;  // what only a parent may do

/// B.5; 0: everybody may.
std::uint32_t needed_for_call(std::uint16_t code) {
  switch (code) {
    case 0x04:  // GetLogicalProcessorRunTime
    case 0x09:  // ParkLogicalProcessors
      return 1u << 12;
    case 0x40:  // CreatePartition
    case 0x47:  // GetNextChildPartition
      return 1u << 0;
    case 0x46:  // GetPartitionId
      return 1u << 1;
    case 0x48:  // DepositMemory
    case 0x49:  // WithdrawMemory
    case 0x4A:  // GetMemoryBalance
      return 1u << 2;
    case 0x5C:
      return kPostMessages;
    case 0x5D:
      return kSignalEvents;
    case 0x57:  // CreatePort
    case 0x58:  // DeletePort
      return 1u << 6;
    case 0x59:  // ConnectPort
    case 0x5B:  // DisconnectPort
      return 1u << 7;
    case 0x6C:  // MapStatsPage
    case 0x6D:  // UnmapStatsPage
      return 1u << 8;
    case 0x50:  // GetVpRegisters, SetVpRegisters: also of one's own
    case 0x51:
      return 0;
    default:
      // InitializePartition to WriteGpa, AssertVirtualInterrupt, Save and Restore, sparse maps.
      return (code >= 0x41 && code <= 0x56) || code == 0x5E || code == 0x5F || code == 0x6E
                 ? kNobody
                 : 0;
  }
}

/// B.1, B.2; 0: everybody may.
std::uint32_t needed_for_msr(std::uint64_t msr) {
  if ((msr >= 0x4000'0080 && msr <= 0x4000'0084) || (msr >> 4) == 0x400'0009) return 1u << 2;
  if (msr >= 0x4000'00B0 && msr < 0x4000'00B8) return 1u << 3;
  switch (msr) {
    case 0x4000'0000:
    case 0x4000'0001:
      return 1u << 5;
    case 0x4000'0002:
      return 1u << 6;
    case 0x4000'0003:
      return 1u << 7;
    case 0x4000'0010:
      return 1u << 0;
    case 0x4000'0020:
      return 1u << 1;
    case 0x4000'0021:
      return 1u << 9;
    case 0x4000'0022:
    case 0x4000'0023:
      return 1u << 11;
    case 0x4000'0070:
    case 0x4000'0071:
    case 0x4000'0072:
      return 1u << 4;
    default:
      return 0;
  }
}

struct Granted {
  void take_over(const Granted&) {}  // every partition is created with its own
  std::optional<ev::PartitionPrivileges> privileges;
};

class PrivilegeSoundness final : public Property {
 public:
  PrivilegeSoundness()
      : Property(
            "HV-7", "the hypervisor serves a partition only with the privilege for it",
            {ev::PartitionPrivileges::kType, ev::HypercallReturned::kType, ev::MsrAccessed::kType,
             ev::MessagePosted::kType, ev::EventSignalled::kType, ev::PartitionState::kType,
             ev::PartitionCall::kType, ev::VpState::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* made = event.as<ev::PartitionPrivileges>()) {
      partitions_.at(event, made->partition).privileges = *made;
    } else if (const auto* access = event.as<ev::MsrAccessed>()) {
      if (!access->accepted) {
        ++refused_;
        return;
      }
      ++served_;
      const auto privileges = partitions_.at(event, access->partition).privileges;
      const std::uint64_t needed = needed_for_msr(access->msr);
      if (privileges && (privileges->msr & needed) != needed) {
        violate(event, "partition " + std::to_string(access->partition) + " uses MSR " +
                           std::to_string(access->msr) + " without the privilege");
      }
    } else if (const auto* returned = event.as<ev::HypercallReturned>()) {
      const bool served = returned->continued || (returned->result & 0xFFFF) == 0;
      hypercall(event, returned->partition, static_cast<std::uint16_t>(returned->control), served);
    } else if (const auto* posted = event.as<ev::MessagePosted>()) {
      if (!posted->to_guest) hypercall(event, posted->partition, 0x5C, posted->status == 0);
    } else if (const auto* signalled = event.as<ev::EventSignalled>()) {
      hypercall(event, signalled->partition, 0x5D, signalled->status == 0);
    } else {
      partitions_.follow(event);
    }
  }

 private:
  void hypercall(const traces::Event& event, std::uint64_t partition, std::uint16_t code,
                 bool served) {
    if (!served) {
      ++refused_;
      return;
    }
    ++served_;
    const auto privileges = partitions_.at(event, partition).privileges;
    const std::uint32_t needed = needed_for_call(code);
    if (!privileges || (privileges->hypercall & needed) == needed) return;
    violate(event,
            "partition " + std::to_string(partition) + " makes hypercall " + std::to_string(code) +
                (needed == kNobody ? ", which only a parent may" : " without the privilege"));
  }

  std::string measured() const override {
    return std::to_string(served_) + " requests served, " + std::to_string(refused_) + " refused";
  }
  bool needs_detail() const override { return true; }

  PerPartition<Granted> partitions_;
  std::uint64_t served_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_hv7() { return std::make_unique<PrivilegeSoundness>(); }

}  // namespace checkers
