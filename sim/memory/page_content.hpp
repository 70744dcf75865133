// What a page holds: tests for zero, and the 4096 real bytes of *content version v of frame p*.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sim/memory/address.hpp"

namespace sim::memory {

/// Versions are 1 to kMaxVersion; 0 is the zero page. The top bit is the store's own.
inline constexpr std::uint32_t kMaxVersion = 0x7fff'ffff;

bool is_zero(std::span<const std::byte> bytes);

/// The bytes of version `version` of `frame` from `offset` on: a function of the three alone, the
/// same on every host, so a page may be sent as its version and read as bytes on either side.
void fill_with_version(Frame frame, std::uint32_t version, std::uint32_t offset,
                       std::span<std::byte> out);

/// What the next touch of a page makes of it. A function of the present content only: two hosts
/// that hold the same content go on to the same content, whatever they did before.
inline std::uint32_t version_after(std::uint32_t version) {
  return version == kMaxVersion ? 1 : version + 1;
}
std::uint32_t version_after(std::span<const std::byte> content);

/// 64-bit key of a page's content; 0 exactly for the zero page.
std::uint64_t key_of(Frame frame, std::uint32_t version);
std::uint64_t key_of(std::span<const std::byte> content);

/// How many of `versions` are not zero, and all of them or-ed together, in one vectorised pass.
struct VersionScan {
  std::uint64_t nonzero = 0;
  std::uint32_t bits = 0;
};
VersionScan scan(std::span<const std::uint32_t> versions);

/// How many of 64 times 64 versions are not zero, and a bit for each 64 of which one is not.
struct LeafScan {
  std::uint64_t leaves = 0;
  std::uint64_t nonzero = 0;
};
LeafScan scan_leaves(std::span<const std::uint32_t, 64 * 64> versions);

}  // namespace sim::memory
