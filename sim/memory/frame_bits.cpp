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
  traces::PageSet pages;
  std::vector<std::uint64_t> words;
  for (std::size_t index = 0; index < chunks_.size();) {
    if (!chunks_[index]) {
      ++index;
      continue;
    }
    // Neighbouring chunks become one bitmap, so that a run is not cut at their seam.
    const std::uint64_t first = index * kChunkFrames;
    words.clear();
    for (; index < chunks_.size() && chunks_[index]; ++index) {
      words.insert(words.end(), chunks_[index]->words.begin(), chunks_[index]->words.end());
    }
    traces::PageSet part = traces::PageSet::from_bitmap(words, first);
    if (pages.empty()) {
      pages = std::move(part);
    } else {
      for (const traces::PageSet::Run& run : part.runs()) pages.add(run.first, run.count);
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
