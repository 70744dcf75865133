#include "hypervisor/vmbus/ranges.hpp"

#include <algorithm>
#include <cstring>

#include "sim/memory/address.hpp"

namespace vmbus {

std::uint64_t pages_of(std::uint32_t bytes, std::uint32_t offset) {
  return (std::uint64_t{offset} + bytes + sim::kPageSize - 1) >> sim::kPageShift;
}

std::optional<std::vector<GpaRange>> parse_ranges(std::span<const std::byte> bytes,
                                                  std::uint32_t count, std::size_t* used) {
  std::vector<GpaRange> ranges;
  std::size_t at = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (bytes.size() - at < 8) return std::nullopt;
    GpaRange range;
    std::memcpy(&range.bytes, bytes.data() + at, 4);
    std::memcpy(&range.offset, bytes.data() + at + 4, 4);
    at += 8;
    if (range.bytes == 0 || range.offset >= sim::kPageSize) return std::nullopt;
    const std::uint64_t pages = pages_of(range.bytes, range.offset);
    if (pages > (bytes.size() - at) / 8) return std::nullopt;
    range.pfns.resize(pages);
    std::memcpy(range.pfns.data(), bytes.data() + at, pages * 8);
    at += pages * 8;
    ranges.push_back(std::move(range));
  }
  if (used != nullptr) *used = at;
  return ranges;
}

void append_ranges(std::vector<std::byte>& out, std::span<const GpaRange> ranges) {
  for (const GpaRange& range : ranges) {
    const std::size_t at = out.size();
    out.resize(at + 8 + range.pfns.size() * 8);
    std::memcpy(out.data() + at, &range.bytes, 4);
    std::memcpy(out.data() + at + 4, &range.offset, 4);
    if (!range.pfns.empty()) {
      std::memcpy(out.data() + at + 8, range.pfns.data(), range.pfns.size() * 8);
    }
  }
}

std::vector<PageRun> runs_of(std::span<const std::uint64_t> pfns) {
  std::vector<PageRun> runs;
  for (const std::uint64_t pfn : pfns) {
    if (!runs.empty() && runs.back().first + runs.back().pages == pfn) {
      ++runs.back().pages;
    } else {
      runs.push_back({pfn, 1});
    }
  }
  return runs;
}

std::optional<std::vector<PagePiece>> pieces_of(std::span<const GpaRange> ranges,
                                                std::uint64_t offset, std::uint64_t bytes) {
  std::vector<PagePiece> pieces;
  for (const GpaRange& range : ranges) {
    if (bytes == 0) break;
    if (offset >= range.bytes) {
      offset -= range.bytes;
      continue;
    }
    std::uint64_t position = range.offset + offset;
    std::uint64_t left = std::min<std::uint64_t>(bytes, range.bytes - offset);
    bytes -= left;
    offset = 0;
    while (left > 0) {
      const std::uint64_t page = position >> sim::kPageShift;
      const std::uint64_t in_page = position & (sim::kPageSize - 1);
      const std::uint64_t now = std::min(left, sim::kPageSize - in_page);
      if (page >= range.pfns.size()) return std::nullopt;
      pieces.push_back(
          {range.pfns[page], static_cast<std::uint32_t>(in_page), static_cast<std::uint32_t>(now)});
      position += now;
      left -= now;
    }
  }
  if (bytes != 0) return std::nullopt;
  return pieces;
}

}  // namespace vmbus
