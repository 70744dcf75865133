// Real bytes for every frame of a guest that runs on a CPU engine: one contiguous mapping that
// reserves nothing, so that a guest costs what it touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sim/memory/address.hpp"
#include "traces/page_set.hpp"

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

  /// At least every frame that is not zero. Anonymous memory to which the host's kernel has given
  /// no page reads as zero, so the host's page table may tell which frames need not be looked at:
  /// an answer with more frames in it, up to all of them, leads to the same result. Nobody who
  /// writes has to report anything for this. Costs what was touched, about.
  traces::PageSet backed() const;

 private:
  std::byte* data_ = nullptr;
  std::uint64_t frames_ = 0;
};

}  // namespace sim::memory
