#include "sim/disk/disk_content.hpp"

#include <cstring>

namespace sim::disk {

namespace {

std::vector<SectorRun> runs_of(const SectorMap& map) {
  std::vector<SectorRun> runs;
  map.for_each([&runs](std::uint64_t lba, std::span<const std::byte> data) {
    runs.push_back({{lba}, {data.begin(), data.end()}});
  });
  return runs;
}

void put_runs(SectorMap& map, const std::vector<SectorRun>& runs) {
  for (const SectorRun& run : runs) map.write(run.first.value, run.data);
}

}  // namespace

DiskLayers DiskContent::layers() const {
  DiskLayers layers;
  layers.medium = runs_of(medium_);
  layers.cache = runs_of(cache_);
  layers.misplaced = runs_of(misplaced_);
  return layers;
}

void DiskContent::preload(const DiskLayers& layers) {
  put_runs(medium_, layers.medium);
  put_runs(cache_, layers.cache);
  put_runs(misplaced_, layers.misplaced);
}

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
