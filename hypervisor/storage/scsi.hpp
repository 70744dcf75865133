// The SCSI command set that disks answer (SPC-3, SBC-3): command blocks taken apart, answers put
// together. Pure data; scsi fields are big-endian on the wire.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace storage::scsi {

enum class Opcode : std::uint8_t {
  TestUnitReady = 0x00,
  RequestSense = 0x03,
  Read6 = 0x08,
  Write6 = 0x0A,
  Inquiry = 0x12,
  ModeSense6 = 0x1A,
  StartStopUnit = 0x1B,
  ReadCapacity10 = 0x25,
  Read10 = 0x28,
  Write10 = 0x2A,
  Verify10 = 0x2F,
  SynchronizeCache10 = 0x35,
  ModeSense10 = 0x5A,
  Read16 = 0x88,
  Write16 = 0x8A,
  Verify16 = 0x8F,
  SynchronizeCache16 = 0x91,
  ServiceActionIn16 = 0x9E,  ///< service action 0x10: READ CAPACITY 16
  ReportLuns = 0xA0,
  MaintenanceIn = 0xA3,  ///< service action 0x0C: REPORT SUPPORTED OPERATION CODES
  Read12 = 0xA8,
  Write12 = 0xAA,
};

inline constexpr std::uint8_t kGood = 0x00;
inline constexpr std::uint8_t kCheckCondition = 0x02;
inline constexpr std::uint8_t kBusy = 0x08;

/// Sense key, additional sense code and qualifier.
struct Sense {
  std::uint8_t key = 0, code = 0, qualifier = 0;
  friend constexpr bool operator==(const Sense&, const Sense&) = default;
  /// Fixed format, 18 bytes (SPC-3 4.5.3).
  std::array<std::uint8_t, 18> bytes() const;
};

inline constexpr Sense kNotReady{0x02, 0x04, 0x00};
inline constexpr Sense kUnrecoveredRead{0x03, 0x11, 0x00};
inline constexpr Sense kWriteError{0x03, 0x0C, 0x00};
/// SBC-3 4.7.3.6: a thin LUN has no room left for what is written.
inline constexpr Sense kSpaceAllocationFailed{0x07, 0x27, 0x07};
/// UNIT ATTENTION: power on, reset, or bus device reset occurred (SAM-3 5.9.7).
inline constexpr Sense kResetOccurred{0x06, 0x29, 0x00};
inline constexpr Sense kInvalidOpcode{0x05, 0x20, 0x00};
inline constexpr Sense kLbaOutOfRange{0x05, 0x21, 0x00};
inline constexpr Sense kInvalidField{0x05, 0x24, 0x00};

/// Verify reads the medium and moves nothing.
enum class Kind : std::uint8_t { Control, Read, Write, Flush, Verify };

/// A command block as far as its kind matters.
struct Command {
  Opcode opcode{};
  Kind kind = Kind::Control;
  std::uint64_t lba = 0;
  std::uint32_t blocks = 0;
  bool force_unit_access = false;
};

/// Nothing for a command block that is too short for its opcode. Unknown opcodes are Control.
std::optional<Command> parse(std::span<const std::uint8_t> cdb);

/// The unit that answers control commands.
struct Unit {
  std::uint64_t blocks = 0;               ///< of 512 bytes
  std::uint32_t number = 0;               ///< makes serial number and NAA identifier
  std::uint32_t max_transfer_blocks = 0;  ///< of one command; 0: not stated
};

struct Answer {
  std::optional<Sense> sense;   ///< set: CHECK CONDITION
  std::vector<std::byte> data;  ///< cut to the allocation length
};

/// Control commands other than REPORT LUNS. The disk is fully provisioned: it has neither UNMAP nor
/// WRITE SAME, and says so wherever it is asked.
Answer answer_control(std::span<const std::uint8_t> cdb, const Unit& unit);
/// `luns` below 256, ascending (SPC-3 6.21).
Answer report_luns(std::span<const std::uint8_t> cdb, std::span<const std::uint8_t> luns);
/// INQUIRY of a LUN where nothing is (SPC-3 6.4.2): a device type that says so. Of its vital
/// product data there is none.
Answer absent_inquiry(std::span<const std::uint8_t> cdb);

}  // namespace storage::scsi
