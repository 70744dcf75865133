// The deliberate bugs of the microkernel (law 5). Off unless a world switches them on.
#pragma once

#include <string_view>

#include "hypervisor/core/hypervisor.hpp"

namespace hv::plants {

inline constexpr const char* kSkipFinalizing = "core.skip-finalizing";
inline constexpr const char* kOverlayWritesThrough = "core.overlay-writes-through";
inline constexpr const char* kRightsIgnored = "core.rights-ignored";
inline constexpr const char* kSlotOverwritten = "core.slot-overwritten";
inline constexpr const char* kMessagesReordered = "core.messages-reordered";
inline constexpr const char* kPendingFlagForgotten = "core.pending-flag-forgotten";
inline constexpr const char* kTimerEarly = "core.timer-early";
inline constexpr const char* kSaveForgetsSint = "core.save-forgets-sint";
inline constexpr const char* kSaveForgetsTimer = "core.save-forgets-timer";
inline constexpr const char* kSaveForgetsQueue = "core.save-forgets-queue";
inline constexpr const char* kSaveForgetsRetry = "core.save-forgets-retry";
inline constexpr const char* kSaveForgetsInterrupts = "core.save-forgets-interrupts";
inline constexpr const char* kSaveForgetsIdleTime = "core.save-forgets-idle-time";
inline constexpr const char* kCaptureForgetsExpiration = "core.capture-forgets-expiration";
inline constexpr const char* kSaveRoundsTime = "core.save-rounds-time";
inline constexpr const char* kTimerEarlyAfterResume = "core.timer-early-after-resume";
inline constexpr const char* kPostCutsLongMessage = "core.post-cuts-long-message";
inline constexpr const char* kEomIgnored = "core.eom-ignored";
inline constexpr const char* kReferencePageWritable = "core.reference-page-writable";
inline constexpr const char* kEventPageForgotten = "core.restore-forgets-event-page";
inline constexpr const char* kHypercallPageForgotten = "core.restore-forgets-hypercall-page";

inline constexpr PlantInfo kPlants[] = {
    {kSkipFinalizing, "FinalizePartition goes from Active to Finalized without Finalizing",
     "partition states (HV-1)"},
    {kOverlayWritesThrough, "a guest's store to an overlay page goes to the page it covers",
     "GPA rights and overlays (HV-5)"},
    {kRightsIgnored, "every mapped page is granted with all rights, whatever the map says",
     "GPA rights and overlays (HV-5)"},
    {kSlotOverwritten, "a message is written into a slot that the guest has not freed",
     "message slots (SY-1)"},
    {kMessagesReordered, "of two waiting messages of one port the younger is delivered first",
     "message order (SY-2)"},
    {kPendingFlagForgotten, "a waiting message is neither announced by MessagePending nor retried",
     "lost messages (SY-3)"},
    {kTimerEarly, "a synthetic timer fires 5 us before its expiration",
     "guests that look at the clock (no-guest-panic)"},
    {kSaveForgetsSint, "the saved state leaves out the SINT registers",
     "equality over migration (MI-1)"},
    {kSaveForgetsTimer, "the saved state leaves out the synthetic timers",
     "equality over migration (MI-1)"},
    {kSaveForgetsQueue, "the saved state leaves out messages that wait for a slot",
     "equality over migration (MI-1)"},
    {kSaveForgetsRetry, "the saved state leaves out when waiting messages are tried again",
     "equality over migration (MI-1)"},
    {kSaveForgetsInterrupts, "the saved state leaves out interrupts that are requested",
     "equality over migration (MI-1)"},
    {kSaveForgetsIdleTime, "the saved state leaves out how long a processor was idle",
     "equality over migration (MI-1)"},
    {kCaptureForgetsExpiration, "the saved form of a timer has no field for its next expiration",
     "equality over migration (MI-1)"},
    {kSaveRoundsTime, "the saved guest time is cut to whole ticks of the reference counter",
     "equality over migration (MI-1)"},
    {kTimerEarlyAfterResume, "a timer that a resume arms again fires one tick early",
     "guests that look at the clock (no-guest-panic)"},
    {kPostCutsLongMessage, "a posted message of more than 192 bytes loses its last 8",
     "message order (SY-2)"},
    {kEomIgnored, "a guest's end of message delivers nothing", "guests that wait (twin-equal)"},
    {kReferencePageWritable, "the reference TSC page is mapped writable",
     "GPA rights and overlays (HV-5)"},
    {kEventPageForgotten, "a restored SynIC has its event page switched off",
     "guests that wait (twin-equal)"},
    {kHypercallPageForgotten, "a restored partition has no hypercall page",
     "guests that go on (no-guest-panic)"},
};

}  // namespace hv::plants
