#include "sim/disk/sector_map.hpp"

#include <cstring>

namespace sim::disk {
namespace {

void change_mask(ExtentMask& mask, std::uint64_t first, std::uint64_t count, bool on) {
  for (std::uint64_t at = first; at < first + count;) {
    const std::uint64_t end = std::min(first + count, (at | 63) + 1);
    const std::uint64_t bits = ~std::uint64_t{0} >> (64 - (end - at)) << at % 64;
    mask[at / 64] = on ? mask[at / 64] | bits : mask[at / 64] & ~bits;
    at = end;
  }
}

bool none(const ExtentMask& mask) {
  return std::all_of(mask.begin(), mask.end(), [](std::uint64_t word) { return word == 0; });
}

/// Calls `part(extent, first sector in it, sectors, sectors before)` for each extent of a range.
template <class Part>
void split(std::uint64_t lba, std::uint64_t sectors, const Part& part) {
  for (std::uint64_t done = 0; done < sectors;) {
    const std::uint64_t first = (lba + done) % kExtentSectors;
    const std::uint64_t count = std::min(kExtentSectors - first, sectors - done);
    part((lba + done) / kExtentSectors, first, count, done);
    done += count;
  }
}

}  // namespace

std::uint64_t SectorMap::count() const {
  std::uint64_t sectors = 0;
  for (const auto& [number, extent] : extents_) {
    for (const std::uint64_t word : extent.mask) {
      sectors += static_cast<std::uint64_t>(std::popcount(word));
    }
  }
  return sectors;
}

void SectorMap::write(std::uint64_t lba, std::span<const std::byte> data) {
  split(lba, data.size() / kSectorSize,
        [&](std::uint64_t number, std::uint64_t first, std::uint64_t count, std::uint64_t done) {
          Extent& extent = extents_[number];
          if (!extent.bytes) {
            extent.bytes = std::make_unique_for_overwrite<std::byte[]>(kExtentBytes);
          }
          std::memcpy(extent.bytes.get() + first * kSectorSize, data.data() + done * kSectorSize,
                      count * kSectorSize);
          change_mask(extent.mask, first, count, true);
        });
}

void SectorMap::erase(std::uint64_t lba, std::uint64_t sectors) {
  if (extents_.empty()) return;
  split(lba, sectors,
        [&](std::uint64_t number, std::uint64_t first, std::uint64_t count, std::uint64_t) {
          const auto extent = extents_.find(number);
          if (extent == extents_.end()) return;
          change_mask(extent->second.mask, first, count, false);
          if (none(extent->second.mask)) extents_.erase(extent);
        });
}

void SectorMap::lay_over(std::uint64_t lba, std::span<std::byte> out) const {
  if (extents_.empty()) return;
  split(lba, out.size() / kSectorSize,
        [&](std::uint64_t number, std::uint64_t first, std::uint64_t count, std::uint64_t done) {
          const auto extent = extents_.find(number);
          if (extent == extents_.end()) return;
          for (std::uint64_t i = 0; i < count; ++i) {
            if (!in_mask(extent->second.mask, first + i)) continue;
            std::memcpy(out.data() + (done + i) * kSectorSize,
                        extent->second.bytes.get() + (first + i) * kSectorSize, kSectorSize);
          }
        });
}

void SectorMap::move_to(SectorMap& other) {
  for_each(
      [&other](std::uint64_t lba, std::span<const std::byte> data) { other.write(lba, data); });
  clear();
}

ExtentMask SectorMap::mask(std::uint64_t extent) const {
  const auto found = extents_.find(extent);
  return found == extents_.end() ? ExtentMask{} : found->second.mask;
}

std::uint64_t SectorMap::next_extent(std::uint64_t extent) const {
  const auto found = extents_.lower_bound(extent);
  return found == extents_.end() ? UINT64_MAX : found->first;
}

}  // namespace sim::disk
