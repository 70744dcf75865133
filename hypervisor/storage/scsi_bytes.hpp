// Big-endian bytes of command blocks and answers, for the files of scsi.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "hypervisor/storage/scsi.hpp"

namespace storage::scsi {

inline std::uint64_t big_endian(std::span<const std::uint8_t> bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

/// Builds answers: bytes in the order of the standard's tables.
class Builder {
 public:
  Builder& u8(std::uint64_t value) { return be(value, 1); }
  Builder& u16(std::uint64_t value) { return be(value, 2); }
  Builder& u32(std::uint64_t value) { return be(value, 4); }
  Builder& u64(std::uint64_t value) { return be(value, 8); }
  Builder& zeros(std::size_t count) {
    data_.resize(data_.size() + count);
    return *this;
  }
  Builder& text(std::string_view value) {
    for (const char c : value) data_.push_back(static_cast<std::byte>(c));
    return *this;
  }
  Answer cut(std::uint64_t allocation) {
    data_.resize(std::min<std::uint64_t>(data_.size(), allocation));
    return {std::nullopt, std::move(data_)};
  }

 private:
  Builder& be(std::uint64_t value, unsigned bytes) {
    while (bytes-- > 0) data_.push_back(static_cast<std::byte>(value >> (8 * bytes) & 0xFF));
    return *this;
  }
  std::vector<std::byte> data_;
};

inline Answer refuse(Sense sense) { return {sense, {}}; }

}  // namespace storage::scsi
