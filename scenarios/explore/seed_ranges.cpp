#include "scenarios/explore/seed_ranges.hpp"

#include <algorithm>

#include "scenarios/language/units.hpp"
#include "traces/assert.hpp"

namespace scenarios {

std::optional<SeedRange> parse_seed_range(std::string_view text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) {
    const auto count = parse_count(text);
    if (!count || *count == 0) return std::nullopt;
    return SeedRange{1, *count};
  }
  const auto first = parse_count(text.substr(0, dots));
  const auto last = parse_count(text.substr(dots + 2));
  if (!first || !last || *last < *first) return std::nullopt;
  return SeedRange{*first, *last};
}

SeedRange shard_of(const SeedRange& range, std::uint64_t index, std::uint64_t count) {
  HVSIM_ASSERT(index >= 1 && index <= count, "shards count from 1");
  // The first ones are longer by one where it does not come out even.
  const std::uint64_t each = range.size() / count;
  const std::uint64_t longer = range.size() % count;
  const std::uint64_t before = (index - 1) * each + std::min(index - 1, longer);
  const std::uint64_t size = each + (index <= longer ? 1 : 0);
  return SeedRange{range.first + before, range.first + before + size - 1};
}

void SeedRanges::add(const SeedRange& range) {
  if (range.size() == 0) return;
  std::uint64_t first = range.first;
  std::uint64_t last = range.last;
  auto next = ranges_.upper_bound(first);
  if (next != ranges_.begin()) {
    const auto before = std::prev(next);
    if (before->second >= first || before->second + 1 == first) next = before;
  }
  // Everything that overlaps or touches becomes one.
  while (next != ranges_.end() && (next->first <= last || next->first == last + 1)) {
    first = std::min(first, next->first);
    last = std::max(last, next->second);
    next = ranges_.erase(next);
  }
  ranges_[first] = last;
}

bool SeedRanges::contains(std::uint64_t seed) const {
  const auto next = ranges_.upper_bound(seed);
  return next != ranges_.begin() && std::prev(next)->second >= seed;
}

std::uint64_t SeedRanges::size() const {
  std::uint64_t sum = 0;
  for (const auto& [first, last] : ranges_) sum += last - first + 1;
  return sum;
}

std::string SeedRanges::text() const {
  std::string text;
  for (const auto& [first, last] : ranges_) {
    text += (text.empty() ? "" : ", ") + std::to_string(first);
    if (last != first) text += ".." + std::to_string(last);
  }
  return text.empty() ? "none" : text;
}

}  // namespace scenarios
