#include "scenarios/guests/model/alarm.hpp"

#include <array>
#include <cstring>

#include "hypervisor/core/msrs.hpp"
#include "hypervisor/core/virtual_processor.hpp"

namespace guests {
namespace {

constexpr std::uint32_t kSint = 3;
constexpr std::uint32_t kSlot = kSint * hv::kSlotBytes;
constexpr std::uint32_t kFlagsAt = 5;
constexpr std::uint8_t kMessagePending = 1;
constexpr std::uint64_t kAutoEoi = 1u << 17;

/// Front of a slot that holds a timer's message (spec B.7, B.9).
struct TimerMessage {
  std::uint32_t type = 0;
  std::uint32_t header = 0;
  std::uint64_t origin = 0;
  std::uint64_t timer = 0;
  std::uint64_t expiration = 0;
  std::uint64_t delivery = 0;
};
static_assert(sizeof(TimerMessage) == 40);

}  // namespace

void Alarm::set_up() {
  hv::VirtualProcessor& vp = *partition_.vp({0});
  vp.wrmsr(hv::msr::kSint0 + kSint, kVector | kAutoEoi);
  // With auto-enable each write of COUNT arms the timer.
  vp.wrmsr(hv::msr::kStimer0Config, kSint << 16 | hv::SyntheticTimer::kAutoEnable);
}

void Alarm::set(std::uint64_t when) {
  const std::uint64_t count = when == kNever ? 0 : when;
  if (count == armed_) return;
  armed_ = count;
  partition_.vp({0})->wrmsr(hv::msr::kStimer0Count, count);
}

void Alarm::take() {
  while (take_one() && !console_.ended()) {
  }
}

/// The receiver's duty: copy, free the slot, and only then ask whether more messages wait.
bool Alarm::take_one() {
  TimerMessage message;
  pages_.read(place::kMessagePage, kSlot, std::as_writable_bytes(std::span(&message, 1)));
  if (message.type == 0) return false;
  pages_.write_u32(place::kMessagePage, kSlot, 0);
  std::byte flags{};
  pages_.read(place::kMessagePage, kSlot + kFlagsAt, std::span(&flags, 1));
  if ((std::to_integer<std::uint8_t>(flags) & kMessagePending) != 0) {
    partition_.vp({0})->wrmsr(hv::msr::kEom, 0);
  }
  if (message.type != hv::kTimerExpired) {
    console_.panic("message on the timer's source:", message.type);
  } else if (message.delivery < message.expiration) {
    console_.panic("a timer rang before its time");
  } else if (message.expiration == armed_) {
    armed_ = 0;
  }
  return true;
}

}  // namespace guests
