#include "checkers/synthetic_timers.hpp"

#include <utility>

#include "checkers/hypervisor_numbers.hpp"
#include "checkers/little_endian.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

constexpr std::uint64_t kTimerBits = 0x000F'1FFF;
constexpr std::uint64_t kTimerEnable = 1;
constexpr std::uint64_t kTimerAutoEnable = 8;
constexpr std::uint64_t kTimerSint = 0xF'0000;
/// No sum with it overflows, and no world lasts as long.
constexpr std::uint64_t kEndOfTicks = std::uint64_t{1} << 55;

}  // namespace

TimerProperty::TimerProperty(std::string id, std::string statement)
    : Property(std::move(id), std::move(statement),
               {ev::MsrAccessed::kType, ev::TimerArmed::kType, ev::TimerExpired::kType,
                ev::MessageDelivered::kType, ev::MemoryWatch::kType, ev::MemoryWatchedWrite::kType,
                ev::MemoryUnwatch::kType, ev::PartitionState::kType, ev::PartitionCall::kType,
                ev::VpState::kType, ev::NodeKilled::kType, ev::NodePaused::kType,
                ev::NodeResumed::kType}) {}

std::string TimerProperty::name_of(std::uint32_t vp, std::size_t timer) {
  return "timer " + std::to_string(timer) + " of VP " + std::to_string(vp);
}

void TimerProperty::on_event(const traces::Event& event) {
  if (const auto* write = event.as<ev::MemoryWatchedWrite>()) {
    if (pages_.wants(event, *write)) written(event, *write);
    return;
  }
  if (const auto* access = event.as<ev::MsrAccessed>()) return accessed(event, *access);
  if (const auto* message = event.as<ev::MessageDelivered>()) {
    if (message->to_guest && message->type == kTimerMessage) delivered(event, *message);
  } else if (const auto* armed = event.as<ev::TimerArmed>()) {
    if (armed->timer >= kTimersOfVp) return;
    look(event.time, &event);  // it is about to be programmed anew
    all_.at(event, armed->partition).of(armed->vp)[armed->timer].armed = *armed;
  } else if (const auto* over = event.as<ev::TimerExpired>()) {
    if (over->timer < kTimersOfVp) expired(event, *over);
  } else if (const auto* watch = event.as<ev::MemoryWatch>()) {
    if (!pages_.follow(event)) return;
    all_.at(event, watch->partition).watches[watch->watch] = {watch->owner, {}};
  } else if (const auto* ended = event.as<ev::MemoryUnwatch>()) {
    pages_.follow(event);
    if (PartitionTimers* timers = all_.find(event, ended->partition)) {
      timers->watches.erase(ended->watch);
    }
  } else {
    look(event.time, &event);
    if (const auto* vp = event.as<ev::VpState>()) {
      PartitionTimers& timers = all_.at(event, vp->partition);
      timers.clock.processor(event.time, vp->state);
      if (vp->state == traces::VpState::Stopped) timers.vps.erase(vp->vp);
    }
    pages_.follow(event);
    all_.follow(event);
  }
}

void TimerProperty::written(const traces::Event& event, const ev::MemoryWatchedWrite& write) {
  PartitionTimers* timers = all_.find(event, write.partition);
  if (timers == nullptr) return;
  const auto found = timers->watches.find(write.watch);
  if (found == timers->watches.end()) return;
  if (MessagePage::fits(write.offset, write.data.size())) {
    found->second.page.write(write.offset, write.data);
  }
}

void TimerProperty::accessed(const traces::Event& event, const ev::MsrAccessed& access) {
  if (access.msr < synthetic_msr::kTimers || access.msr >= synthetic_msr::kTimersEnd) return;
  PartitionTimers& timers = all_.at(event, access.partition);
  const std::size_t index = (access.msr - synthetic_msr::kTimers) / 2;
  const bool config = (access.msr - synthetic_msr::kTimers) % 2 == 0;
  ProgrammedTimer& timer = timers.of(access.vp)[index];
  if (!access.accepted) {
    timer.armed.reset();
    return;
  }
  if (!access.write) {
    const bool differs = (access.value & kTimerEnable) != (timer.config & kTimerEnable);
    if (config && differs && !timer.unseen() && !timer.maybe_direct()) {
      breach(event, name_of(access.vp, index) + " reads as " +
                        ((access.value & kTimerEnable) != 0 ? "enabled" : "not enabled") +
                        ", which it is not");
    }
    return;
  }
  if (config) {
    timer.config = access.value & kTimerBits;
    const bool no_source = (timer.config & kTimerSint) == 0 && !timer.maybe_direct();
    if (no_source) timer.config &= ~kTimerEnable;
    // Whether there are direct timers here only shows in what the write does.
    if (timer.maybe_direct() && (timer.config & kTimerSint) == 0 && !timer.armed) {
      timer.config &= ~kTimerEnable;
    }
  } else {
    timer.count = access.value;
    const bool has_source = (timer.config & kTimerSint) != 0 || timer.maybe_direct();
    if (timer.count == 0) {
      timer.config &= ~kTimerEnable;
    } else if ((timer.config & kTimerAutoEnable) != 0 && has_source) {
      timer.config |= kTimerEnable;
    }
  }
  (config ? timer.config_unseen : timer.count_unseen) = false;
  if (timer.unseen()) {
    timer.armed.reset();
  } else {
    programmed(event, access, timers.clock, timer);
  }
}

void TimerProperty::programmed(const traces::Event& event, const ev::MsrAccessed& access,
                               const ReferenceClock& clock, ProgrammedTimer& timer) {
  const std::string name = name_of(access.vp, (access.msr - synthetic_msr::kTimers) / 2);
  const std::optional<ev::TimerArmed> armed = std::exchange(timer.armed, std::nullopt);
  const bool expected = timer.enabled() && timer.count != 0;
  timer.expiration.reset();
  if (expected != armed.has_value()) {
    const bool hidden = timer.maybe_direct() && (timer.config & kTimerSint) == 0;
    if (!hidden) {
      breach(event, name + (expected ? " is enabled and not armed" : " is armed, not enabled"));
    }
  }
  if (!armed || timer.count == 0) return;
  timer.expiration = armed->expiration;
  if (timer.count >= kEndOfTicks) return;
  const std::uint64_t period = timer.periodic() ? timer.count : 0;
  const std::uint64_t due = timer.periodic() && clock.known()
                                ? clock.ticks(event.time) + timer.count
                            : timer.periodic() ? armed->expiration
                                               : timer.count;
  if (armed->expiration != due || armed->period != period) {
    breach(event, name + " is armed for " + std::to_string(armed->expiration) + " instead of " +
                      std::to_string(due));
  }
}

void TimerProperty::expired(const traces::Event& event, const ev::TimerExpired& expired) {
  look(event.time, &event);
  ++expirations_;
  PartitionTimers& timers = all_.at(event, expired.partition);
  ProgrammedTimer& timer = timers.of(expired.vp)[expired.timer];
  const std::string name = name_of(expired.vp, expired.timer);
  const std::string at = " at " + std::to_string(expired.delivery);
  if (expired.delivery < expired.expiration) {
    breach(event, name + " expires" + at + " before " + std::to_string(expired.expiration));
  } else if (timers.clock.known() && timers.clock.ticks(event.time) != expired.delivery) {
    breach(event, name + " expires" + at + " by its own account, at " +
                      std::to_string(timers.clock.ticks(event.time)) + " by the partition's time");
  }
  if (timer.queued && !timer.maybe_direct()) {
    breach(event, name + " expires though its last message has not found its slot");
  }
  if (!timer.maybe_direct()) timer.queued = expired.expiration;
  if (timer.unseen()) return;
  if (!timer.expiration) {
    breach(event, name + " expires" + at + " though it is not armed");
    return;
  }
  const bool fits = timer.periodic()
                        ? expired.expiration >= *timer.expiration &&
                              (expired.expiration - *timer.expiration) % timer.count == 0
                        : expired.expiration == *timer.expiration;
  if (!fits) {
    breach(event, name + " expires for " + std::to_string(expired.expiration) + " instead of " +
                      std::to_string(*timer.expiration));
  }
  if (timer.periodic()) {
    timer.expiration = expired.expiration + timer.count;
  } else {
    timer.expiration.reset();
    timer.config &= ~kTimerEnable;
  }
}

/// What stands in the slot is what the guest sees.
void TimerProperty::delivered(const traces::Event& event, const ev::MessageDelivered& message) {
  look(event.time, &event);
  PartitionTimers& timers = all_.at(event, message.partition);
  if (message.sint >= MessagePage::kSlots) return;
  for (const auto& [number, watched] : timers.watches) {
    if (watched.vp != message.vp) continue;
    const std::span<const std::byte> slot = watched.page.bytes(
        message.sint * MessagePage::kSlotBytes + MessagePage::kPayloadAt, MessagePage::kMaxPayload);
    const auto index = load<std::uint32_t>(slot, 0);
    const auto expiration = load<std::uint64_t>(slot, 8);
    const auto delivery = load<std::uint64_t>(slot, 16);
    if (index >= kTimersOfVp) {
      breach(event, "a message is of timer " + std::to_string(index) + ", which there is not");
      return;
    }
    ProgrammedTimer& timer = timers.of(message.vp)[index];
    const std::string name = "the message of " + name_of(message.vp, index);
    if (!timer.queued) {
      if (!timer.unseen() && !timer.maybe_direct()) breach(event, name + " has no expiration");
    } else if (expiration != *timer.queued) {
      breach(event, name + " names expiration " + std::to_string(expiration) + " instead of " +
                        std::to_string(*timer.queued));
    }
    if (delivery < expiration) {
      breach(event, name + " is delivered before its expiration");
    } else if (timers.clock.known() && delivery != timers.clock.ticks(event.time)) {
      breach(event, name + " names delivery " + std::to_string(delivery) + " at " +
                        std::to_string(timers.clock.ticks(event.time)));
    }
    timer.queued.reset();
    timer.freed = event.time;
    return;
  }
}

}  // namespace checkers
