// What a disk holds: the medium, which survives a loss of power; the write cache on top of it,
// which does not; and above both what misdirected writes put where it does not belong. The last is
// an overlay: the content below it stays what the hosts wrote.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sim/disk/disk_layers.hpp"
#include "sim/disk/sector_map.hpp"

namespace sim::disk {

class DiskContent {
 public:
  /// Content from before the world began.
  void preload(std::uint64_t lba, std::span<const std::byte> data) { medium_.write(lba, data); }

  /// All of it out of this disk and into an empty one; the count of writes is the disk's own.
  DiskLayers layers() const;
  void preload(const DiskLayers& layers);

  /// As a read returns it; a sector that was never written reads as zero.
  void read(std::uint64_t lba, std::span<std::byte> out) const;
  void write_to_cache(std::uint64_t lba, std::span<const std::byte> data);
  void misplace(std::uint64_t lba, std::span<const std::byte> data) { misplaced_.write(lba, data); }
  /// True when some sector of the extent was ever written.
  bool written(std::uint64_t extent) const { return mask(extent) != ExtentMask{}; }
  /// Moves the cache to the medium.
  void flush() { cache_.move_to(medium_); }

  /// Decides the cache sector by sector: `survives(lba)` says which ones reach the medium. A
  /// sector that was written twice since the last flush is in the cache once, with its last
  /// content. Returns the sectors that were cached.
  template <class Survives>
  SectorMap lose_power(const Survives& survives) {
    SectorMap cached;
    std::swap(cached, cache_);
    cached.for_each([&](std::uint64_t lba, std::span<const std::byte> data) {
      for (std::uint64_t i = 0; i < data.size() / kSectorSize; ++i) {
        if (survives(lba + i)) {
          medium_.write(lba + i, data.subspan(i * kSectorSize, kSectorSize));
        }
      }
    });
    return cached;
  }

  /// Calls `visit(lba of the extent, mask of sectors ever written, 64 KiB as a read returns them)`
  /// in ascending order.
  template <class Visit>
  void for_each_extent(const Visit& visit) const {
    std::array<std::byte, kExtentBytes> bytes;
    for (std::uint64_t extent = next_extent(0); extent != UINT64_MAX;
         extent = next_extent(extent + 1)) {
      read(extent * kExtentSectors, bytes);
      visit(extent * kExtentSectors, mask(extent), std::span<const std::byte>(bytes));
    }
  }

 private:
  std::uint64_t next_extent(std::uint64_t extent) const;
  ExtentMask mask(std::uint64_t extent) const;

  SectorMap medium_;
  SectorMap cache_;
  SectorMap misplaced_;
};

}  // namespace sim::disk
