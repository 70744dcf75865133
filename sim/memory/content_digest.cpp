// The digest of a whole memory: a function of the contents alone. It looks at every frame instead
// of asking which ones were written, because who is asked could be wrong (law 4).
//
// Bytes: XXH3-128 over (frame as u64, 4096 bytes) of each frame that is not zero, ascending. The
// scan reads frames that nobody ever touched; they read as the kernel's shared zero page and cost
// no memory.
// Versions: per region of 4096 frames that is not zero: its number, a mask of its leaves that are
// not zero, those leaves (64 slots each, kByteFlag alone for a frame of real bytes), then (frame,
// 4096 bytes) of each such frame. Bytes that are all zero count as a zero frame.
#include <array>
#include <bit>

#include "sim/memory/contents.hpp"
#include "traces/digest.hpp"

namespace sim::memory {
namespace {

using Leaf = std::array<VersionStore::Slot, VersionStore::kLeafFrames>;

void add_frame(traces::DigestStream& stream, Frame frame, std::span<const std::byte> bytes) {
  stream.add_u64(frame.value);
  stream.add(bytes);
}

/// One region at a time, so that the second look at its slots finds them in the cache.
class RegionDigest {
 public:
  RegionDigest(const VersionStore& store, traces::DigestStream& stream)
      : store_(store), stream_(stream) {}

  void add(std::uint64_t number, const VersionStore::Region& region) {
    std::uint64_t mask = 0;
    byte_frames_ = 0;
    for (std::size_t i = 0; i < VersionStore::kRegionLeaves; ++i) {
      images_[i] = region.leaves[i];
      if (images_[i] == nullptr) continue;
      if (region.byte_mask(i) != 0) images_[i] = image_of(region, i);
      const std::uint64_t nonzero = scan({images_[i], VersionStore::kLeafFrames}).nonzero;
      pages_ += nonzero;
      if (nonzero != 0) mask |= std::uint64_t{1} << i;
    }
    if (mask == 0) return;
    stream_.add_u64(number);
    stream_.add_u64(mask);
    add_leaves(mask);
    if (byte_frames_ != 0) add_byte_frames(number * VersionStore::kRegionFrames, region);
  }
  std::uint64_t pages() const { return pages_; }

 private:
  const VersionStore::Slot* image_of(const VersionStore::Region& region, std::size_t index) {
    Leaf& image = scratch_[index];
    for (std::size_t i = 0; i < image.size(); ++i) {
      const VersionStore::Slot slot = region.leaves[index][i];
      image[i] = slot;
      if (!VersionStore::holds_bytes(slot)) continue;
      const bool zero = is_zero(store_.page(slot));
      image[i] = zero ? 0 : VersionStore::kByteFlag;
      byte_frames_ += zero ? 0 : 1;
    }
    return image.data();
  }

  void add_leaves(std::uint64_t mask) {
    while (mask != 0) {
      const auto first = static_cast<std::size_t>(std::countr_zero(mask));
      std::size_t end = first + 1;
      while (end < VersionStore::kRegionLeaves && (mask >> end & 1) != 0 &&
             images_[end] == images_[end - 1] + VersionStore::kLeafFrames) {
        ++end;
      }
      stream_.add(
          std::as_bytes(std::span(images_[first], (end - first) * VersionStore::kLeafFrames)));
      mask = end == VersionStore::kRegionLeaves ? 0 : mask >> end << end;
    }
  }

  void add_byte_frames(std::uint64_t first, const VersionStore::Region& region) {
    for (std::size_t i = 0; i < VersionStore::kRegionLeaves; ++i) {
      if (region.leaves[i] == nullptr || region.byte_mask(i) == 0) continue;
      for (std::size_t j = 0; j < VersionStore::kLeafFrames; ++j) {
        if (scratch_[i][j] != VersionStore::kByteFlag) continue;
        add_frame(stream_, {first + i * VersionStore::kLeafFrames + j},
                  store_.page(region.leaves[i][j]));
      }
    }
  }

  const VersionStore& store_;
  traces::DigestStream& stream_;
  std::array<const VersionStore::Slot*, VersionStore::kRegionLeaves> images_{};
  std::array<Leaf, VersionStore::kRegionLeaves> scratch_;  // by leaf; filled where bytes lie
  std::uint64_t byte_frames_ = 0;
  std::uint64_t pages_ = 0;
};

}  // namespace

traces::Digest Contents::digest(std::uint64_t& pages) const {
  return real_bytes ? digest_bytes(pages) : digest_versions(pages);
}

traces::Digest Contents::digest_bytes(std::uint64_t& pages) const {
  traces::DigestStream stream;
  pages = 0;
  for (Frame frame{0}; frame.value < bytes.frames(); ++frame) {
    const std::span<const std::byte> page = bytes.page(frame);
    if (is_zero(page)) continue;
    add_frame(stream, frame, page);
    ++pages;
  }
  return stream.finish();
}

traces::Digest Contents::digest_versions(std::uint64_t& pages) const {
  traces::DigestStream stream;
  RegionDigest digest(versions, stream);
  for (std::size_t i = 0; i < versions.regions(); ++i) {
    if (const VersionStore::Region* region = versions.region(i)) digest.add(i, *region);
  }
  pages = digest.pages();
  return stream.finish();
}

}  // namespace sim::memory
