// Frames of a model guest. Each has a slot of 32 bits: zero, content version v, or the number of a
// page of real bytes. Slots lie in leaves of 64 frames, leaves in regions of 4096 (16 MiB of guest
// memory). A scattered frame costs one leaf; a region that fills up becomes one dense array, which
// is copied, compared and hashed at the speed of memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sim/memory/address.hpp"
#include "sim/memory/page_content.hpp"
#include "traces/events.hpp"

namespace sim::memory {

class VersionStore {
 public:
  using Slot = std::uint32_t;
  static constexpr Slot kByteFlag = kMaxVersion + 1;
  static constexpr std::uint64_t kLeafFrames = 64;
  static constexpr std::uint64_t kRegionLeaves = 64;
  static constexpr std::uint64_t kRegionFrames = kLeafFrames * kRegionLeaves;

  explicit VersionStore(std::uint64_t frames);

  static bool holds_bytes(Slot slot) { return (slot & kByteFlag) != 0; }
  Slot slot(Frame frame) const {
    const Region* region = regions_[frame.value / kRegionFrames].get();
    if (region == nullptr) return 0;
    if (region->dense) return region->dense[frame.value % kRegionFrames];
    const Slot* leaf = region->leaves[leaf_of(frame)];
    return leaf == nullptr ? 0 : leaf[frame.value % kLeafFrames];
  }
  /// The bytes behind a slot that holds bytes.
  std::span<std::byte> page(Slot slot) const {
    return {pages_[slot & ~kByteFlag].get(), kPageSize};
  }

  /// The next version of this frame. True when the frame was zero before.
  bool touch(Frame frame) { return touch(frame, slot_for_write(frame)); }
  /// The same for `count` frames; calls `was_zero(frame)` for those that were. Leaves that hold
  /// versions and nothing else, which is nearly all of them, are counted up without a branch.
  template <class WasZero>
  void touch(Frame first, std::uint64_t count, const WasZero& was_zero) {
    while (count != 0) {
      Slot* slots = &slot_for_write(first);
      const std::uint64_t here = std::min(count, kLeafFrames - first.value % kLeafFrames);
      const VersionScan found = scan({slots, here});
      if (found.nonzero == here && found.bits < kMaxVersion) {
        for (std::uint64_t i = 0; i < here; ++i) ++slots[i];
      } else {
        for (std::uint64_t i = 0; i < here; ++i) {
          if (touch(first + i, slots[i])) was_zero(first + i);
        }
      }
      first = first + here;
      count -= here;
    }
  }
  /// Gives the frame real bytes, which hold its content, and returns them.
  std::span<std::byte> materialise(Frame frame);
  /// Like materialise(), for a caller that writes the whole page.
  std::span<std::byte> bytes_to_overwrite(Frame frame);
  /// One frame becomes a version, 1 to kMaxVersion.
  void set(Frame frame, std::uint32_t version) {
    Slot& slot = slot_for_write(frame);
    if (holds_bytes(slot)) drop_page(frame, slot);
    slot = version;
  }
  /// Frames first, first + 1, ... become these versions, at most kMaxVersion. Of them `zeros` may
  /// be 0 and no more; where all are 0, no room is made.
  void assign(Frame first, std::span<const std::uint32_t> versions,
              std::uint64_t zeros = ~std::uint64_t{0});

  /// As many frames from `first` on, at most `limit`, as can be looked at in one go.
  struct Piece {
    const Slot* slots = nullptr;  ///< null: all are zero
    std::uint64_t count = 0;
    bool bytes = false;  ///< one frame, and it holds bytes; otherwise none does
  };
  Piece piece(Frame first, std::uint64_t limit) const;

  /// What a digest found in a region, kept until the region's slots are next given to a writer.
  struct Summary {
    traces::Digest digest;
    std::uint64_t leaves = 0;  ///< a bit for each leaf that is not zero
    std::uint32_t pages = 0;   ///< frames that are not zero
  };
  struct Region {
    std::unique_ptr<Slot[]> dense;  ///< all leaves, once a good part of them exists
    std::unique_ptr<std::array<std::uint64_t, kRegionLeaves>> bytes;  ///< frames that hold bytes
    std::uint32_t leaf_count = 0;
    mutable bool summarised = false;  ///< `summary` holds; every way to write ends that
    mutable Summary summary;
    std::array<Slot*, kRegionLeaves> leaves{};

    std::uint64_t byte_mask(std::size_t leaf) const { return bytes ? (*bytes)[leaf] : 0; }
  };
  std::size_t regions() const { return regions_.size(); }
  const Region* region(std::size_t index) const { return regions_[index].get(); }

  std::uint64_t footprint() const;

 private:
  static std::size_t leaf_of(Frame frame) { return frame.value / kLeafFrames % kRegionLeaves; }
  /// The only way to a slot, or to the bytes behind it, for whoever changes it.
  Slot& slot_for_write(Frame frame) {
    Region* region = regions_[frame.value / kRegionFrames].get();
    if (region != nullptr) [[likely]] {
      region->summarised = false;
      if (region->dense) return region->dense[frame.value % kRegionFrames];
      Slot* leaf = region->leaves[leaf_of(frame)];
      if (leaf != nullptr) [[likely]]
        return leaf[frame.value % kLeafFrames];
    }
    return add_leaf(region_for(frame), leaf_of(frame))[frame.value % kLeafFrames];
  }
  bool touch(Frame frame, Slot& slot) {
    if (slot - 1 < kMaxVersion - 1) [[likely]] {  // a version, and not the last
      ++slot;
      return false;
    }
    return touch_rare(frame, slot);
  }
  bool touch_rare(Frame frame, Slot& slot);
  Region& region_for(Frame frame);
  Slot* add_leaf(Region& region, std::size_t leaf);
  /// `overwritten`: the caller writes every slot at once, so nothing is cleared.
  void make_dense(Region& region, bool overwritten = false);
  void assign_in_region(Region& region, Frame first, std::span<const std::uint32_t> versions,
                        std::uint64_t zeros);
  void assign_in_leaf(Region& region, Frame first, std::span<const std::uint32_t> versions);
  Slot new_page();
  void mark_bytes(Frame frame, bool bytes);
  void drop_page(Frame frame, Slot slot);

  std::vector<std::unique_ptr<Region>> regions_;
  std::vector<std::unique_ptr<Slot[]>> slabs_;  // of leaves
  std::vector<Slot*> free_leaves_;
  std::vector<std::unique_ptr<std::byte[]>> pages_;
  std::vector<Slot> free_pages_;
};

}  // namespace sim::memory
