// Named places of the VSPs: trouble that their protocols allow, on invitation, and rare moments
// that are worth reaching.
#pragma once

#include "sim/kernel/point.hpp"

namespace vsp {

inline constexpr const char* kPointLateCompletion = "storvsp.late-completion";
inline constexpr const char* kPointOneAtATime = "storvsp.one-at-a-time";
inline constexpr const char* kPointBusy = "storvsp.busy";
inline constexpr const char* kPointUnitAttention = "storvsp.unit-attention";
inline constexpr const char* kPointLateBeat = "heartbeat.late";

inline constexpr sim::PointInfo kBuggifyPoints[] = {
    {kPointLateCompletion,
     "a request completes up to 5 ms after the disk has answered; others overtake it"},
    {kPointOneAtATime, "requests stay in the ring until the one before is complete"},
    {kPointBusy, "a transfer is refused with SCSI status BUSY, for the guest to try again"},
    {kPointUnitAttention, "a transfer is refused with UNIT ATTENTION, power on (06/29/00)"},
    {kPointLateBeat, "a heartbeat goes out up to a quarter of its interval late"},
};

inline constexpr const char* kPointQueueFull = "storvsp.queue-full";
inline constexpr const char* kPointResetWaits = "storvsp.reset-waits";
inline constexpr const char* kPointReplyWaits = "storvsp.reply-waits-at-save";
inline constexpr const char* kPointBeatMissed = "heartbeat.missed";
inline constexpr const char* kPointNoSection = "netvsp.no-section";

inline constexpr sim::PointInfo kSometimesPoints[] = {
    {kPointQueueFull, "so many requests are outstanding that further ones stay in the ring"},
    {kPointResetWaits, "a reset waits for the requests before it"},
    {kPointReplyWaits, "a VM is saved while a completion waits for room in the guest's ring"},
    {kPointBeatMissed, "a heartbeat went unanswered for an interval"},
    {kPointNoSection, "the guest has all of its receive buffer in hand"},
};

}  // namespace vsp
