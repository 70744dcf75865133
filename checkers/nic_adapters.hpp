// What the checkers of network adapters know of NVSP and RNDIS (spec D.2): the numbers in events.
#pragma once

#include <cstdint>

namespace checkers::nic {

inline constexpr std::uint32_t kInit = 1;
inline constexpr std::uint32_t kSendReceiveBuffer = 101;
inline constexpr std::uint32_t kRevokeReceiveBuffer = 103;
inline constexpr std::uint32_t kSuccess = 1;

inline constexpr std::uint32_t kRndisInitialize = 2;
inline constexpr std::uint32_t kRndisHalt = 3;
inline constexpr std::uint32_t kRndisSet = 5;
inline constexpr std::uint32_t kRndisReset = 6;
inline constexpr std::uint32_t kPacketFilter = 0x0001010E;

/// A header, and what an adapter with jumbo frames carries at most, with a tag.
inline constexpr std::uint32_t kLeastFrame = 14;
inline constexpr std::uint32_t kLongestFrame = 9000 + 14 + 4;

}  // namespace checkers::nic
