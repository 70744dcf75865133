// The MSRs of a VP that the hypervisor owns (spec B.2). An access without its privilege, a write
// to a read-only register and an unknown register end as #GP.
#include "hypervisor/core/emit.hpp"
#include "hypervisor/core/msrs.hpp"
#include "hypervisor/core/partition_impl.hpp"
#include "hypervisor/core/plants.hpp"
#include "hypervisor/core/virtual_processor.hpp"

namespace hv {
namespace {

bool is_synic(std::uint32_t msr) {
  return (msr >= msr::kScontrol && msr <= msr::kEom) ||
         (msr >= msr::kSint0 && msr < msr::kSint0 + kSints);
}
bool is_timer(std::uint32_t msr) {
  return msr >= msr::kStimer0Config && msr < msr::kStimer0Config + 2 * kTimersPerVp;
}
bool is_apic(std::uint32_t msr) { return msr >= msr::kX2Apic && msr < msr::kX2ApicEnd; }

/// The privilege that a synthetic MSR needs; 0: none, or no such MSR.
std::uint32_t privilege_of(std::uint32_t msr) {
  if (is_synic(msr)) return privilege::kSynic;
  if (is_timer(msr)) return privilege::kSyntheticTimers;
  switch (msr) {
    case msr::kGuestOsId:
    case msr::kHypercall:
      return privilege::kHypercallMsrs;
    case msr::kVpIndex:
      return privilege::kVpIndex;
    case msr::kReset:
      return privilege::kReset;
    case msr::kVpRuntime:
      return privilege::kVpRuntime;
    case msr::kTimeRefCount:
      return privilege::kTimeRefCount;
    case msr::kReferenceTsc:
      return privilege::kReferenceTsc;
    case msr::kTscFrequency:
    case msr::kApicFrequency:
      return privilege::kFrequencyMsrs;
    case msr::kEoi:
    case msr::kIcr:
    case msr::kTpr:
      return privilege::kApicMsrs;
    default:
      return 0;
  }
}

constexpr std::uint64_t kApicHz = 200'000'000;
constexpr std::uint64_t kFastStrings = 1;

/// A page MSR whose page is enabled must name a page that exists.
bool place_exists(const Partition& partition, std::uint64_t value) {
  return (value & msr::kPageEnable) == 0 ||
         partition.gpa_map().in_range(sim::Gpfn{value >> sim::kPageShift});
}

}  // namespace

bool VirtualProcessor::may_use(std::uint32_t msr) const {
  const std::uint32_t needed = privilege_of(msr);
  return (partition_.config_.privileges.msr & needed) == needed ||
         plant(partition_, plants::kMsrPrivilegeIgnored);
}

/// The synthetic ones: those of the local APIC are used too often, and have events of their own.
void VirtualProcessor::report_access(std::uint32_t msr, bool write, std::uint64_t value,
                                     bool accepted) const {
  if (msr < msr::kGuestOsId || msr > msr::kLastSynthetic) return;
  traces::ev::MsrAccessed event;
  event.partition = partition_.id().value;
  event.vp = index_.value;
  event.msr = msr;
  event.write = write;
  event.value = value;
  event.accepted = accepted;
  emit(partition_, event);
}

// ---------------------------------------------------------------- reading

std::optional<std::uint64_t> VirtualProcessor::read_msr(std::uint32_t msr) {
  const auto value = get_msr(msr);
  report_access(msr, false, value.value_or(0), value.has_value());
  return value;
}

std::optional<std::uint64_t> VirtualProcessor::get_msr(std::uint32_t msr) {
  if (!may_use(msr)) return std::nullopt;
  if (is_synic(msr)) return synic_.read(msr);
  if (is_timer(msr)) {
    const SyntheticTimer& timer = timers_[(msr - msr::kStimer0Config) / 2];
    return (msr - msr::kStimer0Config) % 2 == 0 ? timer.config() : timer.count();
  }
  if (is_apic(msr)) {
    const auto reg = static_cast<std::uint8_t>(msr - msr::kX2Apic);
    if (!apic_.x2apic() || reg == Apic::kEoi || reg == Apic::kIcrHigh || reg == Apic::kDfr) {
      return std::nullopt;
    }
    return apic_.read(reg);
  }
  switch (msr) {
    case msr::kIcr:
      return apic_.icr();
    case msr::kTpr:
      return apic_.tpr();
    case msr::kAssistPage:
      return assist_;
    case msr::kApicBase:
      return apic_.base();
    case msr::kTsc:
      return tsc();
    case msr::kMicrocodeRevision:
      return 0;
    case msr::kMiscEnable:
      return kFastStrings;
    default:
      return read_identity_msr(msr);
  }
}

std::optional<std::uint64_t> VirtualProcessor::read_identity_msr(std::uint32_t msr) {
  const Partition::Impl& shared = *partition_.impl_;
  switch (msr) {
    case msr::kGuestOsId:
      return shared.guest_os_id;
    case msr::kHypercall:
      return shared.hypercall_msr;
    case msr::kReferenceTsc:
      return shared.reference_tsc_msr;
    case msr::kVpIndex:
      return index_.value;
    case msr::kReset:
      return 0;
    case msr::kVpRuntime:
      return runtime();
    case msr::kTimeRefCount:
      return partition_.read_reference_time().ticks;
    case msr::kTscFrequency:
      return partition_.config_.time.tsc_hz;
    case msr::kApicFrequency:
      return kApicHz;
    default:
      return std::nullopt;
  }
}

// ---------------------------------------------------------------- writing

bool VirtualProcessor::write_msr(std::uint32_t msr, std::uint64_t value) {
  const bool accepted = set_msr(msr, value);
  report_access(msr, true, value, accepted);
  return accepted;
}

bool VirtualProcessor::set_msr(std::uint32_t msr, std::uint64_t value) {
  if (!may_use(msr)) return false;
  if (is_synic(msr)) return synic_.write(msr, value);
  if (is_timer(msr)) {
    SyntheticTimer& timer = timers_[(msr - msr::kStimer0Config) / 2];
    if ((msr - msr::kStimer0Config) % 2 == 0) return timer.set_config(value);
    timer.set_count(value);
    return true;
  }
  if (is_apic(msr)) {
    const auto reg = static_cast<std::uint8_t>(msr - msr::kX2Apic);
    if (!apic_.x2apic() || reg == Apic::kIcrHigh || reg == Apic::kLdr || reg == Apic::kDfr) {
      return false;
    }
    if (reg == Apic::kEoi && value != 0) return false;
    return write_apic(reg, value);
  }
  switch (msr) {
    case msr::kGuestOsId:
    case msr::kHypercall:
    case msr::kReferenceTsc:
      return write_partition_msr(msr, value);
    case msr::kReset:
      if ((value & 1) != 0) stop("reset");
      return true;
    case msr::kAssistPage:
      return write_assist(value);
    case msr::kApicBase:
      return apic_.set_base(value);
    case msr::kMicrocodeRevision:
      return true;  // how software asks for the revision
    default:
      return write_apic_msr(msr, value);
  }
}

bool VirtualProcessor::write_partition_msr(std::uint32_t msr, std::uint64_t value) {
  Partition::Impl& shared = *partition_.impl_;
  if (msr == msr::kGuestOsId) {
    shared.guest_os_id = value;
    if (value != 0) return true;
    // Without an identity there is no hypercall page (HV-8). Its lock stays until reset.
    shared.hypercall_msr &= ~msr::kPageEnable;
    shared.hypercall_page.move_to(std::nullopt);
    return true;
  }
  if (msr == msr::kHypercall) {
    if ((shared.hypercall_msr & msr::kHypercallLocked) != 0) return true;
    if (shared.guest_os_id == 0 && !plant(partition_, plants::kPageWithoutIdentity)) {
      value &= ~(msr::kPageEnable | msr::kHypercallLocked);
    }
    if (!place_exists(partition_, value)) return false;
    shared.hypercall_msr = value;
    shared.show_hypercall_page(place_of(value));
    return true;
  }
  if (!place_exists(partition_, value)) return false;
  shared.reference_tsc_msr = value;
  shared.show_reference_page(place_of(value));
  return true;
}

bool VirtualProcessor::write_assist(std::uint64_t value) {
  if (!place_exists(partition_, value)) return false;
  assist_ = value;
  assist_page_.move_to(place_of(value));
  return true;
}

bool VirtualProcessor::write_apic_msr(std::uint32_t msr, std::uint64_t value) {
  switch (msr) {
    case msr::kEoi:
      return write_apic(Apic::kEoi, value);
    case msr::kTpr:
      return write_apic(Apic::kTpr, value);
    case msr::kIcr:
      // The synthetic register is 64 bits wide in both modes: high half first, then the trigger.
      if (!apic_.x2apic()) apic_.write(Apic::kIcrHigh, value >> 32);
      return write_apic(Apic::kIcr, apic_.x2apic() ? value : value & 0xFFFF'FFFF);
    default:
      return false;
  }
}

bool VirtualProcessor::write_apic(std::uint8_t reg, std::uint64_t value) {
  switch (apic_.write(reg, value)) {
    case Apic::Effect::Refused:
      return false;
    case Apic::Effect::None:
      update_interrupt_line();
      return true;
    case Apic::Effect::Eoi:
      emit(partition_, traces::ev::ApicEoi{partition_.id().value, index_.value});
      end_of_interrupt();
      return true;
    case Apic::Effect::SendIpi:
      send_ipi();
      return true;
    case Apic::Effect::SelfIpi:
      request_interrupt(static_cast<std::uint8_t>(value), false);
      return true;
  }
  return false;
}

/// Delivery to others is an event at this processor's time, since others may be behind.
void VirtualProcessor::send_ipi() {
  const std::uint64_t icr = apic_.icr();
  const auto shorthand = static_cast<unsigned>(icr >> 18 & 3);
  Ipi ipi;
  ipi.mode = static_cast<std::uint8_t>(icr >> 8 & 7);
  ipi.vector = static_cast<std::uint8_t>(icr);
  ipi.due = partition_.guest_ns(partition_.node().now());
  constexpr std::uint64_t kLevelAssert = 1u << 14;
  constexpr std::uint8_t kInit = 5;
  if (ipi.mode == kInit && (icr & kLevelAssert) == 0) return;  // INIT level de-assert: no effect
  for (VirtualProcessor* const target : partition_.vps()) {
    const bool self = target == this;
    bool chosen = false;
    switch (shorthand) {
      case 0:
        chosen = target->apic_.addressed_by(icr, apic_.x2apic());
        break;
      case 1:
        chosen = self;
        break;
      case 2:
        chosen = true;
        break;
      case 3:
        chosen = !self;
        break;
    }
    if (!chosen) continue;
    ipi.target = target->index_.value;
    partition_.impl_->send_ipi(ipi);
    if (ipi.mode == 1) return;  // lowest priority: one of them
  }
}

}  // namespace hv
