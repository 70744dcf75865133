// Forks a world where something rare has come about: the child has one more fault tied to that
// instant and goes on as a run of its own, the parent waits for it and goes on as if nothing had
// been. A child may fork again, so that chains of rare events are reached in the time of one run.
//
// The child's run is the mutant of that point (run_name.hpp): run from the start it is the same,
// event for event.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "scenarios/explore/run_name.hpp"
#include "scenarios/explore/variation.hpp"
#include "traces/record.hpp"

namespace scenarios {

class Simulation;

/// How often each point was seen in this process, and forked at.
struct ForkCounts {
  struct Point {
    std::uint64_t seen = 0, forked = 0;
  };
  std::map<std::string, Point, std::less<>> points;
};

class ForkPoints final : public traces::Observer {
 public:
  struct Listener {
    /// In the child: it begins.
    std::function<void(const RunName&)> began;
    /// In the parent: the child ended, `death` says how unless it ended well. `killed`: by SIGKILL,
    /// which no world sends.
    std::function<void(const RunName&, const std::string& death, bool killed)> ended;
  };

  /// `scenario` is the concrete one that runs, with room for more faults than it has
  /// (reserve_faults); it gains one in a child.
  ForkPoints(const Variations& variations, Scenario& scenario, RunName name, ForkCounts& counts,
             Listener listener);

  /// Before the simulation is made: what is added later must not move what is there.
  static void reserve_faults(Scenario& scenario);
  void attach_to(Simulation& simulation);

  void on_event(const traces::Event& event) override;

  /// True in a child. It must report under name() and end without returning to its caller's work.
  bool forked() const { return forked_; }
  const RunName& name() const { return name_; }

 private:
  bool worth_it(const std::string& point);

  const Variations& variations_;
  Scenario& scenario_;
  RunName name_;
  ForkCounts& counts_;
  Listener listener_;
  Simulation* simulation_ = nullptr;
  bool forked_ = false;
};

}  // namespace scenarios
