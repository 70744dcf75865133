// Small helpers of the guest's network adapter: bytes to structures and back, and the transaction
// ids that it gives its packets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "hypervisor/vsp/netvsp_protocol.hpp"

namespace vsp::guest {

/// Transactions of the handshake and of RNDIS requests. A packet with frames has the number of its
/// section plus one.
inline constexpr std::uint64_t kNetHandshake = UINT64_MAX - 2;
inline constexpr std::uint64_t kNetControl = UINT64_MAX - 3;

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

template <class T>
std::optional<T> load(std::span<const std::byte> bytes, std::size_t at = 0) {
  if (at > bytes.size() || sizeof(T) > bytes.size() - at) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

template <class Body>
Body body_of(const nvsp::Message& message) {
  Body body;
  static_assert(sizeof(body) <= sizeof(message.body));
  std::memcpy(&body, message.body.data(), sizeof(body));
  return body;
}

}  // namespace vsp::guest
