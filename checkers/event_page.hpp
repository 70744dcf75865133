// A VP's page of event flags as the witness of guest memory tells it (spec B.7).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace checkers {

class EventPage {
 public:
  static constexpr std::uint32_t kBytes = 4096;
  static constexpr std::uint32_t kFlagsPerSint = 2048;

  /// Number of a flag in the whole page.
  static std::uint32_t number_of(std::uint8_t sint, std::uint16_t flag) {
    return sint * kFlagsPerSint + flag % kFlagsPerSint;
  }
  bool is_set(std::uint32_t number) const {
    return (bytes_[number / 8] >> (number % 8) & std::byte{1}) != std::byte{0};
  }

  static bool fits(std::uint32_t offset, std::size_t count) {
    return offset <= kBytes && count <= kBytes - offset;
  }
  /// Calls `changed(number, is set now)` for every flag that is not what it was.
  template <class Changed>
  void write(std::uint32_t offset, std::span<const std::byte> data, Changed changed) {
    constexpr std::size_t kStride = 64;  // a first report is of a whole page without flags
    for (std::size_t i = 0; i < data.size(); ++i) {
      while (data.size() - i >= kStride &&
             std::memcmp(bytes_.data() + offset + i, data.data() + i, kStride) == 0) {
        i += kStride;
      }
      if (i == data.size()) break;
      std::byte& place = bytes_[offset + i];
      const auto difference = std::to_integer<unsigned>(place ^ data[i]);
      place = data[i];
      for (unsigned bit = 0; difference >> bit != 0; ++bit) {
        if ((difference >> bit & 1) == 0) continue;
        const auto number = static_cast<std::uint32_t>((offset + i) * 8 + bit);
        changed(number, is_set(number));
      }
    }
  }

 private:
  std::array<std::byte, kBytes> bytes_{};
};

}  // namespace checkers
