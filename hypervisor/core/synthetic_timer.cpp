#include "hypervisor/core/synthetic_timer.hpp"

#include <algorithm>

#include "hypervisor/core/emit.hpp"
#include "hypervisor/core/msrs.hpp"
#include "hypervisor/core/plants.hpp"
#include "hypervisor/core/points.hpp"
#include "hypervisor/core/virtual_processor.hpp"
#include "sim/kernel/invite.hpp"

namespace hv {
namespace {

/// Ticks of a periodic timer that it still makes good; older ones are dropped (spec B.9).
constexpr std::uint64_t kMaxBacklog = 8;
constexpr std::uint64_t kConfigBits = 0x000F'1FFF;
constexpr std::uint64_t kTickNs = 100;
/// Past this reference time a timer never expires: it is beyond the end of the world's clock.
constexpr std::uint64_t kEndOfTime = static_cast<std::uint64_t>(INT64_MAX) / kTickNs;
constexpr std::int64_t kPlantedLeadNs = 5'000;
constexpr sim::Duration kInvitedDelay{200'000};

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  return a > kEndOfTime || b > kEndOfTime - a ? kEndOfTime : a + b;
}

}  // namespace

SyntheticTimer::SyntheticTimer(VirtualProcessor& vp, std::uint8_t index)
    : vp_(vp),
      index_(index),
      alarm_(vp.partition().node(), "stimer", vp.timer_key(index), [this] { expired(); }) {}

bool SyntheticTimer::set_config(std::uint64_t value) {
  value &= kConfigBits;
  if ((vp_.partition().config().privileges.features & privilege::kDirectTimers) == 0) {
    value &= ~(kDirect | 0xFF0);
  }
  if ((value & kDirect) != 0 && (value >> 4 & 0xFF) < 16) return false;
  state_.config = value;
  if (sint().value == 0 && !direct()) state_.config &= ~kEnable;
  begin();
  return true;
}

void SyntheticTimer::set_count(std::uint64_t value) {
  state_.count = value;
  if (value == 0) {
    state_.config &= ~kEnable;
  } else if ((state_.config & kAutoEnable) != 0 && (direct() || sint().value != 0)) {
    state_.config |= kEnable;
  }
  begin();
}

/// The registers changed: arms the timer from now on, or not at all.
void SyntheticTimer::begin() {
  stop_clock();
  state_.blocked = false;
  if (!enabled() || state_.count == 0) return;
  const std::uint64_t now = vp_.partition().reference_time().ticks;
  state_.due = periodic() ? saturating_add(now, state_.count) : state_.count;
  state_.fire_at = state_.due;
  traces::ev::TimerArmed event;
  event.partition = vp_.partition().id().value;
  event.vp = vp_.index().value;
  event.timer = index_;
  event.expiration = state_.due;
  event.period = periodic() ? state_.count : 0;
  emit(vp_.partition(), event);
  start_clock();
}

void SyntheticTimer::start_clock(bool after_resume) {
  if (!enabled() || state_.count == 0 || state_.blocked) return;
  if (state_.fire_at >= kEndOfTime) return;
  const Partition& partition = vp_.partition();
  if (after_resume && plant(partition, plants::kTimerLostOnResume)) return;
  auto guest = static_cast<std::int64_t>(state_.fire_at * kTickNs);
  if (plant(partition, plants::kTimerEarly)) guest -= kPlantedLeadNs;
  if (after_resume && plant(partition, plants::kTimerEarlyAfterResume)) guest -= kTickNs;
  const std::uint64_t timer = std::uint64_t{vp_.index().value} << 8 | index_;
  guest += sim::invited_delay(partition.node(), points::kLateTimer,
                              {partition.vm(), timer, state_.fire_at}, kInvitedDelay)
               .ns;
  alarm_.arm(partition.world_time(guest));
}

void SyntheticTimer::expired() {
  if (!direct() && vp_.synic().timer_waits(index_)) {
    sometimes(vp_.partition(), points::kTimerBlocked);
    state_.blocked = true;  // one message at a time; delivered() goes on
    return;
  }
  fire();
}

void SyntheticTimer::fire() {
  const Partition& partition = vp_.partition();
  const std::uint64_t expiration = state_.due;
  const bool by_interrupt = direct();
  const Sint source = sint();
  const auto vector = static_cast<std::uint8_t>(state_.config >> 4 & 0xFF);
  traces::ev::TimerExpired event;
  event.partition = partition.id().value;
  event.vp = vp_.index().value;
  event.timer = index_;
  event.expiration = expiration;
  event.delivery = partition.reference_time().ticks;
  emit(partition, event);
  if (periodic()) {
    state_.due = saturating_add(state_.due, state_.count);
    schedule_next();
  } else if (!plant(partition, plants::kTimerStaysEnabled)) {
    state_.config &= ~kEnable;
  }
  if (by_interrupt) {
    vp_.request_interrupt(vector, false);
    return;
  }
  vp_.synic().post_timer(index_, source, expiration);
  if (plant(partition, plants::kTimerRingsTwice)) {
    vp_.synic().post_timer(index_, source, expiration);
  }
}

/// Missed ticks are made good at twice the rate, up to a limit; a lazy timer leaves them out.
void SyntheticTimer::schedule_next() {
  const std::uint64_t now = vp_.partition().reference_time().ticks;
  const std::uint64_t period = state_.count;
  state_.fire_at = state_.due;
  if (state_.due <= now) {
    sometimes(vp_.partition(), points::kTicksMissed);
    const std::uint64_t missed = (now - state_.due) / period + 1;
    const std::uint64_t keep = (state_.config & kLazy) != 0 ? 0 : kMaxBacklog;
    if (missed > keep) state_.due += (missed - keep) * period;
    const std::uint64_t soon = now + std::max<std::uint64_t>(period / 2, 1);
    state_.fire_at = std::max(state_.due, soon);
  }
  start_clock();
}

void SyntheticTimer::delivered() {
  if (!state_.blocked) return;
  state_.blocked = false;
  if (periodic()) {
    schedule_next();
  } else {
    start_clock();
  }
}

bool SyntheticTimer::valid(const State& state) {
  if ((state.config & ~kConfigBits) != 0) return false;
  const bool direct = (state.config & kDirect) != 0;
  const bool enabled = (state.config & kEnable) != 0;
  if (direct && (state.config >> 4 & 0xFF) < 16) return false;
  if (enabled && !direct && (state.config >> 16 & 15) == 0) return false;
  return !state.blocked || (enabled && state.count != 0);
}

SyntheticTimers::SyntheticTimers(VirtualProcessor& vp) {
  for (std::uint8_t i = 0; i < kTimersPerVp; ++i) {
    timers_[i] = std::make_unique<SyntheticTimer>(vp, i);
  }
}

void SyntheticTimers::stop_clock() {
  for (auto& timer : timers_) timer->stop_clock();
}

void SyntheticTimers::start_clock() {
  for (auto& timer : timers_) timer->start_clock(true);
}

}  // namespace hv
