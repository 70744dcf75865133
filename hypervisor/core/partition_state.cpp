// Save and restore of a partition (spec B.11).
#include <algorithm>
#include <utility>

#include "hypervisor/core/calls.hpp"
#include "hypervisor/core/emit.hpp"
#include "hypervisor/core/msrs.hpp"
#include "hypervisor/core/partition_impl.hpp"
#include "hypervisor/core/plants.hpp"
#include "hypervisor/core/saved_state.hpp"

namespace hv {

using traces::PartitionState;

namespace {

constexpr std::int64_t kMaxLeadNs = 1'000'000'000;

void forget_as_planted(const Partition& partition, SavedPartition& saved) {
  for (SavedVp& vp : saved.vps) {
    const bool sints = vp.synic.sint != Synic::reset_state().sint;
    if (sints && plant(partition, plants::kSaveForgetsSint)) {
      vp.synic.sint = Synic::reset_state().sint;
    }
    const bool timers = std::any_of(vp.timers.begin(), vp.timers.end(),
                                    [](const auto& timer) { return timer.config != 0; });
    if (timers && plant(partition, plants::kSaveForgetsTimer)) vp.timers = {};
    const bool waiting = std::any_of(vp.synic.queues.begin(), vp.synic.queues.end(),
                                     [](const auto& queue) { return !queue.empty(); });
    if (waiting && plant(partition, plants::kSaveForgetsQueue)) vp.synic.queues = {};
    const bool retries = vp.synic.retry_at != Synic::kNoRetry;
    if (retries && plant(partition, plants::kSaveForgetsRetry)) {
      vp.synic.retry_at = Synic::kNoRetry;
    }
    const bool requested = vp.apic.irr != Apic::Vectors{};
    if (requested && plant(partition, plants::kSaveForgetsInterrupts)) vp.apic.irr = {};
    if (vp.idle_ns != 0 && plant(partition, plants::kSaveForgetsIdleTime)) vp.idle_ns = 0;
  }
  if (plant(partition, plants::kSaveRoundsTime)) saved.guest_ns -= saved.guest_ns % 100;
}

/// Every page that is to be covered must exist here.
bool places_exist(const GpaMap& map, const SavedPartition& saved) {
  const auto exists = [&map](std::uint64_t value) {
    return (value & msr::kPageEnable) == 0 || map.in_range(sim::Gpfn{value >> sim::kPageShift});
  };
  if (!exists(saved.hypercall) || !exists(saved.reference_tsc)) return false;
  return std::all_of(saved.vps.begin(), saved.vps.end(), [&exists](const SavedVp& vp) {
    return exists(vp.assist) && exists(vp.synic.simp) && exists(vp.synic.siefp);
  });
}

}  // namespace

// ---------------------------------------------------------------- one VP

std::vector<std::byte> VirtualProcessor::engine_state() const {
  if (cpu_) return cpu_->save();
  return model_ != nullptr ? model_->save() : std::vector<std::byte>{};
}

bool VirtualProcessor::restore_engine(std::span<const std::byte> bytes) {
  return cpu_ ? cpu_->restore(bytes) : model_->restore(bytes);
}

/// A VP is ahead of its partition by no more than a last instruction and its exit.
bool VirtualProcessor::clock_fits(const SavedVp& saved, std::int64_t guest_ns) const {
  if (!cpu_) return true;
  const Wide executed_ns =
      static_cast<Wide>(cpu_->executed()) * 1'000 / partition_.config().time.instructions_per_us;
  return executed_ns + static_cast<std::uint64_t>(saved.base_ns) <=
         static_cast<std::uint64_t>(guest_ns + kMaxLeadNs);
}

SavedVp VirtualProcessor::capture() const {
  SavedVp saved;
  saved.index = index_.value;
  saved.model = model_ != nullptr;
  saved.stopped = state_ == traces::VpState::Stopped;
  saved.waits_for_startup = waits_for_startup_;
  saved.base_ns = base_ns_;
  saved.idle_ns = idle_ns_;
  saved.assist = assist_;
  saved.apic = apic_.state();
  saved.synic = synic_.state();
  for (unsigned i = 0; i < kTimersPerVp; ++i) {
    saved.timers[i] = timers_[i].state();
    const bool armed = saved.timers[i].due != 0;
    if (armed && plant(partition_, plants::kCaptureForgetsExpiration)) saved.timers[i].due = 0;
  }
  saved.engine = engine_state();
  return saved;
}

void VirtualProcessor::apply(const SavedVp& saved) {
  base_ns_ = saved.base_ns;
  idle_ns_ = saved.idle_ns;
  assist_ = saved.assist;
  assist_page_.move_to(place_of(assist_));
  waits_for_startup_ = saved.waits_for_startup;
  apic_.set_state(saved.apic);
  synic_.set_state(saved.synic);
  for (unsigned i = 0; i < kTimersPerVp; ++i) timers_[i].set_state(saved.timers[i]);
  if (cpu_) cpu_->set_interrupt_line(apic_.deliverable());
  if (saved.stopped) set_state(traces::VpState::Stopped, "restored");
}

// ---------------------------------------------------------------- the partition

SavedPartition Partition::capture() const {
  SavedPartition saved;
  saved.instructions_per_us = config_.time.instructions_per_us;
  saved.tsc_hz = config_.time.tsc_hz;
  saved.features = config_.privileges.features;
  saved.guest_ns = guest_ns(node().now());
  saved.guest_os_id = impl_->guest_os_id;
  saved.hypercall = impl_->hypercall_msr;
  saved.reference_tsc = impl_->reference_tsc_msr;
  saved.last_reference = impl_->last_reference;
  saved.parent = impl_->parent.state();
  saved.ipis = impl_->ipis;
  for (const auto& [index, each] : impl_->vps) saved.vps.push_back(each->capture());
  return saved;
}

Status Partition::save(traces::ByteWriter& out) const {
  Status status = Status::Success;
  if (state_ != PartitionState::Active)
    status = Status::InvalidPartitionState;
  else if (!suspended_)
    status = Status::InvalidSaveRestoreState;
  if (status == Status::Success) {
    SavedPartition saved = capture();
    forget_as_planted(*this, saved);
    saved.encode(out);
  }
  report_call(call::kSavePartitionState, state_, status);
  return status;
}

bool Partition::fits(const SavedPartition& saved) const {
  if (saved.instructions_per_us != config_.time.instructions_per_us ||
      saved.tsc_hz != config_.time.tsc_hz || saved.features != config_.privileges.features) {
    return false;
  }
  const bool same_vps = std::equal(saved.vps.begin(), saved.vps.end(), impl_->vps.begin(),
                                   impl_->vps.end(), [](const SavedVp& from, const auto& to) {
                                     return from.index == to.first.value &&
                                            from.model == (to.second->cpu() == nullptr) &&
                                            to.second->state() == traces::VpState::Suspended;
                                   });
  const bool targets_exist =
      std::all_of(saved.ipis.begin(), saved.ipis.end(),
                  [this](const Ipi& ipi) { return impl_->vps.contains(VpIndex{ipi.target}); });
  return same_vps && targets_exist && places_exist(gpa_map_, saved);
}

/// Engines validate their own bytes, so one may refuse after another has accepted.
bool Partition::restore_engines(const SavedPartition& saved) {
  std::vector<std::pair<VirtualProcessor*, std::vector<std::byte>>> undo;
  for (const SavedVp& each : saved.vps) {
    VirtualProcessor* const target = vp({each.index});
    undo.emplace_back(target, target->engine_state());
    if (target->restore_engine(each.engine) && target->clock_fits(each, saved.guest_ns)) continue;
    for (auto& [changed, before] : undo) changed->restore_engine(before);
    return false;
  }
  return true;
}

Status Partition::restore(traces::ByteReader& in) {
  Status status = Status::Success;
  if (state_ != PartitionState::Active) {
    status = Status::InvalidPartitionState;
  } else {
    const auto saved = suspended_ ? SavedPartition::decode(in) : std::nullopt;
    const bool accepted = saved && fits(*saved) && restore_engines(*saved);
    if (accepted) {
      apply(*saved);
    } else {
      status = Status::InvalidSaveRestoreState;
    }
  }
  report_call(call::kRestorePartitionState, state_, status);
  return status;
}

void Partition::apply(const SavedPartition& saved) {
  impl_->clock.set(saved.guest_ns);
  impl_->guest_os_id = saved.guest_os_id;
  impl_->hypercall_msr = saved.hypercall;
  impl_->reference_tsc_msr = saved.reference_tsc;
  impl_->last_reference = saved.last_reference;
  // The contents came with the memory.
  if (!plant(*this, plants::kHypercallPageForgotten)) {
    impl_->hypercall_page.move_to(place_of(saved.hypercall));
  }
  impl_->reference_page.move_to(place_of(saved.reference_tsc));
  impl_->parent.set_state(saved.parent);
  impl_->ipis = saved.ipis;
  for (const SavedVp& each : saved.vps) vp({each.index})->apply(each);
}

}  // namespace hv
