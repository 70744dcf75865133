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
};

}  // namespace hv::plants
