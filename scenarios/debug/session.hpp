// A debugging session: where we are in a run, and the checkpoints from which any other event is
// reached again. Forward is running on; backward is a copy of the nearest checkpoint that runs to
// the event wanted.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/debug/inspect.hpp"
#include "scenarios/debug/wire.hpp"
#include "scenarios/debug/world_process.hpp"
#include "scenarios/runner/run.hpp"

namespace debugger {

/// Where the world stands: event `index` has just been told, or the world has ended.
struct Stop {
  std::uint64_t index = 0;
  traces::Time time{};
  std::string line;   ///< the event as text
  std::string why;    ///< index, stop, violation, end, interrupted, crash
  std::string which;  ///< the pattern or the property
  std::string hash;
  bool ended = false;
};

struct Goal {
  std::optional<std::uint64_t> index;
  std::vector<std::string> stops;        ///< as StopAt::parse takes them
  std::optional<std::string> violation;  ///< a property's name, or empty for any
};

class Session {
 public:
  /// Starts the world and stops at its first event. `run` must outlive the session. Throws
  /// std::runtime_error when the machine has no process or descriptor left.
  explicit Session(const scenarios::Recorded& run);
  ~Session();
  Session(const Session&) = delete;

  const Stop& here() const { return here_; }
  /// Runs on from here, at least one event, until the goal, the end, or interrupt().
  const Stop& forward(const Goal& goal);
  /// To an event, before or behind this one.
  const Stop& go_to(std::uint64_t index);
  /// Back to the last event before this one that matches one of `stops`; to the first event when
  /// there is none, and `why` is then empty.
  const Stop& back_to_match(const std::vector<std::string>& stops);
  /// A question to the world as it stands (world_process.hpp). Throws scenarios::UserError with
  /// the answer's error.
  Json ask(const Json& request);

  /// May be called from a signal handler: ends a run at the next opportunity.
  void interrupt() { interrupted_.store(true); }

  struct CheckpointInfo {
    std::uint64_t index;
    double cost_ms;  ///< processor time from the first event to it
  };
  std::vector<CheckpointInfo> checkpoints() const;

 private:
  struct Process {
    Wire wire;
    std::uint64_t index = 0;
    double cost_ms = 0;
  };
  Json exchange(Process& process, const Json& request);
  Process copy_of(Process& process);
  void keep_checkpoint(Process& process);
  void thin_out();
  std::size_t nearest_before(std::uint64_t index) const;
  /// Runs a process on; false when it crashed.
  bool advance(Process& process, const Goal& goal, bool fresh = true);
  bool advance_with_near(const Goal& goal);
  void recover(std::uint64_t crashed_at);
  void take(const Json& answer, Process& process);

  const scenarios::Recorded& run_;
  Progress* progress_ = nullptr;
  int child_ = -1;                    ///< the first world's process; the others are its copies
  std::vector<Process> checkpoints_;  ///< ascending by index; the first is the first event
  Process current_;
  Stop here_;
  std::atomic<bool> interrupted_{false};
};

}  // namespace debugger
