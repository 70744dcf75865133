// Deliberate bugs of network adapters and switches, each with the property that must notice it (law
// 5).
#pragma once

#include "hypervisor/core/hypervisor.hpp"

namespace vsp {

inline constexpr hv::PlantInfo kNetworkPlants[] = {
    {"netvsp.ignores-filter", "frames reach a guest that has not set a packet filter", "NV-1"},
    {"netvsp.reuses-section", "a section of the receive buffer is free while the guest has it",
     "NV-2"},
    {"netvsp.completes-twice", "a packet of the guest is completed twice", "RB-6"},
    {"netvsp.damages-sent", "the last bit of a frame from the guest is flipped", "NV-3"},
    {"netvsp.damages-received", "the last bit of a frame for the guest is flipped", "NV-3"},
    {"netvsp.sends-twice", "a frame of the guest is given to the switch twice", "NV-3"},
    {"netvsp.hears-everything", "a guest gets what is addressed to others", "NV-3"},
    {"netvsp.loses-frame", "every eighth packet's frames never reach the guest", "NV-4"},
    {"vswitch.lets-forged-pass", "a frame with somebody else's address passes the switch", "NV-6"},
    {"vswitch.mute-announcement", "no announcement follows a VM that has moved", "NV-5"},
};

}  // namespace vsp
