// Scenarios with faults, run to their end, and what was seen on the way.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/language/scenario.hpp"
#include "scenarios/runner/run.hpp"
#include "traces/events.hpp"

namespace faults::testing {

/// A fault of a scenario, put together in one line: strike("kill-host", "beta").at(80ms).
class FaultLine {
 public:
  FaultLine(const char* fault, const char* target) {
    spec_.fault = fault;
    spec_.target = target;
  }
  FaultLine& at(sim::Duration time) {
    spec_.trigger.at = sim::Time{} + time;
    return *this;
  }
  FaultLine& when(const char* event, std::vector<std::pair<std::string, std::string>> fields = {}) {
    spec_.trigger.event = event;
    spec_.trigger.fields = std::move(fields);
    return *this;
  }
  FaultLine& after(sim::Duration delay) {
    spec_.trigger.after = delay;
    return *this;
  }
  FaultLine& between(sim::Duration earliest, sim::Duration latest) {
    spec_.trigger.earliest = sim::Time{} + earliest;
    spec_.trigger.latest = sim::Time{} + latest;
    return *this;
  }
  FaultLine& lasts(sim::Duration time) {
    spec_.lasts = time;
    return *this;
  }
  FaultLine& by(std::int64_t amount) {
    spec_.amount = amount;
    return *this;
  }
  const scenarios::FaultSpec& spec() const { return spec_; }

 private:
  scenarios::FaultSpec spec_;
};

/// Events that tests ask about, kept as text: "vm.state alpha vm=1 running start-vm".
struct Line {
  sim::Time time;
  std::string text;
};

struct Played {
  scenarios::Outcome outcome;
  std::vector<Line> lines;

  /// Lines that begin so.
  std::size_t count(const std::string& start, sim::Time from = {},
                    sim::Time to = sim::kNever) const;
  bool has(const std::string& start) const { return count(start) != 0; }
  /// Instructions of VM 1 at the end.
  std::uint64_t instructions = 0;
  checkers::Verdict verdict(const std::string& property) const;
  /// Everything that is violated, one per line.
  std::string violations() const;
  std::string story() const;
};

/// Two hosts and two worker VMs, web and db, on alpha; web moves to beta at 60 ms unless it stays.
scenarios::Scenario two_vms(bool moves = true, const char* guest = "program: worker");

Played play(scenarios::Scenario scenario, const std::vector<FaultLine>& faults,
            std::uint64_t seed = 1);

}  // namespace faults::testing
