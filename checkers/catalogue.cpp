#include "checkers/checker.hpp"
#include "checkers/makers.hpp"

namespace checkers {

namespace {

struct Entry {
  CheckerInfo info;
  std::unique_ptr<Checker> (*make)();
};

constexpr Entry kEntries[] = {
    {{"MI-1", "memory and processors at resume equal those at suspension"}, make_mi1},
    {{"MI-2", "every changed page is in the dirty log's next set"}, make_mi2},
    {{"MI-3", "a VM runs on at most one host, and only where it is owned"}, make_mi3},
    {{"MI-4", "every accepted I/O is completed exactly once across a migration"}, make_mi4},
    {{"MI-5", "rounds, pages sent and downtime stay within their bounds"}, make_mi5},
    {{"MI-6", "an aborted migration leaves the source running and no residue"}, make_mi6},
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
  for (const Entry& entry : kEntries) all.push_back(entry.make());
  return all;
}

}  // namespace checkers
