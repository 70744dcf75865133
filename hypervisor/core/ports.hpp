// Where a partition's hypercalls and intercepts meet the parent's stack. The microkernel knows no
// device: it hands over messages, events and intercepted accesses to whoever the parent connected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "hypervisor/core/ids.hpp"
#include "sim/memory/address.hpp"

namespace hv {

/// Parent's end of a message connection (spec B.7). At most 16 messages wait in it.
class MessagePort {
 public:
  virtual void message(std::uint32_t type, std::span<const std::byte> payload) = 0;

 protected:
  ~MessagePort() = default;
};

/// Parent's end of an event connection.
class EventPort {
 public:
  virtual void signalled(std::uint16_t flag) = 0;

 protected:
  ~EventPort() = default;
};

/// The parent's answer to intercepted accesses of a child: ports, MMIO and MSRs that the
/// microkernel does not own.
class InterceptHandler {
 public:
  virtual std::uint32_t port_in(VpIndex vp, std::uint16_t port, unsigned bytes) = 0;
  virtual void port_out(VpIndex vp, std::uint16_t port, unsigned bytes, std::uint32_t value) = 0;
  virtual bool owns_mmio(sim::Gpfn page) = 0;
  virtual std::uint64_t mmio_read(VpIndex vp, sim::Gpa gpa, unsigned bytes) = 0;
  virtual void mmio_write(VpIndex vp, sim::Gpa gpa, unsigned bytes, std::uint64_t value) = 0;
  /// The VP cannot go on: triple fault, or an access to nowhere.
  virtual void vp_stopped(VpIndex vp, const char* reason) = 0;

 protected:
  ~InterceptHandler() = default;
};

}  // namespace hv
