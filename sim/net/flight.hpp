// One crossing of a path, computed at the moment of sending: when its bits are on which link, and
// when the last of them arrives. Frames follow each other closely, so a message of many frames is
// on several links at once and pays the serialisation of the slowest link once.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/net/topology.hpp"

namespace sim::net {

/// Unit in which a switch stores and forwards: an Ethernet payload.
inline constexpr std::uint64_t kFrameBytes = 1500;
/// Ethernet framing, IP and TCP headers of a frame. Paths of the usual frames leave them out; where
/// the MTU is smaller, what the additional frames cost is counted.
inline constexpr std::uint64_t kFrameOverhead = 78;
inline constexpr std::uint64_t kPacketHeaders = 40;  ///< IP and TCP, inside the MTU
/// What an acknowledgement, a handshake step or a goodbye costs on the wire: a minimum frame.
inline constexpr std::uint64_t kControlBytes = 64;

struct Hop {
  Direction* direction = nullptr;
  Time begin{};  ///< first bit enters the link
  Time sent{};   ///< last bit has entered it
  Time clear{};  ///< last bit has left it
};

struct Flight {
  std::vector<Hop> hops;  ///< in the order of the path; empty on the way to oneself
  Time arrival{};         ///< of the last bit
};

/// What `bytes` cost on a link of that MTU (0: 1500).
std::uint64_t wire_bytes(std::uint64_t bytes, std::uint32_t mtu);

/// Sends `bytes` over the path, taking bandwidth from every link direction of it.
Flight fly(const Path& path, std::uint64_t bytes, Time now);

/// Sends a control frame. It takes time but no bandwidth: acknowledgements fit between others.
Flight fly_control(const Path& path, Time now);

/// Time that a control frame needs.
Duration control_delay(const Path& path);

}  // namespace sim::net
