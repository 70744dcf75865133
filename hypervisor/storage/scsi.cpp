#include "hypervisor/storage/scsi.hpp"

#include <algorithm>
#include <string_view>

namespace storage::scsi {
namespace {

constexpr std::string_view kVendor = "Msft    ";
constexpr std::string_view kProduct = "Virtual Disk    ";
constexpr std::string_view kRevision = "1.0 ";
constexpr std::uint32_t kBlockBytes = 512;

std::uint64_t big_endian(std::span<const std::uint8_t> bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

/// Builds answers: bytes in the order of the standard's tables.
class Builder {
 public:
  Builder& u8(std::uint64_t value) { return be(value, 1); }
  Builder& u16(std::uint64_t value) { return be(value, 2); }
  Builder& u32(std::uint64_t value) { return be(value, 4); }
  Builder& u64(std::uint64_t value) { return be(value, 8); }
  Builder& zeros(std::size_t count) {
    data_.resize(data_.size() + count);
    return *this;
  }
  Builder& text(std::string_view value) {
    for (const char c : value) data_.push_back(static_cast<std::byte>(c));
    return *this;
  }
  Answer cut(std::uint64_t allocation) {
    data_.resize(std::min<std::uint64_t>(data_.size(), allocation));
    return {std::nullopt, std::move(data_)};
  }

 private:
  Builder& be(std::uint64_t value, unsigned bytes) {
    while (bytes-- > 0) data_.push_back(static_cast<std::byte>(value >> (8 * bytes) & 0xFF));
    return *this;
  }
  std::vector<std::byte> data_;
};

Answer refuse(Sense sense) { return {sense, {}}; }

/// Command block length by opcode group (SPC-3 4.3.3).
std::size_t length_of(std::uint8_t opcode) {
  switch (opcode >> 5) {
    case 0:
      return 6;
    case 1:
    case 2:
      return 10;
    case 4:
      return 16;
    case 5:
      return 12;
    default:
      return 16;
  }
}

std::string serial_of(const Unit& unit) {
  std::string text = std::to_string(unit.number);
  return std::string(8 - std::min<std::size_t>(text.size(), 8), '0') + text;
}

/// NAA 6: a Microsoft OUI and the disk's number.
std::uint64_t naa_low(const Unit& unit) { return unit.number; }

Answer vital_product_data(std::uint8_t page, const Unit& unit, std::uint64_t allocation) {
  Builder out;
  switch (page) {
    case 0x00:  // supported pages
      out.u8(0).u8(page).u16(3).u8(0x00).u8(0x80).u8(0x83);
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
    default:
      return refuse(kInvalidField);
  }
  return out.cut(allocation);
}

Answer inquiry(std::span<const std::uint8_t> cdb, const Unit& unit) {
  const bool vital = (cdb[1] & 1) != 0;
  const std::uint64_t allocation = big_endian(cdb.subspan(3, 2));
  if (vital) return vital_product_data(cdb[2], unit, allocation);
  if (cdb[2] != 0) return refuse(kInvalidField);
  Builder out;
  // Direct-access device, SPC-3, response format 2, HISUP, 31 more bytes, CMDQUE.
  out.u8(0).u8(0).u8(5).u8(0x12).u8(31).u8(0).u8(0).u8(0x02);
  out.text(kVendor).text(kProduct).text(kRevision);
  return out.cut(allocation);
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

}  // namespace

std::array<std::uint8_t, 18> Sense::bytes() const {
  std::array<std::uint8_t, 18> out{};
  out[0] = 0x70;  // current error, fixed format
  out[2] = key;
  out[7] = 10;  // bytes that follow
  out[12] = code;
  out[13] = qualifier;
  return out;
}

std::optional<Command> parse(std::span<const std::uint8_t> cdb) {
  if (cdb.empty() || cdb.size() < length_of(cdb[0])) return std::nullopt;
  Command command;
  command.opcode = static_cast<Opcode>(cdb[0]);
  switch (command.opcode) {
    case Opcode::Read10:
    case Opcode::Write10:
    case Opcode::SynchronizeCache10:
      command.lba = big_endian(cdb.subspan(2, 4));
      command.blocks = static_cast<std::uint32_t>(big_endian(cdb.subspan(7, 2)));
      break;
    case Opcode::Read16:
    case Opcode::Write16:
    case Opcode::SynchronizeCache16:
      command.lba = big_endian(cdb.subspan(2, 8));
      command.blocks = static_cast<std::uint32_t>(big_endian(cdb.subspan(10, 4)));
      break;
    default:
      return command;
  }
  command.force_unit_access = (cdb[1] & 0x08) != 0;
  switch (command.opcode) {
    case Opcode::Read10:
    case Opcode::Read16:
      command.kind = Kind::Read;
      break;
    case Opcode::Write10:
    case Opcode::Write16:
      command.kind = Kind::Write;
      break;
    default:
      command.kind = Kind::Flush;
      command.force_unit_access = false;
      break;
  }
  return command;
}

Answer answer_control(std::span<const std::uint8_t> cdb, const Unit& unit) {
  switch (static_cast<Opcode>(cdb[0])) {
    case Opcode::TestUnitReady:
      return {};
    case Opcode::RequestSense: {
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

Answer report_luns(std::span<const std::uint8_t> cdb, std::span<const std::uint8_t> luns) {
  const std::uint64_t allocation = big_endian(cdb.subspan(6, 4));
  if (allocation < 16 || cdb[2] > 2) return refuse(kInvalidField);
  Builder out;
  out.u32(8 * luns.size()).u32(0);
  for (const std::uint8_t lun : luns) out.u8(0).u8(lun).zeros(6);  // peripheral addressing
  return out.cut(allocation);
}

}  // namespace storage::scsi
