// Ethernet frames and addresses, as bytes on the wire without preamble and frame check sequence.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sim {

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  /// As events have it: the first byte is the most significant of 48 bits.
  constexpr std::uint64_t number() const {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : bytes) value = value << 8 | byte;
    return value;
  }
  static constexpr MacAddress of(std::uint64_t number) {
    MacAddress mac;
    for (std::size_t i = 0; i < 6; ++i) {
      mac.bytes[i] = static_cast<std::uint8_t>(number >> (40 - 8 * i));
    }
    return mac;
  }
  /// Multicast and broadcast.
  constexpr bool group() const { return (bytes[0] & 1) != 0; }
  constexpr bool broadcast() const { return number() == 0xFFFFFFFFFFFF; }
  friend constexpr auto operator<=>(const MacAddress&, const MacAddress&) = default;
};

inline constexpr MacAddress kBroadcastMac{{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}};

/// Destination, source, type.
inline constexpr std::size_t kEthernetHeader = 14;
inline constexpr std::size_t kVlanTag = 4;
/// Without the frame check sequence.
inline constexpr std::size_t kEthernetMinimum = 60;
/// What a frame costs a link beside its bytes: preamble, frame check sequence, inter-frame gap.
inline constexpr std::uint64_t kEthernetOverhead = 8 + 4 + 12;

/// Immutable once sent; whoever floods it shares it. At least kEthernetHeader bytes.
using EthernetFrame = std::shared_ptr<const std::vector<std::byte>>;

inline EthernetFrame make_frame(std::vector<std::byte> bytes) {
  return std::make_shared<const std::vector<std::byte>>(std::move(bytes));
}

inline MacAddress mac_at(std::span<const std::byte> bytes, std::size_t offset) {
  MacAddress mac;
  std::memcpy(mac.bytes.data(), bytes.data() + offset, mac.bytes.size());
  return mac;
}
inline MacAddress destination_of(std::span<const std::byte> frame) { return mac_at(frame, 0); }
inline MacAddress source_of(std::span<const std::byte> frame) { return mac_at(frame, 6); }

}  // namespace sim
