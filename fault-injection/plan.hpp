// A fault as a plan names it: which, where, when, how much and for how long. Scenario files write
// such faults down, the planner draws them, shrinking drops them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/kernel/time.hpp"

namespace faults {

/// When a fault strikes: at an instant, or a while after the first event that matches.
struct Trigger {
  std::optional<sim::Time> at;
  std::string event;                                        ///< event name, e.g. migration.phase
  std::vector<std::pair<std::string, std::string>> fields;  ///< field = value, as the trace prints
  sim::Duration after{};
  /// Of an event only: one that comes before `earliest` is not it, and a strike that would come
  /// later than `latest` does not happen. That is how a planned fault keeps to its budget.
  std::optional<sim::Time> earliest, latest;
  friend bool operator==(const Trigger&, const Trigger&) = default;
};

struct Planned {
  std::string fault;        ///< name in the catalogue
  std::string target;       ///< host, network, disk or VM, by the fault; or a role (roles())
  std::string from;         ///< one-way faults: the host whose frames are hit
  std::string to;           ///< pair faults: the host at the other end, beside `from`
  std::int64_t amount = 0;  ///< in the unit of the fault's Amount; 0: the fault's own default
  Trigger trigger;
  std::optional<sim::Duration> lasts;  ///< then it is taken back
  friend bool operator==(const Planned&, const Planned&) = default;
};

}  // namespace faults
