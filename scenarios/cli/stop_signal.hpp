// How a long command shows how far it is, and how a person ends it.
#pragma once

#include <chrono>
#include <string>

namespace cli {

/// While it lives, the first Ctrl-C (or SIGTERM) asks for the end and a second one ends the process
/// at once. One at a time.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  bool asked() const;
};

/// One line on stderr that is written over; nothing unless stderr is a terminal.
class ProgressDisplay {
 public:
  ProgressDisplay();
  ~ProgressDisplay() { clear(); }
  void show(const std::string& line);
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace cli
