#include "checkers/checker.hpp"
#include "checkers/makers.hpp"

namespace checkers {

namespace {

struct Entry {
  CheckerInfo info;
  std::unique_ptr<Checker> (*make)();
};

constexpr Entry kEntries[] = {
    {{"HV-1", "partitions change state only as stated, refused calls change nothing"}, make_hv1},
    {{"HV-5", "accesses obey the GPA map, overlays leave what they cover alone"}, make_hv5},
    {{"SY-1", "messages go into free slots only and arrive as they were posted"}, make_sy1},
    {{"SY-2", "messages of one port are delivered in order and at most once"}, make_sy2},
    {{"SY-3", "no posted message is lost, no receiver forgets a pending one"}, make_sy3},
    {{"VB-1", "a contact is answered once, and nothing is said before it"}, make_vb1},
    {{"VB-2", "a relid names one offer until the guest releases it"}, make_vb2},
    {{"VB-3", "a request for offers yields each channel once, then the end of offers"}, make_vb3},
    {{"VB-4", "opens, GPADLs and teardowns are answered exactly once"}, make_vb4},
    {{"VB-5", "channels keep to their automaton, packets move only while they are open"}, make_vb5},
    {{"VB-6", "the host touches guest pages only while they are lent to it"}, make_vb6},
    {{"VB-9", "a channel's doorbell rings only while the channel is open"}, make_vb9},
    {{"RB-1", "ring indices are valid and moved only by the side that owns them"}, make_rb1},
    {{"RB-2", "no unread byte of a ring is overwritten"}, make_rb2},
    {{"RB-3", "packets leave a ring as they went in, in order, each once"}, make_rb3},
    {{"RB-4", "the host signals exactly when a ring's rules ask for it"}, make_rb4},
    {{"RB-5", "no packet and no writer waits for somebody who was not woken"}, make_rb5},
    {{"RB-6", "every request in a ring gets exactly one completion, of its own id"}, make_rb6},
    {{"SV-3", "every read returns the last completed write or a concurrent one"}, make_sv3},
    {{"SV-4", "no loss of power takes back a write that was flushed"}, make_sv4},
    {{"IC-1", "integration components speak the versions that they agreed on"}, make_ic1},
    {{"IC-2", "heartbeats count up by one and come back as their number plus one"}, make_ic2},
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
  for (const Entry& entry : kEntries) {
    if (entry.make != nullptr) all.push_back(entry.make());
  }
  return all;
}

}  // namespace checkers
