// Integration component messages as they lie in a VMBus packet's payload, behind the pipe header
// (spec C.6, D.3). Layout only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hypervisor/vmbus/packet_format.hpp"

namespace vsp::icmsg {

struct Version {
  std::uint16_t major = 0;
  std::uint16_t minor = 0;
  friend constexpr bool operator==(const Version&, const Version&) = default;
};

enum class Type : std::uint16_t {
  Negotiate = 0,
  Heartbeat = 1,
  KeyValue = 2,
  Shutdown = 3,
  TimeSync = 4,
  Vss = 5,
};

inline constexpr std::uint8_t kTransaction = 1;
inline constexpr std::uint8_t kRequest = 2;
inline constexpr std::uint8_t kResponse = 4;

struct Header {
  Version framework;
  Type type{};
  Version message;
  std::uint16_t bytes = 0;  ///< of what follows the header
  std::uint32_t status = 0;
  std::uint8_t transaction = 0;
  std::uint8_t flags = 0;
  std::uint16_t reserved = 0;
};
static_assert(sizeof(Header) == 20);
static_assert(offsetof(Header, type) == 4);
static_assert(offsetof(Header, message) == 6);
static_assert(offsetof(Header, bytes) == 10);
static_assert(offsetof(Header, status) == 12);
static_assert(offsetof(Header, transaction) == 16);

/// Counts of the version pairs that follow: first frameworks, then messages.
struct Negotiate {
  std::uint16_t framework_count = 0;
  std::uint16_t message_count = 0;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(Negotiate) == 8);

struct Heartbeat {
  std::uint64_t sequence = 0;
  std::uint64_t reserved[4] = {};
};
static_assert(sizeof(Heartbeat) == 40);

}  // namespace vsp::icmsg
