#include "hypervisor/storage/scsi.hpp"

#include "hypervisor/storage/scsi_bytes.hpp"

namespace storage::scsi {
namespace {

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

namespace {

/// LBA and count where the length of the command block has them (SBC-3 5).
void take_blocks(Command& command, std::span<const std::uint8_t> cdb) {
  const auto at = [&](std::size_t lba, std::size_t lba_bytes, std::size_t count,
                      std::size_t count_bytes) {
    command.lba = big_endian(cdb.subspan(lba, lba_bytes));
    command.blocks = static_cast<std::uint32_t>(big_endian(cdb.subspan(count, count_bytes)));
  };
  constexpr std::uint64_t kShortLba = 0x1FFFFF;
  constexpr std::uint32_t kShortAll = 256;  // what a count of 0 means in six bytes
  switch (length_of(cdb[0])) {
    case 6:
      at(1, 3, 4, 1);
      command.lba &= kShortLba;
      if (command.blocks == 0) command.blocks = kShortAll;
      break;
    case 10:
      at(2, 4, 7, 2);
      break;
    case 12:
      at(2, 4, 6, 4);
      break;
    default:
      at(2, 8, 10, 4);
      break;
  }
}

Kind kind_of(Opcode opcode) {
  switch (opcode) {
    case Opcode::Read6:
    case Opcode::Read10:
    case Opcode::Read12:
    case Opcode::Read16:
      return Kind::Read;
    case Opcode::Write6:
    case Opcode::Write10:
    case Opcode::Write12:
    case Opcode::Write16:
      return Kind::Write;
    case Opcode::SynchronizeCache10:
    case Opcode::SynchronizeCache16:
      return Kind::Flush;
    case Opcode::Verify10:
    case Opcode::Verify16:
      return Kind::Verify;
    default:
      return Kind::Control;
  }
}

}  // namespace

std::optional<Command> parse(std::span<const std::uint8_t> cdb) {
  if (cdb.empty() || cdb.size() < length_of(cdb[0])) return std::nullopt;
  Command command;
  command.opcode = static_cast<Opcode>(cdb[0]);
  command.kind = kind_of(command.opcode);
  if (command.kind == Kind::Control) return command;
  take_blocks(command, cdb);
  constexpr std::uint8_t kForceUnitAccess = 0x08;
  const bool transfer = command.kind == Kind::Read || command.kind == Kind::Write;
  command.force_unit_access =
      transfer && length_of(cdb[0]) != 6 && (cdb[1] & kForceUnitAccess) != 0;
  // VERIFY with data to compare is another command; this disk has not got it.
  constexpr std::uint8_t kByteCheck = 0x06;
  if (command.kind == Kind::Verify && (cdb[1] & kByteCheck) != 0) command.kind = Kind::Control;
  return command;
}

}  // namespace storage::scsi
