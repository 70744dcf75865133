#include "scenarios/debug/replay.hpp"

#include <exception>

#include "scenarios/runner/simulation.hpp"

namespace debugger {

namespace {

class Watch final : public traces::Observer {
 public:
  Watch(traces::TraceReader& trace, const std::optional<StopAt>& until,
        scenarios::Simulation& simulation, Replayed& result)
      : trace_(trace), until_(until), simulation_(simulation), result_(result) {
    detail_ = trace.header().detail && simulation.recorder().detail();
  }

  traces::EventSet types() const { return traces::event_types(detail_); }

  void on_event(const traces::Event& event) override {
    if (decided_) return;
    const traces::Event* stored = next_stored();
    if (failure_ != nullptr) return stop();
    lead_up_.on_event(event);
    if (!comparer_.compare(stored, &event)) {
      explain(stored, &event);
      return stop();
    }
    if (!until_ || !until_->matches(event, lead_up_.names())) return;
    result_.reached = {event.index, traces::text_line(event, lead_up_.names()),
                       lead_up_.before(event)};
    stop();
  }

  void finish() {
    if (!decided_) {
      const traces::Event* stored = next_stored();
      if (failure_ == nullptr && !comparer_.compare(stored, nullptr)) explain(stored, nullptr);
    }
    if (failure_ != nullptr) std::rethrow_exception(failure_);
    result_.equal = comparer_.position();
    result_.difference = comparer_.difference();
  }

 private:
  /// Nothing that happens to the file may pass through the running world as an exception.
  const traces::Event* next_stored() {
    try {
      return traces::next_event(trace_, detail_);
    } catch (const traces::TraceError&) {
      failure_ = std::current_exception();
      return nullptr;
    }
  }

  void explain(const traces::Event* stored, const traces::Event* live) {
    if (stored != nullptr) result_.stored = lead_up_.before(*stored);
    if (live != nullptr) result_.live = lead_up_.before(*live);
  }

  void stop() {
    decided_ = true;
    simulation_.world().stop("the replay is decided");
  }

  traces::TraceReader& trace_;
  const std::optional<StopAt>& until_;
  scenarios::Simulation& simulation_;
  Replayed& result_;
  traces::StreamComparer comparer_;
  LeadUp lead_up_;
  std::exception_ptr failure_;
  bool detail_ = false;
  bool decided_ = false;
};

}  // namespace

Replayed replay(traces::TraceReader& trace, const scenarios::Recorded& run,
                const std::optional<StopAt>& until) {
  scenarios::SimulationOptions options;
  options.seed = run.options.seed;
  options.plants = run.options.plants;
  options.detail = run.options.detail;
  scenarios::Simulation simulation(run.scenario, options);
  Replayed result;
  Watch watch(trace, until, simulation, result);
  simulation.recorder().attach(watch, watch.types());
  simulation.run();
  watch.finish();
  result.hash = simulation.recorder().hash();
  return result;
}

}  // namespace debugger
