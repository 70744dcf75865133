#include "checkers/checker.hpp"
#include "checkers/makers.hpp"
#include "checkers/watched_rings.hpp"

namespace checkers {

namespace {

struct Entry {
  CheckerInfo info;
  std::unique_ptr<Checker> (*make)();
};

constexpr Entry kEntries[] = {
    {{"HV-1", "partitions change state only as stated, refused calls change nothing"}, make_hv1},
    {{"HV-2", "partitions and processors have numbers of their own"}, make_hv2},
    {{"HV-3", "pages of a pool are free or in use until they are withdrawn"}, make_hv3},
    {{"HV-5", "accesses obey the GPA map, overlays leave what they cover alone"}, make_hv5},
    {{"HV-6", "rep hypercalls do each element once and say how many are done"}, make_hv6},
    {{"HV-7", "the hypervisor serves a partition only with the privilege for it"}, make_hv7},
    {{"HV-8", "a guest that has not said who it is has no hypercall page"}, make_hv8},
    {{"HV-9", "an intercepted access stops the processor that made it, and it alone"}, make_hv9},
    {{"HV-10", "nothing happens to a deleted partition"}, make_hv10},
    {{"HV-11", "a VM's disk is written only where a request of its guest says so"}, make_hv11},
    {{"SY-1", "messages go into free slots only and arrive as they were posted"}, make_sy1},
    {{"SY-2", "messages of one port are delivered in order and at most once"}, make_sy2},
    {{"SY-3", "no posted message is lost, no receiver forgets a pending one"}, make_sy3},
    {{"SY-4", "a port holds 16 messages, and refuses for want of room only then"}, make_sy4},
    {{"SY-5", "an event sets its flag, and interrupts when the flag was clear"}, make_sy5},
    {{"SY-6", "a guest that takes an event's interrupt clears the event's flag"}, make_sy6},
    {{"SY-7", "an interrupt waits for the end of the one before, auto-EOI for nothing"}, make_sy7},
    {{"SY-8", "timers expire as programmed: never early, once for each arming"}, make_sy8},
    {{"SY-9", "an armed timer expires in time"}, make_sy9},
    {{"SY-10", "the reference counter keeps time, and stands still with its partition"}, make_sy10},
    {{"SY-11", "the reference TSC page tells the reference time and never goes back"}, make_sy11},
    {{"VB-1", "a contact is answered once, and nothing is said before it"}, make_vb1},
    {{"VB-2", "a relid names one offer until the guest releases it"}, make_vb2},
    {{"VB-3", "a request for offers yields each channel once, then the end of offers"}, make_vb3},
    {{"VB-4", "opens, GPADLs and teardowns are answered exactly once"}, make_vb4},
    {{"VB-5", "channels keep to their automaton, packets move only while they are open"}, make_vb5},
    {{"VB-6", "the host touches guest pages only while they are lent to it"}, make_vb6},
    {{"VB-7", "rings lie in GPADLs that are whole and stay while the channel is open"}, make_vb7},
    {{"VB-8", "an unload is answered when the host has let go of the guest"}, make_vb8},
    {{"VB-9", "a channel's doorbell rings only while the channel is open"}, make_vb9},
    {{"VB-10", "a new contact closes all channels, nothing of before passes after it"}, make_vb10},
    {{"RB-1", "ring indices are valid and moved only by the side that owns them"}, make_rb1},
    {{"RB-2", "no unread byte of a ring is overwritten"}, make_rb2},
    {{"RB-3", "packets leave a ring as they went in, in order, each once"}, make_rb3},
    {{"RB-4", "the host signals exactly when a ring's rules ask for it"}, make_rb4},
    {{"RB-5", "no packet and no writer waits for somebody who was not woken"}, make_rb5},
    {{"RB-6", "every request in a ring gets exactly one completion, of its own id"}, make_rb6},
    {{"SV-1", "a storage adapter serves nobody before its handshake is done"}, make_sv1},
    {{"SV-2", "a SCSI command is completed once, with what it asked for at most"}, make_sv2},
    {{"SV-3", "every read returns the last completed write or a concurrent one"}, make_sv3},
    {{"SV-4", "no loss of power takes back a write that was flushed"}, make_sv4},
    {{"SV-5", "a disk that was taken out completes nothing any more"}, make_sv5},
    {{"SV-6", "every SCSI command is completed in time"}, make_sv6},
    {{"NV-1", "no frame passes before its adapter is set up, nor against its filter"}, make_nv1},
    {{"NV-2", "a section of a receive buffer is in one outstanding packet at most"}, make_nv2},
    {{"NV-3", "guests get only frames that were sent, as they were sent, for them"}, make_nv3},
    {{"NV-4", "no frame is lost in a host without being counted"}, make_nv4},
    {{"NV-5", "a moved VM's address is learned at its new host, and leaves the old one"}, make_nv5},
    {{"NV-6", "frames with a forged sender's address cross no switch"}, make_nv6},
    {{"IC-1", "integration components speak the versions that they agreed on"}, make_ic1},
    {{"IC-2", "heartbeats count up by one and come back as their number plus one"}, make_ic2},
    {{"IC-3", "a guest is asked one thing at a time, and rests from freeze to thaw"}, make_ic3},
    {{"IC-4", "a pool that the host fills holds what the host put there"}, make_ic4},
    {{"IC-5", "a VM goes off by a shutdown only after its guest has agreed"}, make_ic5},
    {{"IC-6", "a guest that moved is told the time at once, and time never goes back"}, make_ic6},
    {{"CS-7", "a disk is written by its current owner only, who has a VM for it"}, make_cs7},
    {{"MI-1", "memory and processors at resume equal those at suspension"}, make_mi1},
    {{"MI-2", "every changed page is in the dirty log's next set"}, make_mi2},
    {{"MI-3", "a VM runs on at most one host, and only where it is owned"}, make_mi3},
    {{"MI-4", "every accepted I/O is completed exactly once across a migration"}, make_mi4},
    {{"MI-5", "rounds, pages sent and downtime stay within their bounds"}, make_mi5},
    {{"MI-6", "an aborted migration leaves the source running and no residue"}, make_mi6},
    {{"MI-14", "ownership is on disk before anybody relies on it, and is found there again"},
     make_mi14},
    // Compares two runs, so no single run can be asked (DeterminismCheck).
    {{"MG-3", "the same seed and inputs give the same events"}, nullptr},
};

}  // namespace

const std::vector<CheckerInfo>& catalogue() {
  static const std::vector<CheckerInfo> all = [] {
    std::vector<CheckerInfo> list;
    for (const Entry& entry : kEntries) list.push_back(entry.info);
    return list;
  }();
  return all;
}

std::vector<std::unique_ptr<Checker>> all_checkers() {
  std::vector<std::unique_ptr<Checker>> all;
  const auto rings = std::make_shared<RingTracker>();
  for (const Entry& entry : kEntries) {
    if (entry.make == nullptr) continue;
    all.push_back(entry.make());
    if (auto* of_rings = dynamic_cast<RingProperty*>(all.back().get())) of_rings->share(rings);
  }
  return all;
}

}  // namespace checkers
