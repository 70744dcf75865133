#include "sim/memory/content_reference.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace sim::memory {
namespace {

constexpr std::array<VersionStore::Slot, VersionStore::kLeafFrames> kZeroLeaf{};

}  // namespace

ContentReference::ContentReference(const Contents& contents) : contents_(contents) { take(); }

traces::PageSet ContentReference::look_again() {
  if (contents_.real_bytes) return changed_bytes();
  traces::PageSet changed = changed_versions();
  take_versions();
  return changed;
}

void ContentReference::take() {
  if (contents_.real_bytes) {
    keys_ = byte_keys();
  } else {
    take_versions();
  }
}

void ContentReference::take_versions() {
  const VersionStore& store = contents_.versions;
  slots_.resize(store.regions());
  page_keys_.clear();
  for (std::size_t r = 0; r < store.regions(); ++r) {
    const VersionStore::Region* region = store.region(r);
    if (region == nullptr) continue;
    if (!slots_[r]) slots_[r] = std::make_unique<Slot[]>(VersionStore::kRegionFrames);
    for (std::size_t i = 0; i < VersionStore::kRegionLeaves; ++i) {
      const Slot* leaf = region->leaves[i];
      if (leaf == nullptr) continue;
      std::copy_n(leaf, VersionStore::kLeafFrames, &slots_[r][i * VersionStore::kLeafFrames]);
      for (std::uint64_t mask = region->byte_mask(i); mask != 0; mask &= mask - 1) {
        const std::uint64_t in_region =
            i * VersionStore::kLeafFrames + static_cast<unsigned>(std::countr_zero(mask));
        const Frame frame{r * VersionStore::kRegionFrames + in_region};
        page_keys_.emplace(frame.value, contents_.key(frame));
      }
    }
  }
}

std::uint64_t ContentReference::old_key(Frame frame, Slot slot) const {
  return VersionStore::holds_bytes(slot) ? page_keys_.at(frame.value) : key_of(frame, slot);
}

traces::PageSet ContentReference::changed_versions() const {
  traces::PageSet changed;
  for (std::size_t r = 0; r < contents_.versions.regions(); ++r) {
    if (contents_.versions.region(r) == nullptr) continue;  // regions do not go away
    for (std::size_t i = 0; i < VersionStore::kRegionLeaves; ++i) compare_leaf(r, i, changed);
  }
  return changed;
}

void ContentReference::compare_leaf(std::size_t r, std::size_t index,
                                    traces::PageSet& changed) const {
  const VersionStore::Region& region = *contents_.versions.region(r);
  const Slot* now = region.leaves[index];
  if (now == nullptr) return;  // leaves do not go away either
  const Slot* then = slots_[r] ? &slots_[r][index * VersionStore::kLeafFrames] : kZeroLeaf.data();
  const bool same_slots = std::memcmp(now, then, sizeof(kZeroLeaf)) == 0;
  if (same_slots && region.byte_mask(index) == 0) return;
  const std::uint64_t first = r * VersionStore::kRegionFrames + index * VersionStore::kLeafFrames;
  for (std::size_t i = 0; i < VersionStore::kLeafFrames; ++i) {
    if (now[i] == then[i] && !VersionStore::holds_bytes(now[i])) continue;
    const Frame frame{first + i};
    if (contents_.key(frame) != old_key(frame, then[i])) changed.add(frame.value);
  }
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> ContentReference::byte_keys() const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> keys;
  contents_.bytes.backed().for_each([&](std::uint64_t frame) {
    const std::uint64_t key = key_of(contents_.bytes.page({frame}));
    if (key != 0) keys.emplace_back(frame, key);
  });
  return keys;
}

traces::PageSet ContentReference::changed_bytes() {
  auto now = byte_keys();
  traces::PageSet changed;
  auto then = keys_.begin();
  for (const auto& [frame, key] : now) {
    for (; then != keys_.end() && then->first < frame; ++then) changed.add(then->first);
    const bool known = then != keys_.end() && then->first == frame;
    if (!known || then->second != key) changed.add(frame);
    if (known) ++then;
  }
  for (; then != keys_.end(); ++then) changed.add(then->first);
  keys_ = std::move(now);
  return changed;
}

std::uint64_t ContentReference::footprint() const {
  std::uint64_t bytes = slots_.capacity() * sizeof(slots_[0]) + keys_.capacity() * sizeof(keys_[0]);
  for (const std::unique_ptr<Slot[]>& region : slots_) {
    if (region) bytes += VersionStore::kRegionFrames * sizeof(Slot);
  }
  constexpr std::uint64_t kMapNode = 48;  // three links, a colour and the pair
  return bytes + page_keys_.size() * kMapNode;
}

}  // namespace sim::memory
