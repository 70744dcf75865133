#include "sim/memory/contents.hpp"

#include <cstring>

namespace sim::memory {

Contents::Contents(bool real_bytes_, std::uint64_t frames)
    : real_bytes(real_bytes_),
      bytes(real_bytes_ ? frames : 0),
      versions(real_bytes_ ? 0 : frames) {}

void Contents::read(Frame frame, std::uint32_t offset, std::span<std::byte> out) const {
  if (out.empty()) return;  // no address to copy to
  if (const std::byte* page = bytes_of(frame)) {
    std::memcpy(out.data(), page + offset, out.size());
    return;
  }
  const VersionStore::Slot version = versions.slot(frame);
  if (version == 0) {
    std::memset(out.data(), 0, out.size());
  } else {
    fill_with_version(frame, version, offset, out);
  }
}

std::uint64_t Contents::key(Frame frame) const {
  if (const std::byte* page = bytes_of(frame)) return key_of({page, kPageSize});
  return key_of(frame, versions.slot(frame));
}

}  // namespace sim::memory
