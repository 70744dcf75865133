#include "sim/memory/version_store.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sim::memory {
namespace {

constexpr std::size_t kSlabLeaves = 16;  // 4 KiB at a time
// With half of its leaves a region becomes dense: from there on it holds at most twice what its
// leaves would, 512 bytes for each frame in the worst case.
constexpr std::uint32_t kDenseAt = 32;

}  // namespace

VersionStore::VersionStore(std::uint64_t frames)
    : regions_((frames + kRegionFrames - 1) / kRegionFrames) {}

VersionStore::Region& VersionStore::region_for(Frame frame) {
  std::unique_ptr<Region>& region = regions_[frame.value / kRegionFrames];
  if (!region) region = std::make_unique<Region>();
  return *region;
}

VersionStore::Slot* VersionStore::add_leaf(Region& region, std::size_t leaf) {
  if (region.leaf_count + 1 >= kDenseAt) {
    make_dense(region);
    return region.leaves[leaf];
  }
  if (free_leaves_.empty()) {
    slabs_.push_back(std::make_unique<Slot[]>(kSlabLeaves * kLeafFrames));
    for (std::size_t i = kSlabLeaves; i-- > 0;) {  // lowest address on top: neighbours adjoin
      free_leaves_.push_back(slabs_.back().get() + i * kLeafFrames);
    }
  }
  Slot* slots = free_leaves_.back();
  free_leaves_.pop_back();
  region.leaves[leaf] = slots;
  ++region.leaf_count;
  return slots;
}

void VersionStore::make_dense(Region& region, bool overwritten) {
  if (region.dense) return;
  region.dense = overwritten && region.leaf_count == 0
                     ? std::make_unique_for_overwrite<Slot[]>(kRegionFrames)
                     : std::make_unique<Slot[]>(kRegionFrames);
  for (std::size_t i = 0; i < kRegionLeaves; ++i) {
    Slot* dense = region.dense.get() + i * kLeafFrames;
    if (Slot* leaf = region.leaves[i]) {
      std::copy_n(leaf, kLeafFrames, dense);
      std::fill_n(leaf, kLeafFrames, 0);
      free_leaves_.push_back(leaf);
    }
    region.leaves[i] = dense;
  }
  region.leaf_count = kRegionLeaves;
}

bool VersionStore::touch_rare(Frame frame, Slot& slot) {
  if (holds_bytes(slot)) {
    const Slot next = version_after(page(slot));
    drop_page(frame, slot);
    slot = next;
    return false;
  }
  const bool was_zero = slot == 0;
  slot = version_after(slot);
  return was_zero;
}

VersionStore::Slot VersionStore::new_page() {
  if (!free_pages_.empty()) {
    const Slot slot = free_pages_.back();
    free_pages_.pop_back();
    return slot;
  }
  const auto slot = static_cast<Slot>(pages_.size()) | kByteFlag;
  pages_.push_back(std::make_unique_for_overwrite<std::byte[]>(kPageSize));
  return slot;
}

void VersionStore::mark_bytes(Frame frame, bool bytes) {
  Region& region = region_for(frame);
  if (!region.bytes) {
    region.bytes = std::make_unique<std::array<std::uint64_t, kRegionLeaves>>();
  }
  const std::uint64_t bit = std::uint64_t{1} << frame.value % kLeafFrames;
  std::uint64_t& mask = (*region.bytes)[leaf_of(frame)];
  mask = bytes ? mask | bit : mask & ~bit;
}

void VersionStore::drop_page(Frame frame, Slot slot) {
  free_pages_.push_back(slot);
  mark_bytes(frame, false);
}

std::span<std::byte> VersionStore::materialise(Frame frame) {
  const Slot old = slot_for_write(frame);
  if (holds_bytes(old)) return page(old);
  const std::span<std::byte> bytes = bytes_to_overwrite(frame);
  if (old == 0) {
    std::memset(bytes.data(), 0, bytes.size());
  } else {
    fill_with_version(frame, old, 0, bytes);
  }
  return bytes;
}

std::span<std::byte> VersionStore::bytes_to_overwrite(Frame frame) {
  Slot& slot = slot_for_write(frame);
  if (!holds_bytes(slot)) {
    slot = new_page();
    mark_bytes(frame, true);
  }
  return page(slot);
}

void VersionStore::assign(Frame first, std::span<const std::uint32_t> versions,
                          std::uint64_t zeros) {
  while (!versions.empty()) {
    const std::uint64_t to_end = kRegionFrames - first.value % kRegionFrames;
    const std::size_t count = std::min<std::uint64_t>(to_end, versions.size());
    assign_in_region(region_for(first), first, versions.first(count), zeros);
    first = first + count;
    versions = versions.subspan(count);
  }
}

void VersionStore::assign_in_region(Region& region, Frame first,
                                    std::span<const std::uint32_t> versions, std::uint64_t zeros) {
  region.summarised = false;
  constexpr std::uint64_t kDenseFrames = kDenseAt * kLeafFrames;
  if (!region.dense && versions.size() >= kDenseFrames) {
    const bool surely = zeros <= versions.size() - kDenseFrames;
    if (surely || scan(versions).nonzero >= kDenseFrames) {
      make_dense(region, versions.size() == kRegionFrames && !region.bytes);
    }
  }
  if (region.dense && !region.bytes) {
    std::memcpy(region.dense.get() + first.value % kRegionFrames, versions.data(),
                versions.size_bytes());
    return;
  }
  while (!versions.empty()) {
    const std::uint64_t to_end = kLeafFrames - first.value % kLeafFrames;
    const std::size_t count = std::min<std::uint64_t>(to_end, versions.size());
    assign_in_leaf(region, first, versions.first(count));
    first = first + count;
    versions = versions.subspan(count);
  }
}

void VersionStore::assign_in_leaf(Region& region, Frame first,
                                  std::span<const std::uint32_t> versions) {
  const std::size_t index = leaf_of(first);
  Slot* leaf = region.leaves[index];
  if (leaf == nullptr) {
    if (scan(versions).nonzero == 0) return;
    leaf = add_leaf(region, index);
  }
  Slot* slots = leaf + first.value % kLeafFrames;
  if (region.byte_mask(index) != 0) {
    for (std::size_t i = 0; i < versions.size(); ++i) {
      if (holds_bytes(slots[i])) drop_page(first + i, slots[i]);
    }
  }
  std::copy(versions.begin(), versions.end(), slots);
}

VersionStore::Piece VersionStore::piece(Frame first, std::uint64_t limit) const {
  const Region* region = regions_[first.value / kRegionFrames].get();
  const std::uint64_t in_region = first.value % kRegionFrames;
  const std::uint64_t to_region_end = std::min(limit, kRegionFrames - in_region);
  if (region == nullptr) return {nullptr, to_region_end};
  if (region->dense && !region->bytes) return {region->dense.get() + in_region, to_region_end};

  const std::size_t index = leaf_of(first);
  const std::uint64_t in_leaf = first.value % kLeafFrames;
  const std::uint64_t to_leaf_end = std::min(limit, kLeafFrames - in_leaf);
  const Slot* leaf = region->leaves[index];
  if (leaf == nullptr) return {nullptr, to_leaf_end};
  const std::uint64_t mask = region->byte_mask(index) >> in_leaf;
  if ((mask & 1) != 0) return {leaf + in_leaf, 1, true};
  const auto clear = static_cast<std::uint64_t>(std::countr_zero(mask));  // 64 when there is none
  return {leaf + in_leaf, std::min(to_leaf_end, clear)};
}

std::uint64_t VersionStore::footprint() const {
  std::uint64_t bytes = regions_.capacity() * sizeof(regions_[0]);
  for (const std::unique_ptr<Region>& region : regions_) {
    if (!region) continue;
    bytes += sizeof(Region) + (region->dense ? kRegionFrames * sizeof(Slot) : 0) +
             (region->bytes ? sizeof(*region->bytes) : 0);
  }
  bytes += slabs_.size() * (kSlabLeaves * kLeafFrames * sizeof(Slot) + sizeof(slabs_[0]));
  bytes += free_leaves_.capacity() * sizeof(free_leaves_[0]);
  bytes += pages_.size() * (kPageSize + sizeof(pages_[0]));
  return bytes + free_pages_.capacity() * sizeof(free_pages_[0]);
}

}  // namespace sim::memory
