// The fixed hardware of ACPI: the PM1 event and control registers and the power management timer
// (ACPI 5.0, 4.8.3). A guest switches itself off by writing sleep type 5 with sleep enable.
#pragma once

#include <cstdint>

#include "traces/bytes.hpp"

namespace vsp {

class PowerManagement {
 public:
  static constexpr std::uint16_t kEventBlock = 0x400;
  static constexpr std::uint16_t kControlBlock = 0x404;
  static constexpr std::uint16_t kTimerBlock = 0x408;
  static constexpr std::uint16_t kEnd = 0x40C;
  static constexpr std::uint8_t kSoftOff = 5;  ///< SLP_TYP of S5, as the DSDT says

  /// `guest_ns`: the guest's time, from which the 3.579545 MHz timer follows.
  std::uint32_t read(std::uint16_t port, unsigned bytes, std::int64_t guest_ns) const;
  /// True when this write switches the machine off.
  bool write(std::uint16_t port, unsigned bytes, std::uint32_t value);

  void save(traces::ByteWriter& out) const;
  bool restore(traces::ByteReader& in);

 private:
  std::uint16_t enable_ = 0;
  std::uint16_t control_ = 1;  ///< SCI_EN: the machine starts in ACPI mode
};

}  // namespace vsp
