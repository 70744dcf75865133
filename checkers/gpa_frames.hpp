// Which guest page a frame stands behind, as the events about a partition's GPA map tell it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "traces/events.hpp"

namespace checkers {

class GpaFrames {
 public:
  void map(const traces::ev::GpaMapped& change) {
    unmap(change.gpfn, change.pages);
    if (change.read || change.write || change.execute) {
      ranges_.push_back({change.gpfn, change.pages, change.frame});
    }
  }

  /// Nothing for a frame that no page shows.
  std::optional<std::uint64_t> gpfn_of(std::uint64_t frame) const {
    for (const Range& range : ranges_) {
      if (frame >= range.frame && frame - range.frame < range.pages) {
        return range.gpfn + (frame - range.frame);
      }
    }
    return std::nullopt;
  }

 private:
  struct Range {
    std::uint64_t gpfn;
    std::uint64_t pages;
    std::uint64_t frame;
  };

  void unmap(std::uint64_t first, std::uint64_t pages) {
    const std::uint64_t end = first + pages;
    std::vector<Range> left;
    for (const Range& range : ranges_) {
      const std::uint64_t range_end = range.gpfn + range.pages;
      if (range.gpfn < std::min(first, range_end)) {
        left.push_back({range.gpfn, std::min(first, range_end) - range.gpfn, range.frame});
      }
      const std::uint64_t from = std::max(end, range.gpfn);
      if (from < range_end) {
        left.push_back({from, range_end - from, range.frame + (from - range.gpfn)});
      }
    }
    ranges_ = std::move(left);
  }

  std::vector<Range> ranges_;  // a handful: RAM and what was taken out of it
};

}  // namespace checkers
