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

/// Counts zeros and collects bits in vectors that every x86-64 has. A comparison gives -1 where it
/// holds; counts of 32 bits suffice, because no guest has as many pages as 16 TiB. Every sum has a
/// name of its own: an array of them would lie in memory, and the loop would wait for it.
class Sums {
 public:
  static constexpr std::size_t kStep = 16;

  void add(const std::uint32_t* from) {
    const Vector first = load(from), second = load(from + 4);
    const Vector third = load(from + 8), fourth = load(from + 12);
    zeros_a_ += static_cast<Vector>(first == 0) + static_cast<Vector>(second == 0);
    zeros_b_ += static_cast<Vector>(third == 0) + static_cast<Vector>(fourth == 0);
    bits_a_ |= first | second;
    bits_b_ |= third | fourth;
  }
  void clear_bits() { bits_a_ = bits_b_ = Vector{}; }
  std::uint64_t zeros() const {
    const Vector sum = zeros_a_ + zeros_b_;
    return 0u - (sum[0] + sum[1] + sum[2] + sum[3]);
  }
  std::uint32_t bits() const {
    const Vector all = bits_a_ | bits_b_;
    return all[0] | all[1] | all[2] | all[3];
  }
  bool any() const {
    const auto halves = reinterpret_cast<Halves>(bits_a_ | bits_b_);
    return (halves[0] | halves[1]) != 0;
  }

 private:
  using Vector = std::uint32_t __attribute__((vector_size(16)));
  using Halves = std::uint64_t __attribute__((vector_size(16)));
  static Vector load(const std::uint32_t* from) {
    Vector four;
    std::memcpy(&four, from, sizeof four);
    return four;
  }

  Vector zeros_a_{}, zeros_b_{}, bits_a_{}, bits_b_{};
};

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
  const std::uint32_t* at = versions.data();
  std::size_t left = versions.size();
  Sums sums;
  for (; left >= Sums::kStep; at += Sums::kStep, left -= Sums::kStep) sums.add(at);
  VersionScan found{(versions.size() - left) - sums.zeros(), sums.bits()};
  for (; left != 0; ++at, --left) {
    found.nonzero += *at != 0 ? 1 : 0;
    found.bits |= *at;
  }
  return found;
}

LeafScan scan_leaves(std::span<const std::uint32_t, 64 * 64> versions) {
  LeafScan found;
  Sums sums;
  for (std::size_t leaf = 0; leaf < 64; ++leaf) {
    sums.clear_bits();
    for (std::size_t i = 0; i < 64; i += Sums::kStep) sums.add(&versions[leaf * 64 + i]);
    found.leaves |= std::uint64_t{sums.any()} << leaf;
  }
  found.nonzero = versions.size() - sums.zeros();
  return found;
}

}  // namespace sim::memory
