// GUIDs as VMBus carries them: first three fields little-endian (spec C.7).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

namespace vmbus {

struct Guid {
  std::uint32_t data1 = 0;
  std::uint16_t data2 = 0;
  std::uint16_t data3 = 0;
  std::array<std::uint8_t, 8> data4{};
  friend constexpr auto operator<=>(const Guid&, const Guid&) = default;

  std::array<std::byte, 16> bytes() const;
  static Guid from_bytes(const std::array<std::byte, 16>& bytes);
  /// "ba6163d9-04a1-4d29-b605-72e2ffb1dc7f"
  std::string text() const;
};

inline constexpr Guid kScsiInterface{
    0xba6163d9, 0x04a1, 0x4d29, {0xb6, 0x05, 0x72, 0xe2, 0xff, 0xb1, 0xdc, 0x7f}};
inline constexpr Guid kNicInterface{
    0xf8615163, 0xdf3e, 0x46c5, {0x91, 0x3f, 0xf2, 0xd2, 0xf9, 0x65, 0xed, 0x0e}};
inline constexpr Guid kHeartbeatInterface{
    0x57164f39, 0x9115, 0x4e78, {0xab, 0x55, 0x38, 0x2f, 0x3b, 0xd5, 0x42, 0x2d}};
inline constexpr Guid kHeartbeatInstance{
    0xfd149e91, 0x82e0, 0x4a7d, {0xaf, 0xa6, 0x2a, 0x41, 0x66, 0xcb, 0xd7, 0xc0}};

}  // namespace vmbus
