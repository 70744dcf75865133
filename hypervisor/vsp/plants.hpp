// Deliberate bugs of the VSPs, each with the property that must notice it (law 5).
#pragma once

#include "hypervisor/core/hypervisor.hpp"

namespace vsp {

inline constexpr hv::PlantInfo kPlants[] = {
    {"storvsp.dma-after-completion", "a read's data is copied after its completion went out",
     "VB-6"},
    {"storvsp.completes-twice", "a successful read or write is completed twice", "RB-6"},
    {"storvsp.wrong-transaction", "a completion names another transaction", "RB-6"},
    {"storvsp.short-dma", "the last sector of a read never reaches the guest", "SV-3"},
    {"storvsp.short-write", "the last sector of a write is taken as zeros", "SV-3"},
    {"storvsp.lying-flush", "SYNCHRONIZE CACHE completes without a flush", "SV-4"},
    {"storvsp.busy-is-good", "a request that is refused as BUSY is reported as done", "SV-3"},
    {"storvsp.attention-is-good", "a request that ends with UNIT ATTENTION is reported as done",
     "SV-3"},
    {"storvsp.idle-with-one-left", "a VSP with one request under way counts as drained", "MI-4"},
    {"storvsp.misplaces-blocks", "every block is read and written 8 blocks beside its place",
     "SV-3"},
    {"storvsp.read-leaves-buffer", "a read succeeds without a byte for the guest", "SV-3"},
    {"storvsp.read-cuts-lba", "reads use 6 bits of the block address less than writes", "SV-3"},
    {"ic.wrong-version", "requests name the oldest version, whatever was agreed", "IC-1"},
    {"heartbeat.skips-number", "the third heartbeat has the number of the fourth", "IC-2"},
    {"heartbeat.restore-repeats", "a restored heartbeat repeats its last number", "twin-equal"},
    {"heartbeat.before-negotiation", "a heartbeat goes out before versions are agreed",
     "heartbeats-answered"},
    {"storvsp.serves-early", "a command is carried out before the handshake is done", "SV-1"},
    {"storvsp.claims-more", "a read is completed with 512 bytes more than it asked for", "SV-2"},
    {"storvsp.rewrites-what-it-read", "what was read is written to the disk again", "HV-11"},
    {"storvsp.swallows-request", "the 20th request is never completed", "SV-6"},
    {"storvsp.unplugs-in-use", "a disk is said to be gone while requests to it are under way",
     "SV-5"},
    {"ic.two-at-a-time", "a request goes out before the one before it is answered", "IC-3"},
    {"ic.restore-forgets-request", "a restored component takes its open request as answered",
     "IC-3"},
    {"kvp.size-without-end", "a key's size does not count the zero at its end", "IC-4"},
    {"shutdown.forces", "a VM whose guest does not agree to a shutdown is turned off", "IC-5"},
    {"timesync.forgets-after-pause", "no order to set the clock after a pause", "IC-6"},
};

}  // namespace vsp
