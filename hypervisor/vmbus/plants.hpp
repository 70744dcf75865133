// Deliberate bugs of the VMBus library, each with the property that must notice it (law 5).
#pragma once

#include "hypervisor/core/hypervisor.hpp"

namespace vmbus {

inline constexpr hv::PlantInfo kPlants[] = {
    {"vmbus.version-response-twice", "a contact is answered twice", "VB-1"},
    {"vmbus.one-relid-for-all", "every channel is offered under the first one's relid", "VB-2"},
    {"vmbus.rings-before-open", "a channel's event flag is set before it is open", "VB-9"},
    {"vmbus.offers-twice", "the first channel is offered twice in one round", "VB-3"},
    {"vmbus.forgets-all-offers", "ALLOFFERS_DELIVERED is never sent", "VB-3"},
    {"vmbus.open-result-twice", "every OPENCHANNEL is answered twice", "VB-4"},
    {"vmbus.forgets-gpadl-created", "a GPADL is accepted without an answer", "VB-4"},
    {"vmbus.serves-before-open", "packets are processed while the channel is still opening",
     "VB-5"},
    {"vmbus.resets-guest-index", "the host rewinds both indices of an empty ring", "RB-1"},
    {"vmbus.publishes-early", "the write index moves before the packet's trailer is written",
     "RB-2"},
    {"vmbus.wrong-trailer", "the trailer does not name the packet's start", "RB-3"},
    {"vmbus.drops-packet", "the eighth packet of a channel is lost", "RB-3"},
    {"vmbus.forgets-signal", "no doorbell when a ring turns non-empty", "RB-4"},
    {"vmbus.extra-signal", "a doorbell for every packet", "RB-4"},
    {"vmbus.forgets-unmask", "the host leaves the guest's signals masked after draining", "RB-5"},
    {"vmbus.restore-touches-ring", "restoring flips a ring's interrupt mask", "MI-1"},
    {"vmbus.restore-replays-packet", "restoring steps back by one packet", "RB-3"},
    {"vmbus.restore-forgets-doorbell",
     "neither rings are looked at nor doorbells raised after a restore", "twin-equal"},
    {"vmbus.write-loses-wrapped-tail", "what a packet has beyond the ring's end is not written",
     "RB-3"},
    {"vmbus.read-loses-wrapped-tail", "what a packet has beyond the ring's end is read as zeros",
     "RB-3"},
    {"vmbus.write-index-at-end", "a write index at the very end of the ring does not wrap", "RB-1"},
    {"vmbus.read-index-at-end", "a read index at the very end of the ring does not wrap", "RB-1"},
    {"vmbus.resume-forgets-last-channel", "a resume does not look at the last channel's ring",
     "RB-5"},
    {"vmbus.copies-beside", "data for a packet's pages also lands on a page that nobody lent",
     "VB-6"},
    {"vmbus.restore-drops-answers", "answers that wait when a VM is saved are not restored",
     "VB-3"},
    {"vmbus.forgets-last-page", "the list of a GPADL's pages is kept without its last", "VB-7"},
    {"vmbus.mute-unload", "an unload is never answered", "VB-8"},
    {"vmbus.unload-answers-first", "an unload is answered while channels are still open", "VB-8"},
    {"vmbus.tells-the-neighbour", "in the interrupt page the next channel's bit is set",
     "twin-equal"},
    {"vmbus.contact-keeps-channels", "a new contact leaves channels of before open", "VB-10"},
};

/// What no guest of a scenario asks for: only tests of their own reach them.
inline constexpr hv::PlantInfo kUnitPlants[] = {
    {"vmbus.forgets-modify-response", "a channel moves to another processor without an answer",
     "VB-4"},
};

}  // namespace vmbus
