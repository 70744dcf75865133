#include "sim/memory/page_content.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "traces/digest.hpp"

namespace sim::memory {

static_assert(std::endian::native == std::endian::little,
              "guest memory is little-endian and is accessed in place");

namespace {

constexpr std::size_t kBlock = 256;

std::uint64_t mix(std::uint64_t x) {  // the finaliser of splitmix64
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

std::uint64_t seed_of(Frame frame, std::uint32_t version) {
  return mix(frame.value * 0x9e3779b97f4a7c15u + version);
}

std::uint64_t word_of(std::uint64_t seed, std::uint64_t index) {
  return mix(seed + (index + 1) * 0x9e3779b97f4a7c15u);
}

}  // namespace

bool is_zero(std::span<const std::byte> bytes) {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= kBlock; at += kBlock, left -= kBlock) {
    std::uint64_t words[kBlock / 8];
    std::memcpy(words, at, kBlock);
    std::uint64_t any = 0;
    for (const std::uint64_t word : words) any |= word;
    if (any != 0) return false;
  }
  return std::all_of(at, at + left, [](std::byte b) { return b == std::byte{0}; });
}

void fill_with_version(Frame frame, std::uint32_t version, std::uint32_t offset,
                       std::span<std::byte> out) {
  const std::uint64_t seed = seed_of(frame, version);
  std::size_t done = 0;
  while (done != out.size()) {
    const std::size_t at = offset + done;
    const std::size_t in_word = at & 7;
    const std::size_t count = std::min(8 - in_word, out.size() - done);
    const std::uint64_t word = word_of(seed, at >> 3);
    std::memcpy(out.data() + done, reinterpret_cast<const std::byte*>(&word) + in_word, count);
    done += count;
  }
}

std::uint32_t version_after(std::span<const std::byte> content) {
  if (is_zero(content)) return 1;
  const auto version = static_cast<std::uint32_t>(traces::hash64_of(content)) & kMaxVersion;
  return version == 0 ? 1 : version;
}

std::uint64_t key_of(Frame frame, std::uint32_t version) {
  if (version == 0) return 0;
  const std::uint64_t key = seed_of(frame, version);
  return key == 0 ? 1 : key;
}

std::uint64_t key_of(std::span<const std::byte> content) {
  if (is_zero(content)) return 0;
  const std::uint64_t key = traces::hash64_of(content);
  return key == 0 ? 1 : key;
}

VersionScan scan(std::span<const std::uint32_t> versions) {
  // Four at a time in vectors that every x86-64 has. A comparison gives -1 where it holds; counts
  // of 32 bits suffice, because no span here is as long as all pages of a guest of 16 TiB.
  using Vector = std::uint32_t __attribute__((vector_size(16)));
  constexpr std::size_t kWidth = 4, kUnrolled = 4;
  Vector zeros[kUnrolled]{}, bits[kUnrolled]{};
  const std::uint32_t* at = versions.data();
  std::size_t left = versions.size();
  for (; left >= kWidth * kUnrolled; at += kWidth * kUnrolled, left -= kWidth * kUnrolled) {
    for (std::size_t i = 0; i < kUnrolled; ++i) {
      Vector four;
      std::memcpy(&four, at + i * kWidth, sizeof four);
      zeros[i] += static_cast<Vector>(four == 0);
      bits[i] |= four;
    }
  }
  VersionScan found;
  std::uint32_t minus_zeros = 0;
  for (std::size_t i = 0; i < kUnrolled; ++i) {
    for (std::size_t j = 0; j < kWidth; ++j) {
      minus_zeros += zeros[i][j];
      found.bits |= bits[i][j];
    }
  }
  found.nonzero = (versions.size() - left) - (0u - minus_zeros);
  for (; left != 0; ++at, --left) {
    found.nonzero += *at != 0 ? 1 : 0;
    found.bits |= *at;
  }
  return found;
}

}  // namespace sim::memory
