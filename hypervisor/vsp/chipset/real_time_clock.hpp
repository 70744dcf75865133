// The clock of a PC's CMOS as an MC146818 shows it, read only. ACPI says that there is none to
// drive; kernels read it once nevertheless, before they have another, and wait a second for one
// that does not answer.
#pragma once

#include <cstdint>

namespace vsp {

class RealTimeClock {
 public:
  static constexpr std::uint16_t kIndexPort = 0x70;
  static constexpr std::uint16_t kDataPort = 0x71;

  /// Chooses the register that is read next; bit 7 is none of this device's.
  void select(std::uint8_t index) { selected_ = index & 0x7F; }
  std::uint8_t selected() const { return selected_; }

  /// The chosen register, in BCD and 24 hours, at so many seconds since 1970-01-01 UTC. 0 of what
  /// is no part of the clock.
  std::uint8_t read(std::uint64_t unix_seconds) const;

 private:
  std::uint8_t selected_ = 0;
};

}  // namespace vsp
