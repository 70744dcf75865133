// The digest of a whole memory: a function of the contents alone. It never asks the dirty log, or
// which frames were reported as written, because who is asked could be wrong (law 4).
//
// Bytes: XXH3-128 over (frame as u64, 4096 bytes) of each frame that is not zero, ascending. Frames
// that the host never gave storage are zero and are passed over (byte_storage.hpp).
// Versions: XXH3-128 over (number, mask of the leaves that are not zero, digest) of each region of
// 4096 frames that is not zero. A region's digest is XXH3-128 over those leaves (64 slots each,
// kByteFlag alone for a frame of real bytes), then (frame, 4096 bytes) of each such frame. Bytes
// that are all zero count as a zero frame. A region whose slots were given to no writer since its
// last digest keeps that digest, so a second look costs what was touched in between.
#include <algorithm>
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

/// Looks at one region: at its slots twice, of which the second look finds them in the cache.
class RegionDigest {
 public:
  explicit RegionDigest(const VersionStore& store) : store_(store) {}

  VersionStore::Summary of(std::uint64_t number, const VersionStore::Region& region) {
    VersionStore::Summary summary;
    byte_frames_ = 0;
    if (region.dense && !region.bytes) {
      const Slots slots(region.dense.get(), VersionStore::kRegionFrames);
      const LeafScan found = scan_leaves(slots);
      summary.pages = static_cast<std::uint32_t>(found.nonzero);
      summary.leaves = found.leaves;
      if (summary.leaves == ~std::uint64_t{0}) {
        // In one piece, which is what hashing likes best. The same value as below.
        summary.digest = traces::digest_of(std::as_bytes(slots));
        return summary;
      }
      std::copy(region.leaves.begin(), region.leaves.end(), images_.begin());
    } else {
      look_at_leaves(region, summary);
    }
    if (summary.leaves == 0) return summary;
    traces::DigestStream stream;
    add_leaves(stream, summary.leaves);
    if (byte_frames_ != 0) add_byte_frames(stream, number * VersionStore::kRegionFrames, region);
    summary.digest = stream.finish();
    return summary;
  }

 private:
  using Slots = std::span<const VersionStore::Slot, VersionStore::kRegionFrames>;

  void look_at_leaves(const VersionStore::Region& region, VersionStore::Summary& summary) {
    for (std::size_t i = 0; i < VersionStore::kRegionLeaves; ++i) {
      images_[i] = region.leaves[i];
      if (images_[i] == nullptr) continue;
      if (region.byte_mask(i) != 0) images_[i] = image_of(region, i);
      const std::uint64_t nonzero = scan({images_[i], VersionStore::kLeafFrames}).nonzero;
      summary.pages += static_cast<std::uint32_t>(nonzero);
      if (nonzero != 0) summary.leaves |= std::uint64_t{1} << i;
    }
  }

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

  void add_leaves(traces::DigestStream& stream, std::uint64_t mask) {
    for (; mask != 0; mask &= mask - 1) {
      const Leaf::value_type* leaf = images_[static_cast<std::size_t>(std::countr_zero(mask))];
      stream.add(std::as_bytes(std::span(leaf, VersionStore::kLeafFrames)));
    }
  }

  void add_byte_frames(traces::DigestStream& stream, std::uint64_t first,
                       const VersionStore::Region& region) {
    for (std::size_t i = 0; i < VersionStore::kRegionLeaves; ++i) {
      if (region.leaves[i] == nullptr || region.byte_mask(i) == 0) continue;
      for (std::size_t j = 0; j < VersionStore::kLeafFrames; ++j) {
        if (scratch_[i][j] != VersionStore::kByteFlag) continue;
        add_frame(stream, {first + i * VersionStore::kLeafFrames + j},
                  store_.page(region.leaves[i][j]));
      }
    }
  }

  const VersionStore& store_;
  std::array<const VersionStore::Slot*, VersionStore::kRegionLeaves> images_{};
  std::array<Leaf, VersionStore::kRegionLeaves> scratch_;  // by leaf; filled where bytes lie
  std::uint64_t byte_frames_ = 0;
};

}  // namespace

traces::Digest Contents::digest(std::uint64_t& pages) const {
  return real_bytes ? digest_bytes(pages) : digest_versions(pages);
}

traces::Digest Contents::digest_bytes(std::uint64_t& pages) const {
  traces::DigestStream stream;
  pages = 0;
  const traces::PageSet backed = bytes.backed();
  for (const traces::PageSet::Run& run : backed.runs()) {
    for (Frame frame{run.first}; frame.value < run.end(); ++frame) {
      const std::span<const std::byte> page = bytes.page(frame);
      if (is_zero(page)) continue;
      add_frame(stream, frame, page);
      ++pages;
    }
  }
  return stream.finish();
}

traces::Digest Contents::digest_versions(std::uint64_t& pages) const {
  traces::DigestStream stream;
  RegionDigest look(versions);
  pages = 0;
  for (std::size_t i = 0; i < versions.regions(); ++i) {
    const VersionStore::Region* const region = versions.region(i);
    if (region == nullptr) continue;
    if (!region->summarised) {
      region->summary = look.of(i, *region);
      region->summarised = true;
    }
    if (region->summary.pages == 0) continue;
    pages += region->summary.pages;
    stream.add_u64(i);
    stream.add_u64(region->summary.leaves);
    stream.add_u64(region->summary.digest.high);
    stream.add_u64(region->summary.digest.low);
  }
  return stream.finish();
}

}  // namespace sim::memory
