// Ranges of guest memory as GPADLs and GPA-direct packets carry them (spec C.5, C.6):
// {byte_count u32, byte_offset u32, pfn u64[]} with one PFN for every page touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "hypervisor/vmbus/ring.hpp"

namespace vmbus {

/// Pages that a range touches.
std::uint64_t pages_of(std::uint32_t bytes, std::uint32_t offset);

/// Reads `count` ranges; nothing when they are not all there, an offset reaches past its first
/// page, or a range is empty. `used` receives the bytes taken.
std::optional<std::vector<GpaRange>> parse_ranges(std::span<const std::byte> bytes,
                                                  std::uint32_t count, std::size_t* used);

void append_ranges(std::vector<std::byte>& out, std::span<const GpaRange> ranges);

/// Pages of guest memory with consecutive numbers.
struct PageRun {
  std::uint64_t first = 0;
  std::uint32_t pages = 0;
};
std::vector<PageRun> runs_of(std::span<const std::uint64_t> pfns);

/// One piece of a byte range within one page.
struct PagePiece {
  std::uint64_t pfn = 0;
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
};
/// Cuts [offset, offset + bytes) of the concatenated ranges into pieces within pages; nothing when
/// the ranges are shorter.
std::optional<std::vector<PagePiece>> pieces_of(std::span<const GpaRange> ranges,
                                                std::uint64_t offset, std::uint64_t bytes);

}  // namespace vmbus
