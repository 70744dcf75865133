// The events of a world. Structures, enumerations and reflection tables are generated from
// traces/schema/events.schema by traces/schema/generate.py: for `event a.b_c` there is
// `traces::ev::AB_c` spelled in PascalCase (`partition.state` -> `ev::PartitionState`), and for
// `enum X` there is `enum class traces::X`.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "traces/time.hpp"

namespace traces {

/// 128-bit digest (XXH3-128, canonical byte order when stored).
struct Digest {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend constexpr auto operator<=>(const Digest&, const Digest&) = default;
};

using Bytes = std::span<const std::byte>;

}  // namespace traces

#include "traces/events.gen.hpp"
