// Messages between the front end of the debugger and the processes that hold worlds, over a socket
// pair. A message is text; a descriptor may travel with it.
#pragma once

#include <string>
#include <utility>

namespace debugger {

class Wire {
 public:
  Wire() = default;
  explicit Wire(int fd) : fd_(fd) {}
  ~Wire() { close(); }
  Wire(Wire&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Wire& operator=(Wire&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  /// Two connected ends. Throws std::runtime_error when the machine has no descriptor left.
  static std::pair<Wire, Wire> pair();

  int fd() const { return fd_; }
  void close();

  /// False when nobody is at the other end any more.
  bool send(const std::string& text, int descriptor = -1) const;
  /// False at the end of the stream. A descriptor that came along is stored, -1 when none did.
  bool receive(std::string& text, int* descriptor = nullptr) const;

 private:
  int fd_ = -1;
};

}  // namespace debugger
