// Numbers as they lie in a guest's memory, whatever the host's byte order is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace checkers {

/// The little-endian number at `at`; `bytes` reaches that far.
template <class T>
T load(std::span<const std::byte> bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value |= std::to_integer<std::uint64_t>(bytes[at + i]) << (8 * i);
  }
  return static_cast<T>(value);
}

}  // namespace checkers
