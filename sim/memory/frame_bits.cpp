#include "sim/memory/frame_bits.hpp"

#include <algorithm>
#include <bit>
#include <span>

namespace sim::memory {

FrameBits::FrameBits(std::uint64_t frames) : chunks_((frames + kChunkFrames - 1) / kChunkFrames) {}

FrameBits::Chunk& FrameBits::chunk_for(Frame frame) {
  std::unique_ptr<Chunk>& chunk = chunks_[frame.value >> kChunkShift];
  if (!chunk) chunk = std::make_unique<Chunk>();
  return *chunk;
}

void FrameBits::set_range(Frame first, std::uint64_t count) {
  if (count == 1) {
    set(first);
    return;
  }
  std::uint64_t at = first.value;
  const std::uint64_t end = first.value + count;
  while (at != end) {
    Chunk& chunk = chunk_for({at});
    const std::uint64_t chunk_end = std::min(end, (at | (kChunkFrames - 1)) + 1);
    while (at != chunk_end) {
      const std::uint64_t word_end = std::min(chunk_end, (at | 63) + 1);
      const std::uint64_t bits = ~std::uint64_t{0} >> (64 - (word_end - at)) << (at & 63);
      std::uint64_t& word = chunk.words[word_of({at})];
      const std::uint64_t added = bits & ~word;
      // Whole words are common, and without a CPU option std::popcount is a call.
      count_ += added == ~std::uint64_t{0} ? 64 : static_cast<std::uint64_t>(std::popcount(added));
      word |= bits;
      at = word_end;
    }
  }
}

void FrameBits::clear(Frame frame) {
  Chunk* chunk = chunks_[frame.value >> kChunkShift].get();
  if (chunk == nullptr) return;
  std::uint64_t& word = chunk->words[word_of(frame)];
  const std::uint64_t bit = std::uint64_t{1} << (frame.value & 63);
  if ((word & bit) == 0) return;
  word &= ~bit;
  --count_;
}

void FrameBits::clear_all() {
  for (const std::unique_ptr<Chunk>& chunk : chunks_) {
    if (chunk) chunk->words.fill(0);
  }
  count_ = 0;
}

void FrameBits::release() {
  for (std::unique_ptr<Chunk>& chunk : chunks_) chunk.reset();
  count_ = 0;
}

traces::PageSet FrameBits::to_page_set() const {
  // Appended word by word where they lie: PageSet joins what meets at a seam of words or chunks.
  traces::PageSet pages;
  for (std::size_t index = 0; index < chunks_.size(); ++index) {
    if (!chunks_[index]) continue;
    std::uint64_t base = index * kChunkFrames;
    for (std::uint64_t word : chunks_[index]->words) {
      while (word != 0) {
        const int start = std::countr_zero(word);
        const int length = std::countr_one(word >> start);
        pages.add(base + static_cast<std::uint64_t>(start), static_cast<std::uint64_t>(length));
        const int end = start + length;
        word = end == 64 ? 0 : word >> end << end;
      }
      base += 64;
    }
  }
  return pages;
}

std::uint64_t FrameBits::footprint() const {
  std::uint64_t bytes = chunks_.capacity() * sizeof(chunks_[0]);
  for (const std::unique_ptr<Chunk>& chunk : chunks_) {
    if (chunk) bytes += sizeof(Chunk);
  }
  return bytes;
}

}  // namespace sim::memory
