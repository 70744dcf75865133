// Worker processes. Each is forked, single-threaded, has memory of its own and holds no descriptor
// but its ends of a socket and a pipe to this, the supervisor. So whatever a world does there, a
// crash, a hang, a blow-up, costs one worker, which is replaced, and nobody else.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace scenarios {

/// The worker's end of the socket: whole messages.
class Channel {
 public:
  explicit Channel(int socket) : socket_(socket) {}
  /// False when the supervisor is gone.
  bool receive(std::vector<std::byte>& message);
  bool send(std::span<const std::byte> message);

 private:
  int socket_;
};

struct WorkerLimits {
  std::chrono::milliseconds wall{60'000};  ///< between two messages of a busy worker
  std::uint64_t resident_bytes = 2ULL << 30;
};

class WorkerPool {
 public:
  enum class End { Quit, Crashed, Hung, TooLarge };
  struct Death {
    End how = End::Quit;
    bool killed = false;  ///< by SIGKILL, which no world sends: from outside
    std::string text;     ///< signal or exit code, figure against its limit
    std::string output;   ///< what it wrote to its standard error, shortened to the last lines
  };
  /// What the pool tells; called from within turn().
  struct Listener {
    virtual ~Listener() = default;
    virtual void on_message(std::size_t worker, std::span<const std::byte> message) = 0;
    /// The worker is gone; another one, with nothing to do, has its number by then.
    virtual void on_death(std::size_t worker, const Death& death) = 0;
  };
  /// Runs in the worker process until it returns; receives and sends over the channel.
  using Body = std::function<void(Channel&)>;

  WorkerPool(std::size_t count, Body body, WorkerLimits limits);
  /// Ends all of them at once.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;

  std::size_t size() const { return workers_.size(); }
  /// Messages that are small against a socket's buffer.
  void send(std::size_t worker, std::span<const std::byte> message);
  /// Only a busy worker can hang.
  void set_busy(std::size_t worker, bool busy);
  /// Waits for something to happen, at most so long, and tells the listener.
  void turn(std::chrono::milliseconds wait, Listener& listener);
  /// What the worker wrote to its standard error since it was last asked.
  std::string take_output(std::size_t worker);
  /// Process id, for tests that kill one.
  pid_t process(std::size_t worker) const;

 private:
  struct Worker;
  void start(Worker& worker);
  void read(std::size_t index, Listener& listener);
  void read_output(Worker& worker);
  void watch(std::size_t index, Listener& listener);
  void bury(std::size_t index, Death death, Listener& listener);

  Body body_;
  WorkerLimits limits_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::chrono::steady_clock::time_point next_watch_{};
};

}  // namespace scenarios
