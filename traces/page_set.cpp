#include "traces/page_set.hpp"

#include <algorithm>
#include <bit>

#include "traces/assert.hpp"
#include "traces/byte_buffer.hpp"

namespace traces {

/// Appends [first, end), which lies at or behind the end of the set.
void PageSet::append(std::uint64_t first, std::uint64_t end) {
  if (first == end) return;
  count_ += end - first;
  if (!runs_.empty() && runs_.back().end() == first) {
    runs_.back().count += end - first;
  } else {
    runs_.push_back({first, end - first});
  }
}

PageSet PageSet::from_pages(std::vector<std::uint64_t> pages) {
  std::sort(pages.begin(), pages.end());
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  PageSet set;
  HVSIM_ASSERT(pages.empty() || pages.back() < kLimit, "page number beyond 64 bits of address");
  for (const std::uint64_t page : pages) set.append(page, page + 1);
  return set;
}

PageSet PageSet::from_bitmap(std::span<const std::uint64_t> words, std::uint64_t first_page) {
  HVSIM_ASSERT(first_page <= kLimit && words.size() <= (kLimit - first_page) / 64,
               "bitmap beyond 64 bits of address");
  PageSet set;
  for (std::size_t w = 0; w < words.size(); ++w) {
    const std::uint64_t base = first_page + 64 * w;
    std::uint64_t word = words[w];
    while (word != 0) {
      const int start = std::countr_zero(word);
      const int length = std::countr_one(word >> start);
      const std::uint64_t first = base + static_cast<std::uint64_t>(start);
      set.append(first, first + static_cast<std::uint64_t>(length));
      const int end = start + length;
      word = end == 64 ? 0 : word >> end << end;
    }
  }
  return set;
}

void PageSet::add(std::uint64_t first, std::uint64_t count) {
  HVSIM_ASSERT(first <= kLimit && count <= kLimit - first, "page beyond 64 bits of address");
  if (count == 0) return;
  if (runs_.empty() || runs_.back().end() <= first) {
    append(first, first + count);
    return;
  }
  // Every run that overlaps or touches the new one merges into it.
  const std::uint64_t end = first + count;
  auto from = std::lower_bound(runs_.begin(), runs_.end(), first,
                               [](const Run& run, std::uint64_t page) { return run.end() < page; });
  Run merged{first, count};
  auto to = from;
  for (; to != runs_.end() && to->first <= end; ++to) {
    const std::uint64_t merged_end = std::max(merged.end(), to->end());
    merged.first = std::min(merged.first, to->first);
    merged.count = merged_end - merged.first;
    count_ -= to->count;
  }
  count_ += merged.count;
  if (from == to) {
    runs_.insert(from, merged);
  } else {
    *from = merged;
    runs_.erase(from + 1, to);
  }
}

void PageSet::clear() {
  runs_.clear();
  count_ = 0;
}

bool PageSet::contains(std::uint64_t page) const {
  auto after = std::upper_bound(runs_.begin(), runs_.end(), page,
                                [](std::uint64_t p, const Run& run) { return p < run.first; });
  return after != runs_.begin() && page < std::prev(after)->end();
}

bool PageSet::is_subset_of(const PageSet& other) const {
  auto at = other.runs_.begin();
  for (const Run& run : runs_) {
    while (at != other.runs_.end() && at->end() < run.end()) ++at;
    if (at == other.runs_.end() || run.first < at->first) return false;
  }
  return true;
}

bool PageSet::intersects(const PageSet& other) const {
  auto a = runs_.begin();
  auto b = other.runs_.begin();
  while (a != runs_.end() && b != other.runs_.end()) {
    if (a->first < b->end() && b->first < a->end()) return true;
    if (a->end() < b->end()) {
      ++a;
    } else {
      ++b;
    }
  }
  return false;
}

/// Sweeps over the borders of both sets; between two borders membership does not change.
template <class Keep>
PageSet PageSet::merge(const PageSet& a, const PageSet& b, Keep keep) {
  struct Sweep {
    const std::vector<Run>& runs;
    std::size_t border = 0;  // run border / 2: even at its first page, odd at its end
    std::uint64_t next() const {
      if (border == 2 * runs.size()) return UINT64_MAX;
      return border % 2 == 0 ? runs[border / 2].first : runs[border / 2].end();
    }
    bool inside() const { return border % 2 == 1; }
  };
  Sweep in_a{a.runs_};
  Sweep in_b{b.runs_};
  PageSet result;
  std::uint64_t at = 0;
  for (;;) {
    const std::uint64_t next = std::min(in_a.next(), in_b.next());
    if (next == UINT64_MAX) return result;
    if (keep(in_a.inside(), in_b.inside())) result.append(at, next);
    if (in_a.next() == next) ++in_a.border;
    if (in_b.next() == next) ++in_b.border;
    at = next;
  }
}

PageSet PageSet::united_with(const PageSet& other) const {
  return merge(*this, other, [](bool a, bool b) { return a || b; });
}

PageSet PageSet::without(const PageSet& other) const {
  return merge(*this, other, [](bool a, bool b) { return a && !b; });
}

PageSet PageSet::intersected_with(const PageSet& other) const {
  return merge(*this, other, [](bool a, bool b) { return a && b; });
}

std::vector<std::byte> PageSet::encode() const {
  ByteBuffer out;
  std::uint64_t end = 0;
  bool first = true;
  for (const Run& run : runs_) {
    out.append_varint(run.first - end - (first ? 0 : 1));
    out.append_varint(run.count - 1);
    end = run.end();
    first = false;
  }
  return {out.bytes().begin(), out.bytes().end()};
}

std::optional<PageSet> PageSet::decode(Bytes bytes) {
  PageSet set;
  ByteCursor in(bytes);
  std::uint64_t end = 0;
  while (!in.at_end()) {
    std::uint64_t gap = 0;
    std::uint64_t count = 0;
    if (!in.get_varint(gap) || !in.get_varint(count)) return std::nullopt;
    const std::uint64_t certain = set.empty() ? 0 : 1;
    if (gap >= kLimit || count >= kLimit || end + certain + gap > kLimit) return std::nullopt;
    const std::uint64_t first = end + certain + gap;
    if (count + 1 > kLimit - first) return std::nullopt;
    end = first + count + 1;
    set.append(first, end);
  }
  return set;
}

}  // namespace traces
