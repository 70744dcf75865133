// Draws fault plans within a budget. A plan is a function of (seed, stage, budget) whose choices are
// keyed by meaning: slot 2 stays what it is when slot 1 is dropped.
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
  std::uint64_t faults = 0;      ///< strikes
  std::uint64_t hosts_down = 1;  ///< hosts that may be dead or paused at one time
  std::vector<Class> of;         ///< classes; empty: all
  std::vector<std::string> without;  ///< faults by name
  sim::Time from{};
  sim::Time until{};  ///< every fault has been taken back by then, and every dead host restarted
};

/// A run's plan. Swarm: the run first draws which classes and which faults it enables at all. At
/// most budget.faults entries; none when nothing in the catalogue has a target on the stage.
std::vector<Planned> plan(const sim::Random& random, const Stage& stage, const Budget& budget);

/// The plan's entry in one slot, drawn anew with `variant`; the budget holds for the plan with it.
std::vector<Planned> replan(const sim::Random& random, const Stage& stage, const Budget& budget,
                            std::vector<Planned> plan, std::uint64_t slot, std::uint64_t variant);

/// True when a plan, whoever wrote it, stays within the budget.
bool within(const Budget& budget, const std::vector<Planned>& plan);

}  // namespace faults
