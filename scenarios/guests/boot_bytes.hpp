// Little-endian numbers in what boot loaders read and write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/memory/address.hpp"

namespace guests {

// What every kernel finds below 1 MiB.
inline constexpr std::uint64_t kLowMemoryEnd = 0x9'F000;
inline constexpr std::uint64_t kHighMemory = 0x10'0000;
/// Above it a PC has its devices.
inline constexpr std::uint64_t kMostRam = 0xC000'0000;

/// Bytes of RAM; more than any bound where the number of pages is beyond it.
inline std::uint64_t ram_bytes(std::uint64_t pages) {
  return pages > kMostRam ? ~std::uint64_t{0} : pages * sim::kPageSize;
}

/// The number of `size` bytes at `at`, which the caller knows to be inside.
inline std::uint64_t number_at(std::span<const std::byte> file, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) {
    value = value << 8 | std::to_integer<std::uint64_t>(file[at + i]);
  }
  return value;
}

/// A block of zeros that is filled.
class BootBytes {
 public:
  explicit BootBytes(std::size_t size) : bytes_(size) {}
  void put(std::size_t at, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) bytes_[at + i] = static_cast<std::byte>(value >> 8 * i);
  }
  std::span<std::byte> all() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace guests
