#include "scenarios/debug/wire.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace debugger {

namespace {

bool read_exactly(int fd, char* out, std::size_t count) {
  while (count != 0) {
    const ssize_t got = recv(fd, out, count, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out += got;
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_exactly(int fd, const char* data, std::size_t count) {
  while (count != 0) {
    const ssize_t done = ::send(fd, data, count, MSG_NOSIGNAL);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    data += done;
    count -= static_cast<std::size_t>(done);
  }
  return true;
}

union Ancillary {
  cmsghdr header;
  char space[CMSG_SPACE(sizeof(int))];
};

}  // namespace

std::pair<Wire, Wire> Wire::pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw std::runtime_error(std::string("no socket pair: ") + std::strerror(errno));
  }
  return {Wire(ends[0]), Wire(ends[1])};
}

void Wire::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool Wire::send(const std::string& text, int descriptor) const {
  std::uint32_t size = static_cast<std::uint32_t>(text.size());
  iovec part{&size, sizeof(size)};
  Ancillary ancillary{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = ancillary.space;
    message.msg_controllen = sizeof(ancillary.space);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
  }
  ssize_t done;
  do {
    done = sendmsg(fd_, &message, MSG_NOSIGNAL);
  } while (done < 0 && errno == EINTR);
  // Four bytes fit into the buffer of a socket whole or not at all.
  return done == sizeof(size) && write_exactly(fd_, text.data(), text.size());
}

bool Wire::receive(std::string& text, int* descriptor) const {
  std::uint32_t size = 0;
  iovec part{&size, sizeof(size)};
  Ancillary ancillary{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = ancillary.space;
  message.msg_controllen = sizeof(ancillary.space);
  ssize_t got;
  do {
    got = recvmsg(fd_, &message, MSG_WAITALL | MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got != sizeof(size)) return false;
  int received = -1;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    std::memcpy(&received, CMSG_DATA(header), sizeof(int));
  }
  if (descriptor != nullptr) {
    *descriptor = received;
  } else if (received >= 0) {
    ::close(received);
  }
  text.resize(size);
  return read_exactly(fd_, text.data(), text.size());
}

}  // namespace debugger
