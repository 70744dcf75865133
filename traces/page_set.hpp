// A set of page numbers, kept as ordered runs: what a dirty log reports, what a migration round
// sends, what a checker compares. Dirty pages come in runs, so this is small, and its encoding is
// the `set` field of events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "traces/events.hpp"

namespace traces {

class PageSet {
 public:
  /// Page numbers lie below this: 64 bits of address in pages of 4 KiB.
  static constexpr std::uint64_t kLimit = std::uint64_t{1} << 52;

  struct Run {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::uint64_t end() const { return first + count; }
    friend constexpr bool operator==(const Run&, const Run&) = default;
  };

  PageSet() = default;
  /// Any order, repetitions allowed; O(n log n).
  static PageSet from_pages(std::vector<std::uint64_t> pages);
  /// Bit i of word w stands for page `first_page + 64 * w + i`. Clean words cost next to nothing.
  static PageSet from_bitmap(std::span<const std::uint64_t> words, std::uint64_t first_page = 0);

  /// Constant time past the end of the set, O(runs) elsewhere: many pages in no order go through
  /// from_pages().
  void add(std::uint64_t page) { add(page, 1); }
  void add(std::uint64_t first, std::uint64_t count);
  void clear();

  bool contains(std::uint64_t page) const;
  bool is_subset_of(const PageSet& other) const;
  bool intersects(const PageSet& other) const;

  PageSet united_with(const PageSet& other) const;
  PageSet without(const PageSet& other) const;
  PageSet intersected_with(const PageSet& other) const;

  bool empty() const { return runs_.empty(); }
  /// Pages, not runs.
  std::uint64_t count() const { return count_; }
  /// Ascending, not empty, not touching each other.
  const std::vector<Run>& runs() const { return runs_; }

  /// Calls `visit(page)` in ascending order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Run& run : runs_) {
      for (std::uint64_t page = run.first; page != run.end(); ++page) visit(page);
    }
  }

  /// Per run two varints: the gap to the previous run's end (less the one page that is certain;
  /// whole for the first run), and the count less one. Equal sets have equal bytes.
  std::vector<std::byte> encode() const;
  /// Nothing when the bytes are no encoding of a set. Takes at most sixteen times the input in
  /// memory. A short input can name very many pages: look at count() before visiting them.
  static std::optional<PageSet> decode(Bytes bytes);

  friend bool operator==(const PageSet& a, const PageSet& b) { return a.runs_ == b.runs_; }

 private:
  void append(std::uint64_t first, std::uint64_t end);
  template <class Keep>
  static PageSet merge(const PageSet& a, const PageSet& b, Keep keep);

  std::vector<Run> runs_;
  std::uint64_t count_ = 0;
};

}  // namespace traces
