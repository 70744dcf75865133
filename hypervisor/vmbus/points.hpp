// Named places of the VMBus server: trouble that the protocol allows, on invitation, and rare
// moments that are worth reaching.
#pragma once

#include "sim/kernel/point.hpp"

namespace vmbus {

inline constexpr const char* kPointLateOffer = "vmbus.late-offer";
inline constexpr const char* kPointLateAnswer = "vmbus.late-answer";
inline constexpr const char* kPointLateTurn = "vmbus.late-turn";
inline constexpr const char* kPointLooksTwice = "vmbus.looks-twice";
inline constexpr const char* kPointSpuriousInterrupt = "vmbus.spurious-interrupt";

inline constexpr sim::PointInfo kBuggifyPoints[] = {
    {kPointLateOffer, "an offer, or the word that there are no more, comes up to 5 ms late"},
    {kPointLateAnswer, "an answer to a control message comes up to 2 ms late"},
    {kPointLateTurn, "a message or doorbell of the guest is looked at up to 1 ms late"},
    {kPointLooksTwice, "a channel is looked at once more, without a doorbell"},
    {kPointSpuriousInterrupt, "a channel's event flag is set although no signal is due"},
};

inline constexpr const char* kPointRingFull = "vmbus.ring-full";
inline constexpr const char* kPointNoBuffer = "vmbus.no-message-buffer";
inline constexpr const char* kPointRescindsOpen = "vmbus.rescinds-open-channel";
inline constexpr const char* kPointTeardownInUse = "vmbus.teardown-of-ring-in-use";
inline constexpr const char* kPointQueuedAtSave = "vmbus.messages-queued-at-save";

inline constexpr sim::PointInfo kSometimesPoints[] = {
    {kPointRingFull, "a packet for the guest waits for room (pending send size is set)"},
    {kPointNoBuffer, "a message waits because 16 others of its port do"},
    {kPointRescindsOpen, "an offer is rescinded while its channel is open"},
    {kPointTeardownInUse, "a guest takes back the pages of an open channel's rings"},
    {kPointQueuedAtSave, "a VM is saved while control messages wait on either side"},
};

}  // namespace vmbus
