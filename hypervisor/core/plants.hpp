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
inline constexpr const char* kPartitionIdAgain = "core.partition-id-again";
inline constexpr const char* kPoolLosesPages = "core.pool-loses-pages";
inline constexpr const char* kContinuationRepeats = "core.continuation-repeats";
inline constexpr const char* kPrivilegeIgnored = "core.privilege-ignored";
inline constexpr const char* kMsrPrivilegeIgnored = "core.msr-privilege-ignored";
inline constexpr const char* kPageWithoutIdentity = "core.hypercall-page-without-identity";
inline constexpr const char* kInterceptHalts = "core.intercept-halts";
inline constexpr const char* kUnmapsAfterDelete = "core.unmaps-after-delete";
inline constexpr const char* kOneBufferPerPort = "core.one-buffer-per-port";
inline constexpr const char* kBuffersWithoutEnd = "core.buffers-without-end";
inline constexpr const char* kFlagWithoutInterrupt = "core.flag-without-interrupt";
inline constexpr const char* kEventPageUnseen = "core.event-page-unseen";
inline constexpr const char* kAutoEoiForgotten = "core.auto-eoi-forgotten";
inline constexpr const char* kTimerRingsTwice = "core.timer-rings-twice";
inline constexpr const char* kTimerStaysEnabled = "core.timer-stays-enabled";
inline constexpr const char* kTimerLostOnResume = "core.timer-lost-on-resume";
inline constexpr const char* kCounterRounds = "core.counter-rounds";
inline constexpr const char* kReferencePageDrifts = "core.reference-page-drifts";

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
    {kPartitionIdAgain, "the number of a deleted partition is given to the next one",
     "partition ids and VP indices (HV-2)"},
    {kPoolLosesPages, "the pool pages that a finalized partition had in use are not given back",
     "memory of pools (HV-3)"},
    {kContinuationRepeats, "a continued rep hypercall begins with the last element that is done",
     "results of hypercalls (HV-6)"},
    {kPrivilegeIgnored, "hypercalls are served whatever privileges the partition has",
     "privileges (HV-7)"},
    {kMsrPrivilegeIgnored, "MSRs are served whatever privileges the partition has",
     "privileges (HV-7)"},
    {kPageWithoutIdentity, "the hypercall page may be enabled without GUEST_OS_ID",
     "hypercall pages (HV-8)"},
    {kInterceptHalts, "a processor whose access is intercepted halts and may go on",
     "intercepts (HV-9)"},
    {kUnmapsAfterDelete, "the GPA map of a partition is emptied when it is already deleted",
     "deleted partitions (HV-10)"},
    {kOneBufferPerPort, "a message port has one buffer instead of 16", "message buffers (SY-4)"},
    {kBuffersWithoutEnd, "a message port never runs out of buffers", "message buffers (SY-4)"},
    {kFlagWithoutInterrupt, "an event flag is set without its interrupt", "event flags (SY-5)"},
    {kEventPageUnseen, "the event page does not cover the guest's page", "seen flags (SY-6)"},
    {kAutoEoiForgotten, "the interrupt of an auto-EOI source stays in service",
     "ends of interrupts (SY-7)"},
    {kTimerRingsTwice, "a synthetic timer queues two messages for one expiration",
     "synthetic timers (SY-8)"},
    {kTimerStaysEnabled, "a one-shot timer stays enabled after it has expired",
     "synthetic timers (SY-8)"},
    {kTimerLostOnResume, "a timer that was armed at a suspension is not armed by the resume",
     "lost timers (SY-9)"},
    {kCounterRounds, "the reference counter counts whole microseconds",
     "the reference counter (SY-10)"},
    {kReferencePageDrifts, "the scale of the reference TSC page is 5 ppm too small",
     "the reference TSC page (SY-11)"},
};

}  // namespace hv::plants
