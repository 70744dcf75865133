// A sparse set of frames as bits: what is dirty, what was ever written, what is watched. A chunk
// holds 4096 frames (16 MiB of guest memory) and exists once one of its bits was set, so a 64 GiB
// guest that touches little pays for little.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "sim/memory/address.hpp"
#include "traces/page_set.hpp"

namespace sim::memory {

class FrameBits {
 public:
  explicit FrameBits(std::uint64_t frames);

  bool test(Frame frame) const {
    const Chunk* chunk = chunks_[frame.value >> kChunkShift].get();
    return chunk != nullptr && (chunk->words[word_of(frame)] >> (frame.value & 63) & 1) != 0;
  }
  /// True when the bit was clear.
  bool set(Frame frame) {
    Chunk* chunk = chunks_[frame.value >> kChunkShift].get();
    if (chunk == nullptr) [[unlikely]]
      chunk = &chunk_for(frame);
    std::uint64_t& word = chunk->words[word_of(frame)];
    const std::uint64_t bit = std::uint64_t{1} << (frame.value & 63);
    if ((word & bit) != 0) return false;
    word |= bit;
    ++count_;
    return true;
  }
  void set_range(Frame first, std::uint64_t count);
  void clear(Frame frame);
  /// Clears every bit and keeps the chunks, for a set that is about to fill again.
  void clear_all();
  /// Clears every bit and gives the chunks back.
  void release();

  std::uint64_t count() const { return count_; }
  traces::PageSet to_page_set() const;
  std::uint64_t footprint() const;

 private:
  static constexpr unsigned kChunkShift = 12;
  static constexpr std::uint64_t kChunkFrames = std::uint64_t{1} << kChunkShift;
  struct Chunk {
    std::array<std::uint64_t, kChunkFrames / 64> words{};
  };
  static unsigned word_of(Frame frame) {
    return static_cast<unsigned>(frame.value >> 6) & (kChunkFrames / 64 - 1);
  }
  Chunk& chunk_for(Frame frame);

  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::uint64_t count_ = 0;
};

}  // namespace sim::memory
