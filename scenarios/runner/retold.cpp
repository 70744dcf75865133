#include "scenarios/runner/retold.hpp"

#include <algorithm>
#include <string>

namespace scenarios {

namespace {

namespace ev = traces::ev;

/// The catalogue's own events name no node and begin so; what disks and links do later names one.
bool strikes(const traces::Event& event, const ev::FaultFired& fired) {
  return event.node.value == 0 && fired.detail.starts_with("strikes");
}
bool taken_back(const traces::Event& event, const ev::FaultFired& fired) {
  return event.node.value == 0 && fired.detail.starts_with("taken back");
}

}  // namespace

Retold::Retold(const Scenario& scenario)
    : scenario_(scenario), step_jobs_(scenario.timeline.size(), 0) {}

/// All of them: the jobs of a strike end with the first event that is none.
traces::EventSet Retold::events() { return traces::EventSet{}.set(); }

void Retold::on_event(const traces::Event& event) {
  if (const auto* fired = event.as<ev::FaultFired>()) {
    fault_submits_ = false;
    if (strikes(event, *fired)) strike(event, *fired);
    if (!taken_back(event, *fired)) return;
    const auto one = std::find_if(struck_.rbegin(), struck_.rend(), [&](const Struck& struck) {
      return scenario_.faults[struck.fault].fault == fired->fault &&
             struck.target == fired->target && !struck.healed;
    });
    if (one != struck_.rend()) one->healed = event.time;
  } else if (const auto* started = event.as<ev::VerbStarted>()) {
    job(event, *started);
  } else if (event.as<ev::VerbFinished>() == nullptr) {
    fault_submits_ = false;
  }
}

bool Retold::may_be(std::size_t fault, const traces::Event& event, const ev::FaultFired& fired,
                    bool timed) const {
  const FaultSpec& spec = scenario_.faults[fault];
  if (spec.fault != fired.fault || spec.trigger.at.has_value() != timed) return false;
  if (timed && *spec.trigger.at != event.time) return false;
  if (!spec.from.empty() && fired.detail.find(spec.from) == std::string_view::npos) return false;
  if (spec.target != fired.target && faults::find_role(spec.target) == nullptr) return false;
  return std::none_of(struck_.begin(), struck_.end(),
                      [fault](const Struck& struck) { return struck.fault == fault; });
}

void Retold::strike(const traces::Event& event, const ev::FaultFired& fired) {
  for (const bool timed : {true, false}) {
    for (std::size_t fault = 0; fault < scenario_.faults.size(); ++fault) {
      if (!may_be(fault, event, fired, timed)) continue;
      struck_.push_back({fault, event.time, {}, std::string(fired.target), 0});
      fault_submits_ = faults::find(fired.fault)->kind == faults::Class::Operator;
      return;
    }
  }
}

void Retold::job(const traces::Event& event, const ev::VerbStarted& started) {
  if (fault_submits_ && event.time == struck_.back().at) {
    ++struck_.back().jobs;
    return;
  }
  for (std::size_t step = 0; step < step_jobs_.size(); ++step) {
    const Step& spec = scenario_.timeline[step];
    if (step_jobs_[step] != 0 || spec.at != event.time || spec.verb != started.verb) continue;
    if (Simulation::vm_number(scenario_, spec.vm) != started.vm) continue;
    step_jobs_[step] = started.job;
    return;
  }
}

}  // namespace scenarios
