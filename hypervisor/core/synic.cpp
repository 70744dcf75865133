#include "hypervisor/core/synic.hpp"

#include <algorithm>

#include "hypervisor/core/emit.hpp"
#include "hypervisor/core/msrs.hpp"
#include "hypervisor/core/plants.hpp"
#include "hypervisor/core/points.hpp"
#include "hypervisor/core/virtual_processor.hpp"
#include "traces/bytes.hpp"
#include "traces/digest.hpp"

namespace hv {
namespace {

// Layout of a slot (spec B.7). The order in memory is not the order of the specification's prose.
constexpr std::uint32_t kTypeAt = 0;
constexpr std::uint32_t kHeaderAt = 4;  // size u8, flags u8, reserved u16, origination u64
constexpr std::uint32_t kFlagsAt = 5;
constexpr std::uint32_t kPayloadAt = 16;
constexpr std::byte kMessagePending{1};
constexpr std::uint64_t kSintBits = 0x7'00FF;

}  // namespace

Synic::State Synic::reset_state() {
  State state;
  state.sint.fill(kMasked);
  return state;
}

Synic::Synic(VirtualProcessor& vp)
    : vp_(vp),
      state_(reset_state()),
      message_page_(vp.partition(), traces::OverlayKind::Message, vp.index().value),
      event_page_(vp.partition(), traces::OverlayKind::Event, vp.index().value),
      retry_(vp.partition().node(), "synic.retry", vp.timer_key(0), [this] {
        state_.retry_at = kNoRetry;
        scan();
      }) {}

// ---------------------------------------------------------------- posting

Status Synic::post(std::uint32_t port, Sint sint, std::uint32_t type,
                   std::span<const std::byte> payload, std::uint64_t* sequence) {
  if (!enabled() || !message_page_.visible()) return Status::InvalidSynicState;
  QueuedMessage message;
  message.port = port;
  message.type = type;
  message.sequence = ++state_.sequences[{port, sint.value}];
  message.payload.assign(payload.begin(), payload.end());
  *sequence = message.sequence;
  state_.queues[sint.value].push_back(std::move(message));
  return Status::Success;
}

void Synic::post_timer(std::uint8_t timer, Sint sint, std::uint64_t expiration) {
  QueuedMessage message;
  message.type = kTimerExpired;
  message.timer = timer;
  message.expiration = expiration;
  state_.queues[sint.value].push_back(std::move(message));
  scan();
}

bool Synic::timer_waits(std::uint8_t timer) const {
  for (const auto& queue : state_.queues) {
    for (const QueuedMessage& each : queue) {
      if (each.timer == timer) return true;
    }
  }
  return false;
}

unsigned Synic::outstanding(std::uint32_t port) const {
  unsigned count = 0;
  for (const auto& queue : state_.queues) {
    for (const QueuedMessage& each : queue) {
      if (each.timer == QueuedMessage::kNoTimer && each.port == port) ++count;
    }
  }
  return count;
}

// ---------------------------------------------------------------- delivery

void Synic::end_of_message(bool by_eoi) {
  vp_.partition().memory().sample_watches();  // what the guest did to its slots came before
  traces::ev::MessageEnd event;
  event.partition = vp_.partition().id().value;
  event.vp = vp_.index().value;
  event.by_eoi = by_eoi;
  emit(vp_.partition(), event);
  if (!plant(vp_.partition(), plants::kEomIgnored)) scan();
}

/// TLFS 14.2.4: one look at every source that has something to deliver.
void Synic::scan() {
  if (!enabled() || !message_page_.visible()) return;
  for (unsigned sint = 0; sint < kSints; ++sint) {
    if (!state_.queues[sint].empty()) deliver(sint);
  }
  arm_retry();
}

void Synic::deliver(unsigned sint) {
  Partition& partition = vp_.partition();
  auto& queue = state_.queues[sint];
  const bool occupied =
      partition.memory().read_u32(message_page_.frame(), sint * kSlotBytes + kTypeAt) != 0;
  if (occupied && !plant(partition, plants::kSlotOverwritten)) {
    announce_waiting(sint);
    return;
  }
  auto chosen = queue.begin();
  if (queue.size() > 1 && queue[1].port == queue[0].port && queue[1].timer == queue[0].timer &&
      plant(partition, plants::kMessagesReordered)) {
    ++chosen;
  }
  QueuedMessage message = std::move(*chosen);
  queue.erase(chosen);
  const bool more = !queue.empty() && !plant(partition, plants::kPendingFlagForgotten);
  write_slot(sint, message, more);
  report_delivered(sint, message);
  raise(sint);
  if (message.timer != QueuedMessage::kNoTimer) vp_.timers().delivered(message.timer);
}

void Synic::write_slot(unsigned sint, QueuedMessage& message, bool more) {
  Partition& partition = vp_.partition();
  if (message.timer != QueuedMessage::kNoTimer) {
    traces::ByteWriter payload;
    payload.put<std::uint32_t>(message.timer);
    payload.put<std::uint32_t>(0);
    payload.put<std::uint64_t>(message.expiration);
    payload.put<std::uint64_t>(partition.reference_time().ticks);
    message.payload = payload.take();
  }
  traces::ByteWriter slot;
  slot.put(static_cast<std::uint8_t>(message.payload.size()));
  slot.put(static_cast<std::uint8_t>(more ? kMessagePending : std::byte{0}));
  slot.put<std::uint16_t>(0);
  slot.put<std::uint64_t>(message.port);
  slot.raw(message.payload);
  const std::uint32_t at = sint * kSlotBytes;
  sim::GuestMemory& memory = partition.memory();
  const sim::Frame frame = message_page_.frame();
  memory.write(frame, at + kHeaderAt, slot.bytes(), traces::Writer::Host);
  memory.write_u32(frame, at + kTypeAt, message.type, traces::Writer::Host);  // last
  partition.forget_code(frame);
}

/// Masked: the interrupt is lost, the message is not. Polled: nobody wants an interrupt.
void Synic::raise(unsigned sint) {
  const std::uint64_t config = state_.sint[sint];
  if ((config & (kMasked | kPolling)) != 0) return;
  const bool auto_eoi =
      (config & kAutoEoi) != 0 && !plant(vp_.partition(), plants::kAutoEoiForgotten);
  vp_.request_interrupt(static_cast<std::uint8_t>(config), auto_eoi,
                        static_cast<std::uint8_t>(sint));
}

void Synic::announce_waiting(unsigned sint) {
  Partition& partition = vp_.partition();
  sim::GuestMemory& memory = partition.memory();
  const std::uint32_t at = sint * kSlotBytes + kFlagsAt;
  std::byte flags{};
  sometimes(partition, points::kSlotBusy);
  memory.read(message_page_.frame(), at, std::span(&flags, 1));
  if ((flags & kMessagePending) != std::byte{0}) return;
  if (plant(partition, plants::kPendingFlagForgotten)) return;
  flags |= kMessagePending;
  memory.write(message_page_.frame(), at, std::span(&flags, 1), traces::Writer::Host);
  partition.forget_code(message_page_.frame());
}

void Synic::arm_retry() {
  const Partition& partition = vp_.partition();
  const sim::Duration retry = partition.config().synic.retry;
  if (retry.ns <= 0 || state_.retry_at != kNoRetry) return;
  const bool waits = std::any_of(state_.queues.begin(), state_.queues.end(),
                                 [](const auto& queue) { return !queue.empty(); });
  if (!waits || plant(partition, plants::kPendingFlagForgotten)) return;
  state_.retry_at = partition.guest_ns(partition.node().now()) + retry.ns;
  start_clock();
}

void Synic::start_clock() {
  if (state_.retry_at != kNoRetry) retry_.arm(vp_.partition().world_time(state_.retry_at));
}

void Synic::report_delivered(unsigned sint, const QueuedMessage& message) const {
  const Partition& partition = vp_.partition();
  // What stands in the slot, not what we believe to have put there.
  std::vector<std::byte> payload(message.payload.size());
  if (!payload.empty()) {
    partition.memory().read(message_page_.frame(), sint * kSlotBytes + kPayloadAt, payload);
  }
  traces::ev::MessageDelivered event;
  event.partition = partition.id().value;
  event.to_guest = true;
  event.port = message.port;
  event.vp = vp_.index().value;
  event.sint = static_cast<std::uint8_t>(sint);
  event.sequence = message.sequence;
  event.type = message.type;
  event.size = static_cast<std::uint32_t>(payload.size());
  event.hash = traces::hash64_of(payload);
  emit(partition, event);
}

// ---------------------------------------------------------------- event flags

Status Synic::signal(Sint sint, std::uint16_t flag) {
  Partition& partition = vp_.partition();
  traces::ev::EventFlag event;
  event.partition = partition.id().value;
  event.vp = vp_.index().value;
  event.sint = sint.value;
  event.flag = flag;
  Status status = Status::Success;
  const std::uint64_t config = state_.sint[sint.value];
  if (!enabled() || !event_page_.visible() || (config & kMasked) != 0) {
    status = Status::InvalidSynicState;
  } else {
    const std::uint32_t bit = 1u << (flag % 32);
    const std::uint32_t at = sint.value * kSlotBytes + flag / 32 * 4;
    const std::uint32_t old =
        partition.memory().fetch_or_u32(event_page_.frame(), at, bit, traces::Writer::Host);
    partition.forget_code(event_page_.frame());
    event.was_set = (old & bit) != 0;
    if (event.was_set) sometimes(partition, points::kFlagWasSet);
    event.interrupt = !event.was_set && (config & kPolling) == 0;
  }
  event.status = static_cast<std::uint16_t>(status);
  emit(partition, event);
  if (event.interrupt && !plant(partition, plants::kFlagWithoutInterrupt)) raise(sint.value);
  return status;
}

// ---------------------------------------------------------------- registers

bool Synic::uses_vector(std::uint8_t vector) const {
  return std::any_of(state_.sint.begin(), state_.sint.end(), [vector](std::uint64_t config) {
    return (config & kMasked) == 0 && (config & 0xFF) == vector;
  });
}

std::uint64_t Synic::read(std::uint32_t msr) const {
  switch (msr) {
    case msr::kScontrol:
      return state_.control;
    case msr::kSversion:
      return 1;
    case msr::kSiefp:
      return state_.siefp;
    case msr::kSimp:
      return state_.simp;
    case msr::kEom:
      return 0;
    default:
      return state_.sint[msr - msr::kSint0];
  }
}

bool Synic::write(std::uint32_t msr, std::uint64_t value) {
  switch (msr) {
    case msr::kScontrol:
      if (state_.control == (value & 1)) return true;
      state_.control = value & 1;
      report_control(255);
      scan();
      return true;
    case msr::kSversion:
      return false;
    case msr::kSiefp:
      return set_page(value, state_.siefp, event_page_);
    case msr::kSimp:
      return set_page(value, state_.simp, message_page_);
    case msr::kEom:
      end_of_message(false);
      return true;
    default:
      return set_sint(msr - msr::kSint0, value);
  }
}

bool Synic::set_page(std::uint64_t value, std::uint64_t& reg, OverlayPage& page) {
  const sim::Gpfn place{value >> sim::kPageShift};
  const bool enable = (value & msr::kPageEnable) != 0;
  if (enable && !vp_.partition().gpa_map().in_range(place)) return false;
  reg = value;
  page.move_to(enable ? std::optional(place) : std::nullopt);
  scan();
  return true;
}

bool Synic::valid_sint(std::uint64_t value) {
  return (value & ~kSintBits) == 0 && ((value & kMasked) != 0 || (value & 0xFF) >= 16);
}

bool Synic::set_sint(unsigned sint, std::uint64_t value) {
  value &= kSintBits;
  if (!valid_sint(value)) return false;
  if (state_.sint[sint] == value) return true;
  state_.sint[sint] = value;
  report_control(static_cast<std::uint8_t>(sint));
  return true;
}

void Synic::report_control(std::uint8_t sint) const {
  traces::ev::SynicControl event;
  event.partition = vp_.partition().id().value;
  event.vp = vp_.index().value;
  event.enabled = enabled();
  event.sint = sint;
  event.config = sint < kSints ? state_.sint[sint] : 0;
  emit(vp_.partition(), event);
}

// ---------------------------------------------------------------- life

void Synic::tear_down() {
  stop_clock();
  message_page_.move_to(std::nullopt);
  event_page_.move_to(std::nullopt);
  state_ = reset_state();
}

void Synic::set_state(const State& state) {
  const State before = std::move(state_);
  state_ = state;
  message_page_.move_to(place_of(state_.simp));
  if (!plant(vp_.partition(), plants::kEventPageForgotten)) {
    event_page_.move_to(place_of(state_.siefp));
  }
  if (before.control != state_.control) report_control(255);
  for (unsigned sint = 0; sint < kSints; ++sint) {
    if (before.sint[sint] != state_.sint[sint]) report_control(static_cast<std::uint8_t>(sint));
  }
}

}  // namespace hv
