// The witness of what was written: keeps what every frame held at one instant and finds, by
// comparing contents, what differs later. It never asks the dirty log or who wrote (law 4).
//
// Versions: a copy of the slots, 4 bytes per frame of each region in use. Bytes: one 64-bit hash
// per frame that is not zero; taking it reads all that was touched, which is why it is detail.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "sim/memory/contents.hpp"
#include "traces/page_set.hpp"

namespace sim::memory {

class ContentReference {
 public:
  explicit ContentReference(const Contents& contents);

  /// Frames whose content is not what it was at the last look, which this one replaces.
  traces::PageSet look_again();
  std::uint64_t footprint() const;

 private:
  using Slot = VersionStore::Slot;
  void take();
  void take_versions();
  std::vector<std::pair<std::uint64_t, std::uint64_t>> byte_keys() const;
  traces::PageSet changed_bytes();
  traces::PageSet changed_versions() const;
  void compare_leaf(std::size_t region, std::size_t leaf, traces::PageSet& changed) const;
  std::uint64_t old_key(Frame frame, Slot slot) const;

  const Contents& contents_;
  std::vector<std::unique_ptr<Slot[]>> slots_;                 // by region; null: all zero
  std::map<std::uint64_t, std::uint64_t> page_keys_;           // Versions: frames that held bytes
  std::vector<std::pair<std::uint64_t, std::uint64_t>> keys_;  // Bytes: (frame, key), ascending
};

}  // namespace sim::memory
