// The difference of two stored traces: what decided the runs, the first event that differs, and how
// often each type occurs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "traces/compare.hpp"
#include "traces/events.hpp"
#include "traces/file.hpp"

namespace traces {

struct TraceDiff {
  /// Parts of the header that differ, such as `seed: 1 against 2`. The build id, which is
  /// information only, is among them but does not make traces different.
  std::vector<std::string> header;
  bool detail_compared = false;  ///< both traces have detail; else level 0 alone was compared
  std::optional<Difference> first;
  /// Events per type of what was compared, left and right.
  std::array<std::uint64_t, kEventTypeCount> left_counts{};
  std::array<std::uint64_t, kEventTypeCount> right_counts{};

  bool same_events() const { return !first.has_value(); }
};

/// Reads both traces to their ends. Throws TraceError.
TraceDiff diff_traces(TraceReader& left, TraceReader& right, std::size_t context = 5);

/// For people: several lines, `left` and `right` being the names of the files.
std::string to_text(const TraceDiff& diff, const std::string& left, const std::string& right);

}  // namespace traces
