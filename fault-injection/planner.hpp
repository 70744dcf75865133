// Draws fault plans within a budget. A plan is a function of (seed, stage, budget) whose choices
// are keyed by meaning: slot 2 stays what it is when slot 1 is dropped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fault-injection/catalogue.hpp"
#include "fault-injection/plan.hpp"
#include "sim/kernel/random.hpp"

namespace faults {

/// An event that faults are worth tying to, because protocols are vulnerable around it.
struct Moment {
  std::string event;
  std::vector<std::pair<std::string, std::string>> fields;
};

/// What a plan may aim at.
struct Stage {
  struct Network {
    std::string name;
    std::vector<std::string> hosts;
  };
  std::vector<std::string> hosts;
  std::vector<Network> networks;
  std::vector<std::string> storage;
  std::vector<std::string> vms;
  std::vector<Moment> moments;
};

/// The most that a plan may do to the world, so that what the scenario promises still holds.
struct Budget {
  std::uint64_t faults = 0;          ///< strikes
  std::uint64_t hosts_down = 1;      ///< hosts that may be dead or paused at one time
  std::vector<Class> of;             ///< classes; empty: all
  std::vector<std::string> without;  ///< faults by name
  /// Destructive faults (Fault::destructive) are planned only when they are named here.
  std::vector<std::string> with;
  sim::Time from{};
  sim::Time until{};  ///< every fault has been taken back by then, and every dead host restarted
};

/// A run's plan. Swarm: the run first draws which classes and which faults it enables at all. At
/// most budget.faults entries, and at least one; none when nothing that the budget allows has a
/// target on the stage. No entry depends on another: of faults that take a host down there are
/// either at most budget.hosts_down, or each keeps to its own part of the time.
std::vector<Planned> plan(const sim::Random& random, const Stage& stage, const Budget& budget);

/// The plan with the entry in one slot drawn anew (slot == plan.size(): with one more entry). The
/// budget holds for the result if it held for `plan`; when no draw keeps it, `plan` comes back.
std::vector<Planned> replan(const sim::Random& random, const Stage& stage, const Budget& budget,
                            std::vector<Planned> plan, std::uint64_t slot, std::uint64_t variant);

/// True when a plan, whoever wrote it, stays within the budget: known faults that it allows, each
/// taken back in time, and never too many hosts down. What waits for an event counts as if it could
/// come at any instant that its trigger leaves open; a role counts as a host of its own.
bool within(const Budget& budget, const std::vector<Planned>& plan);

}  // namespace faults
