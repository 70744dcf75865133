#include "scenarios/shrink/critical_instant.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <sstream>

#include "scenarios/runner/run.hpp"
#include "scenarios/runner/simulation.hpp"
#include "scenarios/shrink/forked.hpp"
#include "traces/text.hpp"

namespace scenarios {

namespace {

constexpr int kViolated = 10;
constexpr int kAvoided = 11;
constexpr std::uint64_t kFirst = 1;    // event at which the world is held first
constexpr std::uint64_t kContext = 3;  // events shown on either side

/// What children leave for their parent even when they crash.
struct Board {
  std::uint64_t events = 0;  ///< of level 0, up to the one that decided
  std::int64_t last_time = 0;
  std::uint64_t good = 0, bad = 0;  ///< outcome of the bisection, counts of events
  std::int64_t good_time = 0, bad_time = 0;
  bool found = false;
  bool inevitable = false;
  std::uint64_t lines_used = 0;
  char lines[1 << 16] = {};
};

class SharedBoard {
 public:
  SharedBoard() {
    void* memory =
        mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    board_ = memory == MAP_FAILED ? nullptr : new (memory) Board;
  }
  ~SharedBoard() {
    if (board_ != nullptr) munmap(board_, sizeof(Board));
  }
  SharedBoard(const SharedBoard&) = delete;
  explicit operator bool() const { return board_ != nullptr; }
  Board* operator->() const { return board_; }

 private:
  Board* board_;
};

traces::EventSet level0() { return traces::event_types(false); }

/// Calls back for every event of level 0 with its number from 1.
class Counter final : public traces::Observer {
 public:
  using Call = std::function<void(std::uint64_t number, const traces::Event& event)>;
  explicit Counter(Call call) : call_(std::move(call)) {}
  void on_event(const traces::Event& event) override { call_(++count_, event); }

 private:
  Call call_;
  std::uint64_t count_ = 0;
};

class Search {
 public:
  Search(const Scenario& scenario, const PlantSet& plants, const Violation& violation,
         std::chrono::milliseconds limit)
      : scenario_(scenario), plants_(plants), violation_(violation), limit_(limit) {}

  CriticalInstant run() {
    CriticalInstant result;
    if (!board_) return result;
    count_events();
    if (board_->events < 2) return result;
    bisect();
    if (board_->inevitable) result.kind = CriticalInstant::Kind::Inevitable;
    if (!board_->found) return result;
    result.kind = CriticalInstant::Kind::Found;
    result.last_chance = sim::Time{board_->good_time};
    result.too_late = sim::Time{board_->bad_time};
    result.chance = static_cast<std::size_t>(board_->good - first_shown() + 1);
    collect_lines();
    std::istringstream lines(std::string(board_->lines, board_->lines_used));
    for (std::string line; std::getline(lines, line);) result.around.push_back(line);
    result.chance = std::min(result.chance, result.around.size());
    return result;
  }

 private:
  Outcome world(Counter& counter, Simulation** simulation, bool judged) {
    RunOptions options;
    options.seed = scenario_.seed;
    options.plants = plants_;
    options.twin = judged && violation_.property == "twin-equal";
    options.twice = judged && violation_.property == "MG-3";
    options.prepare = [&](Simulation& made) {
      if (simulation != nullptr) *simulation = &made;
      made.recorder().attach(counter, level0());
    };
    return run_scenario(scenario_, options);
  }

  void count_events() {
    Counter counter([this](std::uint64_t number, const traces::Event& event) {
      if (violation_.event != 0 && event.index > violation_.event) return;
      board_->events = number;
      board_->last_time = event.time.ns;
    });
    run_forked(
        [&] {
          world(counter, nullptr, false);
          return std::string();
        },
        limit_);
  }

  void bisect() {
    // Every probe is a run of its own; all of them together are some twenty.
    run_forked([this] { return hold(); }, limit_ * 64);
  }

  /// In the child: the world that is held. Its forks come out of world() and end here too.
  std::string hold() {
    bad_ = board_->events;
    bad_time_ = board_->last_time;
    Counter counter([this](std::uint64_t number, const traces::Event& event) {
      if (probing_) {
        if (number == heal_at_) heal(event);
      } else if (number == good_) {
        good_time_ = event.time.ns;
        decide(event);
      }
    });
    const Outcome outcome = world(counter, &simulation_, true);
    if (!probing_) return {};
    const bool violated = std::any_of(
        outcome.findings.begin(), outcome.findings.end(), [this](const checkers::Finding& one) {
          return one.verdict == checkers::Verdict::Violated && one.property == violation_.property;
        });
    _exit(violated ? kViolated : kAvoided);
  }

  void heal(const traces::Event& event) {
    simulation_->end_faults();
    board_->last_time = event.time.ns;
  }

  /// The world stands at event `good_`: probes until the next event to hold at is known.
  void decide(const traces::Event& event) {
    if (good_ == kFirst) {
      const bool helped = helps(good_, event);
      if (probing_) return;
      if (!helped) finish(true);
    }
    while (bad_ - good_ > 1) {
      const std::uint64_t mid = good_ + (bad_ - good_) / 2;
      const bool helped = helps(mid, event);
      if (probing_) return;
      if (helped) {
        good_ = mid;
        return;  // the world runs on to it
      }
      bad_ = mid;
      bad_time_ = board_->last_time;
    }
    finish(false);
  }

  [[noreturn]] void finish(bool inevitable) {
    board_->inevitable = inevitable;
    board_->found = !inevitable;
    board_->good = good_;
    board_->bad = bad_;
    board_->good_time = good_time_;
    board_->bad_time = bad_time_;
    _exit(0);
  }

  /// True in the held world when healing at that event avoids the violation. In the fork it
  /// does not return a verdict but goes on as the probe.
  bool helps(std::uint64_t number, const traces::Event& event) {
    const pid_t child = fork();
    if (child < 0) _exit(1);
    if (child == 0) {
      probing_ = true;
      heal_at_ = number;
      alarm(static_cast<unsigned>(limit_.count() / 1000 + 1));
      if (number == good_) heal(event);
      return true;
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) return violation_.property != kHang;
    if (!WIFEXITED(status)) return violation_.property != kCrash;
    if (WEXITSTATUS(status) == kViolated) return false;
    return WEXITSTATUS(status) == kAvoided || violation_.property != kCrash;
  }

  std::uint64_t first_shown() const {
    return board_->good > kContext ? board_->good - kContext + 1 : 1;
  }

  void collect_lines() {
    traces::NodeNames names;
    Counter counter([this, &names](std::uint64_t number, const traces::Event& event) {
      names.learn(event);
      if (number < first_shown() || number >= board_->bad + kContext) return;
      const std::string line = traces::text_line(event, names) + "\n";
      if (board_->lines_used + line.size() > sizeof(Board::lines)) return;
      std::memcpy(board_->lines + board_->lines_used, line.data(), line.size());
      board_->lines_used += line.size();
    });
    run_forked(
        [&] {
          world(counter, nullptr, false);
          return std::string();
        },
        limit_);
  }

  const Scenario& scenario_;
  const PlantSet& plants_;
  const Violation& violation_;
  std::chrono::milliseconds limit_;
  SharedBoard board_;

  // In the child that holds the world, and in its forks.
  Simulation* simulation_ = nullptr;
  std::uint64_t good_ = kFirst, bad_ = 0;
  std::int64_t good_time_ = 0, bad_time_ = 0;
  bool probing_ = false;
  std::uint64_t heal_at_ = 0;
};

}  // namespace

CriticalInstant find_critical_instant(const Scenario& scenario, const PlantSet& plants,
                                      const Violation& violation, std::chrono::milliseconds limit) {
  return Search(scenario, plants, violation, limit).run();
}

}  // namespace scenarios
