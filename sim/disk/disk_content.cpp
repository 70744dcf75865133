#include "sim/disk/disk_content.hpp"

#include <cstring>

namespace sim::disk {

void DiskContent::read(std::uint64_t lba, std::span<std::byte> out) const {
  std::memset(out.data(), 0, out.size());
  medium_.lay_over(lba, out);
  cache_.lay_over(lba, out);
  misplaced_.lay_over(lba, out);
}

void DiskContent::write_to_cache(std::uint64_t lba, std::span<const std::byte> data) {
  cache_.write(lba, data);
  misplaced_.erase(lba, data.size() / kSectorSize);
}

std::uint64_t DiskContent::next_extent(std::uint64_t extent) const {
  return std::min(
      {medium_.next_extent(extent), cache_.next_extent(extent), misplaced_.next_extent(extent)});
}

ExtentMask DiskContent::mask(std::uint64_t extent) const {
  const ExtentMask layers[] = {medium_.mask(extent), cache_.mask(extent), misplaced_.mask(extent)};
  ExtentMask any{};
  for (const ExtentMask& layer : layers) {
    for (std::size_t i = 0; i < any.size(); ++i) any[i] |= layer[i];
  }
  return any;
}

}  // namespace sim::disk
