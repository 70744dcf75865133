// Real bytes for every frame of a guest that runs on a CPU engine: one contiguous mapping that
// reserves nothing, so that a guest costs what it touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sim/memory/address.hpp"

namespace sim::memory {

class ByteStorage {
 public:
  /// No frames: no mapping. Throws std::bad_alloc when the address space does not suffice.
  explicit ByteStorage(std::uint64_t frames);
  ~ByteStorage();
  ByteStorage(const ByteStorage&) = delete;

  std::byte* data() const { return data_; }
  std::span<std::byte> page(Frame frame) const {
    return {data_ + (frame.value << kPageShift), kPageSize};
  }
  std::uint64_t frames() const { return frames_; }

 private:
  std::byte* data_ = nullptr;
  std::uint64_t frames_ = 0;
};

}  // namespace sim::memory
