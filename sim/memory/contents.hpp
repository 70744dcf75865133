// What the frames of one partition hold, whichever backing they have. No log, no witness.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sim/memory/byte_storage.hpp"
#include "sim/memory/page_content.hpp"
#include "sim/memory/version_store.hpp"
#include "traces/events.hpp"

namespace sim::memory {

class Contents {
 public:
  Contents(bool real_bytes, std::uint64_t frames);

  const bool real_bytes;  ///< Backing::Bytes: all of it is in `bytes`, nothing in `versions`
  const ByteStorage bytes;
  VersionStore versions;

  /// The real bytes of a frame; null when it is zero or a version, and has none.
  const std::byte* bytes_of(Frame frame) const {
    if (real_bytes) return bytes.page(frame).data();
    const VersionStore::Slot slot = versions.slot(frame);
    return VersionStore::holds_bytes(slot) ? versions.page(slot).data() : nullptr;
  }
  /// Real bytes to write into; a version frame is materialised.
  std::byte* bytes_for_write(Frame frame) {
    return real_bytes ? bytes.page(frame).data() : versions.materialise(frame).data();
  }
  void read(Frame frame, std::uint32_t offset, std::span<std::byte> out) const;
  /// 64 bits that stand for the content; 0 exactly for the zero page.
  std::uint64_t key(Frame frame) const;
  /// Over (frame, content) of the frames that are not zero; looks at every frame.
  traces::Digest digest(std::uint64_t& pages) const;

 private:
  traces::Digest digest_bytes(std::uint64_t& pages) const;
  traces::Digest digest_versions(std::uint64_t& pages) const;
};

}  // namespace sim::memory
