#include "scenarios/debug/world_process.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checkers/checker.hpp"
#include "scenarios/debug/inspect.hpp"
#include "scenarios/debug/lead_up.hpp"
#include "scenarios/debug/stop_at.hpp"
#include "scenarios/language/source.hpp"
#include "scenarios/runner/simulation.hpp"
#include "traces/text.hpp"

namespace debugger {

namespace {

using checkers::Verdict;

/// How often a run looks at its own processor time, in events.
constexpr std::uint64_t kEventsPerLook = 64;

/// Processor time of this process: how much work a run was, however busy the machine is.
std::chrono::nanoseconds work_done() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// The properties of a run with their names, each a checker.
class Properties {
 public:
  explicit Properties(const scenarios::Scenario& scenario) {
    for (const checkers::CheckerInfo& info : checkers::catalogue()) names_.push_back(info.id);
    list_ = checkers::all_checkers();
    for (const scenarios::ExpectSpec& spec : scenario.expect) {
      if (spec.name != "twin-equal") names_.push_back(spec.name);
    }
    for (auto& one : scenarios::expectation_checkers(scenario)) list_.push_back(std::move(one));
    names_.resize(list_.size());
    known_.resize(list_.size());
  }

  void attach(traces::Recorder& recorder) {
    for (const auto& checker : list_) recorder.attach(*checker, checker->events());
  }

  /// Violations so far count as known from here on.
  void forget_known() {
    for (std::size_t i = 0; i < list_.size(); ++i) known_[i] = list_[i]->violated();
  }
  /// Name of a property that became violated since, of the wanted one only unless it is empty.
  std::optional<std::string> violated(const std::string& wanted) {
    for (std::size_t i = 0; i < list_.size(); ++i) {
      if (known_[i] || !list_[i]->violated()) continue;
      known_[i] = true;
      if (wanted.empty() || wanted == names_[i]) return names_[i];
    }
    return std::nullopt;
  }

  /// As if the world ended now. Once only.
  Json conclude(traces::Time now, bool detail) const {
    Json table = Json::array();
    for (const auto& checker : list_) {
      const checkers::Finding finding = checker->conclude(now, detail);
      Json row;
      row["verdict"] = finding.verdict == Verdict::Holds      ? "holds"
                       : finding.verdict == Verdict::Violated ? "VIOLATED"
                                                              : "unknown";
      row["property"] = finding.property;
      row["measured"] = finding.measured;
      row["bound"] = finding.bound;
      row["event"] = finding.verdict == Verdict::Violated ? Json(finding.event) : Json();
      row["explanation"] = finding.explanation;
      table.push_back(row);
    }
    return table;
  }

 private:
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<checkers::Checker>> list_;
  std::vector<bool> known_;
};

class WorldProcess final : public traces::Observer {
 public:
  WorldProcess(const scenarios::Recorded& run, Wire wire, Progress& progress)
      : run_(run), wire_(std::move(wire)), progress_(progress), properties_(run.scenario) {}

  [[noreturn]] void live() {
    scenarios::SimulationOptions options;
    options.seed = run_.options.seed;
    options.plants = run_.options.plants;
    options.detail = run_.options.detail;
    scenarios::Simulation simulation(run_.scenario, options);
    simulation_ = &simulation;
    properties_.attach(simulation.recorder());
    simulation.recorder().attach(*this, traces::event_types(true));
    goal_.index = 0;
    simulation.run();
    event_ = nullptr;
    ended_ = true;
    index_ = simulation.recorder().events();
    answer_stop("end", {});
    serve();
    for (;;) {  // nothing runs any more: every request to run ends at once
      answer_stop("end", {});
      serve();
    }
  }

  void on_event(const traces::Event& event) override {
    if (looking_) return;  // a look is not part of the run, whatever the world says about it
    jobs_.on_event(event);
    lead_up_.on_event(event);
    index_ = event.index;
    event_ = &event;
    progress_.index = index_;
    if (stops(event)) serve();
    event_ = nullptr;
  }

 private:
  struct Goal {
    std::optional<std::uint64_t> index;
    std::vector<StopAt> stops;
    std::optional<std::string> violation;
    bool note = false;
    std::chrono::milliseconds slice{0};
    std::chrono::nanoseconds begin{};
    std::optional<std::uint64_t> noted;
  };

  /// Whether the run stops here; then it has been answered.
  bool stops(const traces::Event& event) {
    if (goal_.violation) {
      if (const auto property = properties_.violated(*goal_.violation)) {
        answer_stop("violation", *property);
        return true;
      }
    }
    for (const StopAt& stop : goal_.stops) {
      if (!stop.matches(event, lead_up_.names())) continue;
      goal_.noted = event.index;
      if (goal_.note) break;
      answer_stop("stop", stop.pattern ? stop.pattern->text() : "");
      return true;
    }
    if (goal_.index && event.index >= *goal_.index) {
      answer_stop("index", {});
      return true;
    }
    if (goal_.slice.count() == 0 || event.index % kEventsPerLook != 0) return false;
    if (work_done() - goal_.begin < goal_.slice) return false;
    answer_stop("slice", {});
    return true;
  }

  void answer_stop(const char* why, const std::string& which) {
    Json answer;
    answer["index"] = index_;
    answer["why"] = why;
    answer["which"] = which;
    answer["ended"] = ended_;
    answer["time"] = simulation_->world().now().ns;
    answer["line"] =
        event_ != nullptr ? traces::text_line(*event_, lead_up_.names()) : "(the world has ended)";
    const std::chrono::duration<double, std::milli> work = work_done() - goal_.begin;
    answer["work_ms"] = work.count();
    if (goal_.noted) answer["noted"] = *goal_.noted;
    answer["hash"] = traces::to_text(simulation_->recorder().hash());
    send(answer);
  }

  void send(const Json& answer) {
    if (!wire_.send(answer.dump(-1, ' ', false, Json::error_handler_t::replace))) _exit(0);
  }

  /// Serves requests until one says to run.
  void serve() {
    for (;;) {
      std::string text;
      int descriptor = -1;
      if (!wire_.receive(text, &descriptor)) _exit(0);
      const Json request = Json::parse(text);
      if (request["do"] == "run") {
        set_goal(request);
        return;
      }
      if (request["do"] == "where") {
        answer_stop("index", {});
      } else if (request["do"] == "fork") {
        make_copy(descriptor);
      } else {
        look(request);
      }
    }
  }

  void set_goal(const Json& request) {
    goal_ = Goal{};
    if (request.contains("index")) goal_.index = request["index"].get<std::uint64_t>();
    for (const Json& stop : request["stops"]) {
      goal_.stops.push_back(StopAt::parse(stop.get<std::string>()));
    }
    if (request.contains("violation")) {
      goal_.violation = request["violation"].get<std::string>();
      if (request["fresh"] == true) properties_.forget_known();
    }
    goal_.note = request["note"] == true;
    goal_.slice = std::chrono::milliseconds(request["slice_ms"].get<int>());
    goal_.begin = work_done();
  }

  void make_copy(int descriptor) {
    const pid_t child = fork();
    if (child == 0) {
      wire_ = Wire(descriptor);
      return;  // and serves it
    }
    close(descriptor);
    Json answer;
    answer["ok"] = child > 0;
    send(answer);
  }

  /// A copy looks. It answers through a wire of its own, so that its crash is an answer too.
  void look(const Json& request) {
    Json failure;
    failure["error"] = "this cannot be looked at here";
    auto [ours, theirs] = Wire::pair();
    const pid_t child = fork();
    if (child == 0) {
      ours.close();
      looking_ = true;
      Json answer;
      try {
        answer = look_answer(request);
      } catch (const scenarios::UserError& error) {
        answer["error"] = error.what();
      }
      wire_ = std::move(theirs);
      send(answer);
      _exit(0);
    }
    theirs.close();
    std::string answer;
    const bool answered = child > 0 && ours.receive(answer);
    if (!wire_.send(answered ? answer : failure.dump())) _exit(0);
  }

  Json look_answer(const Json& request) {
    const View view{*simulation_, run_.scenario, jobs_, lead_up_.names()};
    const std::string what = request["do"];
    const Words words = request.value("words", Words{});
    Json answer;
    if (what == "inspect") {
      answer["data"] = inspect(view, words);
    } else if (what == "memory") {
      answer["text"] = dump_memory(view, words);
    } else if (what == "disassemble") {
      answer["text"] = disassemble(view, words);
    } else if (what == "properties") {
      answer["data"] = properties_.conclude(simulation_->world().now(), run_.options.detail);
    } else if (what == "events") {
      answer["data"] = lead_up_.recent(request["count"].get<std::size_t>());
    } else {
      answer["data"] =
          event_ == nullptr ? std::vector<std::string>() : to_lines(lead_up_.before(*event_));
    }
    return answer;
  }

  const scenarios::Recorded& run_;
  Wire wire_;
  Progress& progress_;
  Properties properties_;
  Jobs jobs_;
  LeadUp lead_up_;
  scenarios::Simulation* simulation_ = nullptr;
  const traces::Event* event_ = nullptr;  ///< in hand; nullptr once the world has ended
  std::uint64_t index_ = 0;
  bool ended_ = false;
  bool looking_ = false;  ///< in a copy that only answers
  Goal goal_;
};

}  // namespace

void serve_world(const scenarios::Recorded& run, Wire wire, Progress& progress) {
  std::signal(SIGCHLD, SIG_IGN);  // copies end when they like
  std::signal(SIGINT, SIG_IGN);   // the front end decides what an interrupt means
  WorldProcess process(run, std::move(wire), progress);
  process.live();
}

}  // namespace debugger
