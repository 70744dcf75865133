#include "scenarios/shrink/forked.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string_view>

namespace scenarios {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kThrown = 71;
constexpr std::size_t kLastWords = 2000;

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string("cannot run a candidate: ") + what + ": " +
                           std::strerror(errno));
}

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  int get() const { return fd_; }
  void reset() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t done = write(fd, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(done));
  }
}

[[noreturn]] void be_child(const std::function<std::string()>& work, int answer, int words) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  std::signal(SIGABRT, SIG_DFL);  // a failed assertion ends the child by its signal
  dup2(words, STDOUT_FILENO);
  dup2(words, STDERR_FILENO);
  try {
    write_all(answer, work());
  } catch (const std::exception& error) {
    write_all(STDERR_FILENO, error.what());
    _exit(kThrown);
  }
  _exit(0);
}

/// Reads until the writing end is closed; false when the time is over first.
bool read_answer(int fd, Clock::time_point deadline, std::string& text) {
  std::array<char, 1 << 16> buffer;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd waiting{fd, POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(std::min<long>(left.count(), 1'000'000)));
    if (ready < 0 && errno != EINTR) fail("poll");
    if (ready <= 0) continue;
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

std::string last_words(int fd) {
  const off_t size = lseek(fd, 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(kLastWords));
  std::string text(static_cast<std::size_t>(size - from), '\0');
  const ssize_t got = pread(fd, text.data(), text.size(), from);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

Forked run_forked(const std::function<std::string()>& work, std::chrono::milliseconds limit) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
  Descriptor from(ends[0]);
  Descriptor to(ends[1]);
  const Descriptor words(memfd_create("hvsim-candidate", MFD_CLOEXEC));
  if (words.get() < 0) fail("memory file");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    close(from.get());
    be_child(work, to.get(), words.get());
  }
  to.reset();

  Forked result;
  const bool ended = read_answer(from.get(), Clock::now() + limit, result.text);
  if (!ended) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) {
    result.end = Forked::End::TimedOut;
    result.text.clear();
  } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    result.end = Forked::End::Crashed;
    const std::string said = last_words(words.get());
    result.text = WIFSIGNALED(status) ? std::string("signal ") + strsignal(WTERMSIG(status))
                                      : std::string("an exception");
    if (!said.empty()) result.text += ": " + said;
  }
  return result;
}

}  // namespace scenarios
