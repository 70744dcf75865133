#include "scenarios/explore/workers.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <utility>

#include "scenarios/language/source.hpp"
#include "traces/assert.hpp"

namespace scenarios {

namespace {

using Clock = std::chrono::steady_clock;
using Length = std::uint32_t;

constexpr std::size_t kKeptOutput = 4'096;
constexpr std::chrono::milliseconds kWatchInterval{200};

/// All of it or false.
bool write_all(int file, const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::send(file, at, size, MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    at += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

bool read_all(int file, void* data, std::size_t size) {
  char* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::read(file, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool send_message(int socket, std::span<const std::byte> message) {
  const auto length = static_cast<Length>(message.size());
  std::vector<std::byte> frame(sizeof length + message.size());
  std::memcpy(frame.data(), &length, sizeof length);
  std::copy(message.begin(), message.end(), frame.begin() + sizeof length);
  return write_all(socket, frame.data(), frame.size());
}

/// Makes a forked process a worker: it dies with its parent, ignores the terminal's Ctrl-C, dumps
/// no core, and has nothing open but its ends, at 3 and as its standard error.
void become_worker(pid_t parent, int socket, int output) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  ::setpgid(0, 0);
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTERM}) {
    ::signal(signal, SIG_DFL);
  }
  ::signal(SIGINT, SIG_IGN);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, 0);
  ::dup2(output, 1);
  ::dup2(output, 2);
  if (socket != 3) ::dup2(socket, 3);
  ::close_range(4, ~0U, 0);
}

/// Memory of a process, or of the worlds that it has forked if one of them has more; 0 when it is
/// gone.
std::uint64_t resident_bytes(pid_t process) {
  const std::string folder = "/proc/" + std::to_string(process);
  std::uint64_t all = 0, resident = 0;
  std::ifstream(folder + "/statm") >> all >> resident;
  std::uint64_t most = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::ifstream children(folder + "/task/" + std::to_string(process) + "/children");
  for (pid_t child = 0; children >> child;) most = std::max(most, resident_bytes(child));
  return most;
}

}  // namespace

bool Channel::send(std::span<const std::byte> message) { return send_message(socket_, message); }

bool Channel::receive(std::vector<std::byte>& message) {
  Length length = 0;
  if (!read_all(socket_, &length, sizeof length)) return false;
  message.resize(length);
  return read_all(socket_, message.data(), message.size());
}

struct WorkerPool::Worker {
  pid_t process = -1;
  int socket = -1;
  int output = -1;
  std::vector<std::byte> received;
  std::string said;
  bool busy = false;
  Clock::time_point since{};  ///< when it was last heard of, or got its work

  ~Worker() { end(); }
  void end() {
    if (process > 0) {
      // With what it may have forked itself.
      ::kill(-process, SIGKILL);
      ::kill(process, SIGKILL);
      int status = 0;
      while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
      }
    }
    if (socket >= 0) ::close(socket);
    if (output >= 0) ::close(output);
    process = socket = output = -1;
  }
};

WorkerPool::WorkerPool(std::size_t count, Body body, WorkerLimits limits)
    : body_(std::move(body)), limits_(limits) {
  for (std::size_t i = 0; i < count; ++i) {
    workers_.push_back(std::make_unique<Worker>());
    start(*workers_.back());
  }
}

WorkerPool::~WorkerPool() = default;

void WorkerPool::start(Worker& worker) {
  int sockets[2];
  int pipes[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    throw UserError(std::string("no worker process can be started: ") + std::strerror(errno));
  }
  if (::pipe2(pipes, O_CLOEXEC) != 0) {
    ::close(sockets[0]);
    ::close(sockets[1]);
    throw UserError(std::string("no worker process can be started: ") + std::strerror(errno));
  }
  std::fflush(nullptr);  // or the child would have a copy of what waits to be written
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    become_worker(parent, sockets[1], pipes[1]);
    try {
      Channel channel(3);
      body_(channel);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      std::abort();  // for the supervisor it is a crash like any other
    }
    ::_exit(0);
  }
  ::close(sockets[1]);
  ::close(pipes[1]);
  worker.process = child;
  worker.socket = sockets[0];
  worker.output = pipes[0];
  ::fcntl(worker.output, F_SETFL, O_NONBLOCK);
  worker.received.clear();
  worker.said.clear();
  worker.busy = false;
  if (child < 0) {
    worker.end();
    throw UserError(std::string("no worker process can be started: ") + std::strerror(errno));
  }
  ::setpgid(child, child);  // whoever of the two comes first
}

void WorkerPool::send(std::size_t worker, std::span<const std::byte> message) {
  // A dead worker is noticed when it is next listened to.
  send_message(workers_[worker]->socket, message);
}

void WorkerPool::set_busy(std::size_t worker, bool busy) {
  workers_[worker]->busy = busy;
  workers_[worker]->since = Clock::now();
}

pid_t WorkerPool::process(std::size_t worker) const { return workers_[worker]->process; }

std::string WorkerPool::take_output(std::size_t worker) {
  if (workers_[worker]->output >= 0) read_output(*workers_[worker]);
  return std::exchange(workers_[worker]->said, {});
}

void WorkerPool::turn(std::chrono::milliseconds wait, Listener& listener) {
  std::vector<pollfd> files;
  for (const auto& worker : workers_) {
    files.push_back({worker->socket, POLLIN, 0});
    files.push_back({worker->output, POLLIN, 0});
  }
  const auto limit = std::min(wait, kWatchInterval);
  const int ready = ::poll(files.data(), files.size(), static_cast<int>(limit.count()));
  for (std::size_t i = 0; ready > 0 && i < workers_.size(); ++i) {
    if (files[2 * i + 1].revents != 0) read_output(*workers_[i]);
    if (files[2 * i].revents != 0) read(i, listener);
  }
  const auto now = Clock::now();
  if (now < next_watch_) return;
  next_watch_ = now + kWatchInterval;
  for (std::size_t i = 0; i < workers_.size(); ++i) watch(i, listener);
}

void WorkerPool::read_output(Worker& worker) {
  char buffer[4096];
  ssize_t got = -1;
  while ((got = ::read(worker.output, buffer, sizeof buffer)) > 0) {
    worker.said.append(buffer, static_cast<std::size_t>(got));
    if (worker.said.size() > 2 * kKeptOutput) {
      worker.said.erase(0, worker.said.size() - kKeptOutput);
    }
  }
  if (got != 0) return;
  // The other end is closed: nothing to wait for any more.
  ::close(worker.output);
  worker.output = -1;
}

void WorkerPool::read(std::size_t index, Listener& listener) {
  Worker& worker = *workers_[index];
  std::byte buffer[65536];
  const ssize_t got = ::read(worker.socket, buffer, sizeof buffer);
  if (got < 0 && errno == EINTR) return;
  if (got <= 0) {
    int status = 0;
    // It closed its end; it may take a moment to be gone.
    ::kill(-worker.process, SIGTERM);
    while (::waitpid(worker.process, &status, 0) < 0 && errno == EINTR) {
    }
    Death death;
    if (WIFSIGNALED(status)) {
      death.how = End::Crashed;
      death.killed = WTERMSIG(status) == SIGKILL;
      death.text = std::string("signal ") + std::to_string(WTERMSIG(status)) + " (" +
                   ::strsignal(WTERMSIG(status)) + ")";
    } else if (WEXITSTATUS(status) != 0) {
      death.how = End::Crashed;
      death.text = "exit code " + std::to_string(WEXITSTATUS(status));
    }
    ::kill(-worker.process, SIGKILL);
    worker.process = -1;
    bury(index, std::move(death), listener);
    return;
  }
  worker.since = Clock::now();
  worker.received.insert(worker.received.end(), buffer, buffer + got);
  std::size_t at = 0;
  Length length = 0;
  while (worker.received.size() - at >= sizeof length) {
    std::memcpy(&length, worker.received.data() + at, sizeof length);
    if (worker.received.size() - at - sizeof length < length) break;
    const std::vector<std::byte> message(
        worker.received.begin() + static_cast<std::ptrdiff_t>(at + sizeof length),
        worker.received.begin() + static_cast<std::ptrdiff_t>(at + sizeof length + length));
    at += sizeof length + length;
    listener.on_message(index, message);
  }
  worker.received.erase(worker.received.begin(),
                        worker.received.begin() + static_cast<std::ptrdiff_t>(at));
}

void WorkerPool::watch(std::size_t index, Listener& listener) {
  Worker& worker = *workers_[index];
  const auto idle =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - worker.since);
  if (worker.busy && idle > limits_.wall) {
    Death death{End::Hung,
                false,
                "no end after " + std::to_string(idle.count()) + " ms, limit " +
                    std::to_string(limits_.wall.count()) + " ms",
                {}};
    bury(index, std::move(death), listener);
    return;
  }
  const std::uint64_t resident = resident_bytes(worker.process);
  if (resident <= limits_.resident_bytes) return;
  Death death{End::TooLarge,
              false,
              std::to_string(resident >> 20) + " MiB resident, limit " +
                  std::to_string(limits_.resident_bytes >> 20) + " MiB",
              {}};
  bury(index, std::move(death), listener);
}

void WorkerPool::bury(std::size_t index, Death death, Listener& listener) {
  Worker& worker = *workers_[index];
  if (worker.output >= 0) read_output(worker);
  death.output = worker.said;
  if (death.output.size() > kKeptOutput) {
    death.output.erase(0, death.output.size() - kKeptOutput);
  }
  worker.end();
  start(worker);
  listener.on_death(index, death);
}

}  // namespace scenarios
