#include "scenarios/cli/stop_signal.hpp"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "scenarios/cli/report.hpp"

namespace cli {

namespace {

volatile sig_atomic_t stops = 0;

extern "C" void on_stop(int) {
  stops = stops + 1;
  if (stops > 1) _exit(kUndecided);  // workers die with their parent
}

void install(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // The terminal is gone, unless somebody said (nohup) that this does not matter.
  struct sigaction hangup {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);
}

constexpr std::chrono::milliseconds kInterval{250};

}  // namespace

StopSignal::StopSignal() {
  stops = 0;
  install(on_stop);
}

StopSignal::~StopSignal() { install(SIG_DFL); }

bool StopSignal::asked() const { return stops != 0; }

ProgressDisplay::ProgressDisplay() : terminal_(isatty(STDERR_FILENO) != 0) {}

void ProgressDisplay::show(const std::string& line) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now < next_) return;
  next_ = now + kInterval;
  winsize size{};
  std::size_t width = 80;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1) width = size.ws_col;
  // Back to the line's start, the text, nothing behind it.
  std::fprintf(stderr, "\r%s\x1b[K", line.substr(0, width - 1).c_str());
  std::fflush(stderr);
  shown_ = true;
}

void ProgressDisplay::clear() {
  if (!shown_) return;
  std::fprintf(stderr, "\r\x1b[K");
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace cli
