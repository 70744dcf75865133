// What a disk answers to commands that move none of its blocks (SPC-3 6, SBC-3 5).
#include <array>
#include <iterator>
#include <string>
#include <string_view>

#include "hypervisor/storage/scsi.hpp"
#include "hypervisor/storage/scsi_bytes.hpp"

namespace storage::scsi {
namespace {

constexpr std::string_view kVendor = "Msft    ";
constexpr std::string_view kProduct = "Virtual Disk    ";
constexpr std::string_view kRevision = "1.0 ";
constexpr std::uint32_t kBlockBytes = 512;

std::string serial_of(const Unit& unit) {
  std::string text = std::to_string(unit.number);
  return std::string(8 - std::min<std::size_t>(text.size(), 8), '0') + text;
}

/// NAA 6: a Microsoft OUI and the disk's number.
std::uint64_t naa_low(const Unit& unit) { return unit.number; }

/// Vital product data that SBC-3 adds.
constexpr std::uint8_t kBlockLimits = 0xB0;
constexpr std::uint8_t kCharacteristics = 0xB1;
constexpr std::uint8_t kProvisioning = 0xB2;

Answer vital_product_data(std::uint8_t page, const Unit& unit, std::uint64_t allocation) {
  Builder out;
  switch (page) {
    case 0x00:  // supported pages
      out.u8(0).u8(page).u16(6);
      out.u8(0x00).u8(0x80).u8(0x83).u8(kBlockLimits).u8(kCharacteristics).u8(kProvisioning);
      break;
    case 0x80: {  // unit serial number
      const std::string serial = serial_of(unit);
      out.u8(0).u8(page).u16(serial.size()).text(serial);
      break;
    }
    case 0x83:  // device identification: NAA and T10 vendor designators of the logical unit
      out.u8(0).u8(page).u16(20 + 4 + 8 + 8);
      out.u8(0x01).u8(0x03).u8(0).u8(16).u64(0x6'0022'4800'0000'000).u64(naa_low(unit));
      out.u8(0x02).u8(0x01).u8(0).u8(16).text(kVendor).text(serial_of(unit));
      break;
    case kBlockLimits:  // 0 means "not stated", and "none" for UNMAP and WRITE SAME
      out.u8(0).u8(page).u16(0x3C).u8(0).u8(0).u16(1).u32(unit.max_transfer_blocks).zeros(52);
      break;
    case kCharacteristics:  // no rotating medium
      out.u8(0).u8(page).u16(0x3C).u16(1).zeros(58);
      break;
    case kProvisioning:  // fully provisioned
      out.u8(0).u8(page).u16(4).zeros(4);
      break;
    default:
      return refuse(kInvalidField);
  }
  return out.cut(allocation);
}

constexpr std::uint8_t kDirectAccess = 0x00;
constexpr std::uint8_t kNothingHere = 0x7F;  ///< qualifier 3, type 1Fh

Answer standard_inquiry(std::uint8_t type, std::uint64_t allocation) {
  Builder out;
  // SPC-3, response format 2, HISUP, 31 more bytes, CMDQUE.
  out.u8(type).u8(0).u8(5).u8(0x12).u8(31).u8(0).u8(0).u8(0x02);
  out.text(kVendor).text(kProduct).text(kRevision);
  return out.cut(allocation);
}

Answer inquiry(std::span<const std::uint8_t> cdb, const Unit& unit) {
  const bool vital = (cdb[1] & 1) != 0;
  const std::uint64_t allocation = big_endian(cdb.subspan(3, 2));
  if (vital) return vital_product_data(cdb[2], unit, allocation);
  if (cdb[2] != 0) return refuse(kInvalidField);
  return standard_inquiry(kDirectAccess, allocation);
}

/// Header and, when asked for, the caching page: write cache on, as the disks below have one.
Answer mode_sense(std::span<const std::uint8_t> cdb, bool ten) {
  const std::uint8_t page = cdb[2] & 0x3F;
  const std::uint8_t control = cdb[2] >> 6;
  const std::uint64_t allocation = ten ? big_endian(cdb.subspan(7, 2)) : cdb[4];
  if (page != 0x08 && page != 0x3F) return refuse(kInvalidField);
  constexpr std::uint8_t kDpoFua = 0x10;
  constexpr std::size_t kCachingPage = 20;
  Builder out;
  if (ten) {
    out.u16(8 - 2 + kCachingPage).u8(0).u8(kDpoFua).u32(0);
  } else {
    out.u8(4 - 1 + kCachingPage).u8(0).u8(kDpoFua).u8(0);
  }
  constexpr std::uint8_t kWriteCacheEnabled = 0x04;
  const bool changeable = control == 1;
  out.u8(0x08).u8(kCachingPage - 2).u8(changeable ? 0 : kWriteCacheEnabled).zeros(17);
  return out.cut(allocation);
}

Answer read_capacity10(const Unit& unit) {
  const std::uint64_t last = unit.blocks == 0 ? 0 : unit.blocks - 1;
  return Builder{}.u32(std::min<std::uint64_t>(last, UINT32_MAX)).u32(kBlockBytes).cut(8);
}

Answer read_capacity16(std::span<const std::uint8_t> cdb, const Unit& unit) {
  constexpr std::uint8_t kReadCapacity16 = 0x10;
  if ((cdb[1] & 0x1F) != kReadCapacity16) return refuse(kInvalidField);
  const std::uint64_t last = unit.blocks == 0 ? 0 : unit.blocks - 1;
  return Builder{}.u64(last).u32(kBlockBytes).zeros(20).cut(big_endian(cdb.subspan(10, 4)));
}

/// Power conditions and media that come out are not for a virtual disk; starting and stopping it
/// changes nothing.
Answer start_stop(std::span<const std::uint8_t> cdb) {
  constexpr std::uint8_t kLoadEject = 0x02;
  constexpr std::uint8_t kPowerCondition = 0xF0;
  if ((cdb[4] & (kLoadEject | kPowerCondition)) != 0) return refuse(kInvalidField);
  return {};
}

/// A command that this disk has, with its usage map: a set bit is looked at (SPC-4 6.35).
struct Supported {
  std::uint8_t opcode = 0;
  std::optional<std::uint8_t> action;  ///< service action
  std::size_t bytes = 0;               ///< of its command block
  std::array<std::uint8_t, 16> usage{};
};

constexpr std::uint8_t kReadCapacity16Action = 0x10;
constexpr std::uint8_t kSupportedOpcodesAction = 0x0C;

constexpr Supported kSupported[] = {
    {0x00, {}, 6, {0x00}},
    {0x03, {}, 6, {0x03, 0x01, 0, 0, 0xFF}},
    {0x08, {}, 6, {0x08, 0x1F, 0xFF, 0xFF, 0xFF}},
    {0x0A, {}, 6, {0x0A, 0x1F, 0xFF, 0xFF, 0xFF}},
    {0x12, {}, 6, {0x12, 0x01, 0xFF, 0xFF, 0xFF}},
    {0x1A, {}, 6, {0x1A, 0x08, 0xFF, 0, 0xFF}},
    {0x1B, {}, 6, {0x1B, 0x01, 0, 0, 0xF3}},
    {0x25, {}, 10, {0x25}},
    {0x28, {}, 10, {0x28, 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0xFF, 0xFF}},
    {0x2A, {}, 10, {0x2A, 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0xFF, 0xFF}},
    {0x2F, {}, 10, {0x2F, 0x06, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0xFF, 0xFF}},
    {0x35, {}, 10, {0x35, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0xFF, 0xFF}},
    {0x5A, {}, 10, {0x5A, 0x08, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF}},
    {0x88,
     {},
     16,
     {0x88, 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
    {0x8A,
     {},
     16,
     {0x8A, 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
    {0x8F,
     {},
     16,
     {0x8F, 0x06, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
    {0x91,
     {},
     16,
     {0x91, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
    {0x9E,
     kReadCapacity16Action,
     16,
     {0x9E, kReadCapacity16Action, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF}},
    {0xA0, {}, 12, {0xA0, 0, 0xFF, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF}},
    {0xA3,
     kSupportedOpcodesAction,
     12,
     {0xA3, kSupportedOpcodesAction, 0x07, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
    {0xA8, {}, 12, {0xA8, 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
    {0xAA, {}, 12, {0xAA, 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
};

Answer all_opcodes(std::uint64_t allocation) {
  constexpr std::size_t kDescriptorBytes = 8;
  Builder out;
  out.u32(kDescriptorBytes * std::size(kSupported));
  for (const Supported& each : kSupported) {
    out.u8(each.opcode).u8(0).u16(each.action.value_or(0)).u8(0);
    out.u8(each.action ? 1 : 0).u16(each.bytes);
  }
  return out.cut(allocation);
}

/// REPORT SUPPORTED OPERATION CODES: Linux asks for one opcode at a time.
Answer supported_opcodes(std::span<const std::uint8_t> cdb) {
  constexpr std::uint8_t kTimeouts = 0x80;
  if ((cdb[1] & 0x1F) != kSupportedOpcodesAction) return refuse(kInvalidField);
  const std::uint8_t options = cdb[2] & 0x07;
  const std::uint64_t allocation = big_endian(cdb.subspan(6, 4));
  if (options > 2 || (cdb[2] & kTimeouts) != 0) return refuse(kInvalidField);
  if (options == 0) return all_opcodes(allocation);
  const std::uint64_t action = big_endian(cdb.subspan(4, 2));
  const Supported* found = nullptr;
  for (const Supported& each : kSupported) {
    if (each.opcode != cdb[3]) continue;
    // Whether a service action must be named is the command's nature.
    if (each.action.has_value() != (options == 2)) return refuse(kInvalidField);
    if (!each.action || *each.action == action) found = &each;
  }
  constexpr std::uint8_t kNot = 1;
  constexpr std::uint8_t kAsTheStandardSays = 3;
  Builder out;
  out.u8(0).u8(found == nullptr ? kNot : kAsTheStandardSays);
  out.u16(found == nullptr ? 0 : found->bytes);
  for (std::size_t i = 0; found != nullptr && i < found->bytes; ++i) out.u8(found->usage[i]);
  return out.cut(allocation);
}

}  // namespace

Answer answer_control(std::span<const std::uint8_t> cdb, const Unit& unit) {
  switch (static_cast<Opcode>(cdb[0])) {
    case Opcode::TestUnitReady:
      return {};
    case Opcode::StartStopUnit:
      return start_stop(cdb);
    case Opcode::MaintenanceIn:
      return supported_opcodes(cdb);
    case Opcode::Verify10:
    case Opcode::Verify16:
      return refuse(kInvalidField);
    case Opcode::RequestSense: {
      constexpr std::uint8_t kDescriptors = 0x01;
      if ((cdb[1] & kDescriptors) != 0) return refuse(kInvalidField);
      // Autosense has reported everything already: no sense.
      Answer answer;
      for (const std::uint8_t byte : Sense{}.bytes()) answer.data.push_back(std::byte{byte});
      answer.data.resize(std::min<std::size_t>(answer.data.size(), cdb[4]));
      return answer;
    }
    case Opcode::Inquiry:
      return inquiry(cdb, unit);
    case Opcode::ModeSense6:
      return mode_sense(cdb, false);
    case Opcode::ModeSense10:
      return mode_sense(cdb, true);
    case Opcode::ReadCapacity10:
      return read_capacity10(unit);
    case Opcode::ServiceActionIn16:
      return read_capacity16(cdb, unit);
    default:
      return refuse(kInvalidOpcode);
  }
}

Answer absent_inquiry(std::span<const std::uint8_t> cdb) {
  if ((cdb[1] & 1) != 0 || cdb[2] != 0) return refuse(kInvalidField);
  return standard_inquiry(kNothingHere, big_endian(cdb.subspan(3, 2)));
}

Answer report_luns(std::span<const std::uint8_t> cdb, std::span<const std::uint8_t> luns) {
  const std::uint64_t allocation = big_endian(cdb.subspan(6, 4));
  if (allocation < 16 || cdb[2] > 2) return refuse(kInvalidField);
  Builder out;
  out.u32(8 * luns.size()).u32(0);
  for (const std::uint8_t lun : luns) out.u8(0).u8(lun).zeros(6);  // peripheral addressing
  return out.cut(allocation);
}

}  // namespace storage::scsi
