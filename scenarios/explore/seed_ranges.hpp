// A set of seeds as the ranges that it is made of.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace scenarios {

/// Both ends included.
struct SeedRange {
  std::uint64_t first = 1;
  std::uint64_t last = 0;
  std::uint64_t size() const { return last < first ? 0 : last - first + 1; }
};
/// "1..1000", or "1000" for 1..1000. Nothing when it is neither.
std::optional<SeedRange> parse_seed_range(std::string_view text);
/// The part of a range that is shard `index` of `count`, index from 1.
SeedRange shard_of(const SeedRange& range, std::uint64_t index, std::uint64_t count);

class SeedRanges {
 public:
  void add(const SeedRange& range);
  bool contains(std::uint64_t seed) const;
  std::uint64_t size() const;
  /// first -> last, ascending, apart from each other.
  const std::map<std::uint64_t, std::uint64_t>& ranges() const { return ranges_; }
  std::string text() const;

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;
};

}  // namespace scenarios
