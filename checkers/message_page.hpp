// A VP's message page as the witness of guest memory tells it, slot by slot (spec B.7). It knows
// the layout by itself: what the hypervisor believes to have written plays no part.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace checkers {

class MessagePage {
 public:
  static constexpr std::uint32_t kSlots = 16;
  static constexpr std::uint32_t kSlotBytes = 256;
  static constexpr std::uint32_t kPayloadAt = 16;
  static constexpr std::uint32_t kMaxPayload = 240;

  std::uint32_t type(std::uint32_t slot) const {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes_.data() + slot * kSlotBytes, sizeof value);
    return value;
  }
  std::uint32_t size(std::uint32_t slot) const {
    return std::to_integer<std::uint32_t>(bytes_[slot * kSlotBytes + 4]);
  }
  bool pending(std::uint32_t slot) const {
    return (bytes_[slot * kSlotBytes + 5] & std::byte{1}) != std::byte{0};
  }
  std::span<const std::byte> payload(std::uint32_t slot) const {
    return std::span(bytes_).subspan(slot * kSlotBytes + kPayloadAt,
                                     std::min(size(slot), kMaxPayload));
  }

  std::span<const std::byte> bytes(std::uint32_t offset, std::size_t count) const {
    return std::span(bytes_).subspan(offset, count);
  }

  static bool fits(std::uint32_t offset, std::size_t count) {
    return offset <= kSlots * kSlotBytes && count <= kSlots * kSlotBytes - offset;
  }
  void write(std::uint32_t offset, std::span<const std::byte> data) {
    if (!data.empty()) std::memcpy(bytes_.data() + offset, data.data(), data.size());
  }

 private:
  std::array<std::byte, std::size_t{kSlots} * kSlotBytes> bytes_{};
};

}  // namespace checkers
