// Sectors that were written, sparse and in order: extents of 64 KiB with one bit per sector. The
// medium of a disk is such a map, and so is each layer on top of it.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>

#include "sim/disk/shared_disk.hpp"

namespace sim::disk {

inline constexpr std::uint64_t kExtentSectors = 128;
inline constexpr std::size_t kExtentBytes = kExtentSectors * kSectorSize;

/// Which sectors of one extent are meant.
using ExtentMask = std::array<std::uint64_t, kExtentSectors / 64>;

inline bool in_mask(const ExtentMask& mask, std::uint64_t sector) {
  return (mask[sector / 64] >> sector % 64 & 1) != 0;
}

/// Calls `visit(first, count)` for the runs of a mask, in sectors of the extent.
template <class Visit>
void for_each_run(const ExtentMask& mask, const Visit& visit) {
  for (std::uint64_t at = 0; at < kExtentSectors; ++at) {
    if (!in_mask(mask, at)) continue;
    const std::uint64_t first = at;
    while (at < kExtentSectors && in_mask(mask, at)) ++at;
    visit(first, at - first);
  }
}

class SectorMap {
 public:
  bool empty() const { return extents_.empty(); }
  /// Sectors held.
  std::uint64_t count() const;

  /// Whole sectors.
  void write(std::uint64_t lba, std::span<const std::byte> data);
  void erase(std::uint64_t lba, std::uint64_t sectors);
  void clear() { extents_.clear(); }
  /// Copies the sectors that this map holds over what `out` holds.
  void lay_over(std::uint64_t lba, std::span<std::byte> out) const;
  /// Gives all sectors to another map, where they replace what is there.
  void move_to(SectorMap& other);

  /// Sectors held of one extent; none when there is no such extent.
  ExtentMask mask(std::uint64_t extent) const;
  /// The first extent from `extent` on that exists, or UINT64_MAX.
  std::uint64_t next_extent(std::uint64_t extent) const;

  /// Calls `visit(lba, data)` for runs of sectors in ascending order, no run longer than an extent.
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (const auto& [number, extent] : extents_) {
      const std::uint64_t base = number * kExtentSectors;
      const std::byte* bytes = extent.bytes.get();
      for_each_run(extent.mask, [&](std::uint64_t first, std::uint64_t count) {
        visit(base + first,
              std::span<const std::byte>(bytes + first * kSectorSize, count * kSectorSize));
      });
    }
  }

 private:
  struct Extent {
    ExtentMask mask{};
    std::unique_ptr<std::byte[]> bytes;
  };
  std::map<std::uint64_t, Extent> extents_;
};

}  // namespace sim::disk
