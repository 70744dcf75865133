// Named places of the microkernel: trouble that the TLFS allows, on invitation, and rare moments
// that are worth reaching.
#pragma once

#include "sim/kernel/point.hpp"

namespace hv::points {

inline constexpr const char* kLateTimer = "core.late-timer";
inline constexpr const char* kMessageWaits = "core.message-waits";

inline constexpr sim::PointInfo kBuggify[] = {
    {kLateTimer, "a synthetic timer expires up to 200 us after its time (TLFS 12.3)"},
    {kMessageWaits, "a message for the guest waits for the next look at its queue (TLFS 14.2.4)"},
};

inline constexpr const char* kSlotBusy = "core.message-slot-busy";
inline constexpr const char* kTimerBlocked = "core.timer-waits-for-slot";
inline constexpr const char* kTicksMissed = "core.timer-ticks-missed";
inline constexpr const char* kFlagWasSet = "core.event-flag-was-set";

inline constexpr sim::PointInfo kSometimes[] = {
    {kSlotBusy, "a message waits because its slot in the message page is taken"},
    {kTimerBlocked, "a timer is due while its last message still waits for the slot"},
    {kTicksMissed, "a periodic timer has ticks to make good"},
    {kFlagWasSet, "an event is signalled whose flag the guest has not cleared yet"},
};

}  // namespace hv::points
