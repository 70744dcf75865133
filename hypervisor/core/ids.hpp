// Identities that the hypervisor hands out.
#pragma once

#include <compare>
#include <cstdint>

namespace hv {

/// Unique for one boot of a host; never used again (spec B.6).
struct PartitionId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(PartitionId, PartitionId) = default;
};

struct VpIndex {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(VpIndex, VpIndex) = default;
};

struct ConnectionId {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(ConnectionId, ConnectionId) = default;
};

/// Synthetic interrupt source 0 to 15.
struct Sint {
  std::uint8_t value = 0;
  friend constexpr auto operator<=>(Sint, Sint) = default;
};

/// Partition reference time in 100 ns units (spec B.8).
struct ReferenceTime {
  std::uint64_t ticks = 0;
  friend constexpr auto operator<=>(ReferenceTime, ReferenceTime) = default;
};

}  // namespace hv
