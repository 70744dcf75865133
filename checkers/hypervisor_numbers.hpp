// Numbers of the hypervisor's interface that several properties look for (spec B.1, B.2, B.5).
#pragma once

#include <cstdint>

namespace checkers {

namespace synthetic_msr {
inline constexpr std::uint64_t kGuestOsId = 0x4000'0000;
inline constexpr std::uint64_t kHypercall = 0x4000'0001;
inline constexpr std::uint64_t kTimeRefCount = 0x4000'0020;
inline constexpr std::uint64_t kTimers = 0x4000'00B0;  ///< CONFIG and COUNT of each, in turn
inline constexpr std::uint64_t kTimersEnd = 0x4000'00B8;
}  // namespace synthetic_msr

namespace sint_bit {
inline constexpr std::uint64_t kMasked = 1u << 16;
inline constexpr std::uint64_t kAutoEoi = 1u << 17;
inline constexpr std::uint64_t kPolling = 1u << 18;
}  // namespace sint_bit

inline constexpr std::uint8_t kSintCount = 16;
inline constexpr std::uint8_t kNoSint = 255;  ///< of an interrupt that no synthetic source asks for
inline constexpr std::uint32_t kTimerMessage = 0x8000'0010;

}  // namespace checkers
