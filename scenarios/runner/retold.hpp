// What a twin must be told of a run, read off the run's events: which faults struck, and which jobs
// are steps of the timeline. A stored trace has nothing but its events.
#pragma once

#include <cstdint>
#include <vector>

#include "scenarios/runner/simulation.hpp"
#include "traces/record.hpp"

namespace scenarios {

class Retold final : public traces::Observer {
 public:
  explicit Retold(const Scenario& scenario);

  static traces::EventSet events();
  void on_event(const traces::Event& event) override;

  /// As Simulation::struck() of the run. Of faults that cannot be told apart by name, target and
  /// time the earlier one of the file struck first.
  const std::vector<Struck>& struck() const { return struck_; }
  /// As Simulation::step_jobs() of the run.
  const std::vector<std::uint64_t>& step_jobs() const { return step_jobs_; }

 private:
  void strike(const traces::Event& event, const traces::ev::FaultFired& fired);
  bool may_be(std::size_t fault, const traces::Event& event, const traces::ev::FaultFired& fired,
              bool timed) const;
  void job(const traces::Event& event, const traces::ev::VerbStarted& started);

  const Scenario& scenario_;
  std::vector<Struck> struck_;
  std::vector<std::uint64_t> step_jobs_;
  bool fault_submits_ = false;  ///< the latest strike's own jobs are being told of
};

}  // namespace scenarios
