#include "checkers/guest_packets.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

#include "checkers/little_endian.hpp"

namespace checkers {

namespace {

constexpr std::uint32_t kPage = 4096;

std::uint64_t big_endian(const Cdb& cdb, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = at; i < at + count; ++i) value = value << 8 | cdb[i];
  return value;
}

/// Without the trailer; empty when there is no such packet.
std::vector<std::byte> bytes_of(const WatchedRing& ring, std::uint32_t index) {
  if (ring.data.empty() || index >= ring.size) return {};
  const RingPacket packet = ring.packet_at(index);
  if (!packet.shape_valid() || packet.bytes() > ring.size) return {};
  std::vector<std::byte> bytes(packet.bytes() - kPacketTrailer);
  ring.copy(index, bytes);
  return bytes;
}

}  // namespace

std::vector<PagePart> lent_by(const WatchedRing& ring, std::uint32_t index) {
  const std::vector<std::byte> bytes = bytes_of(ring, index);
  constexpr std::size_t kRanges = 24;
  if (bytes.size() < kRanges || load<std::uint16_t>(bytes, 0) != packet_type::kGpaDirect) return {};
  const std::size_t end =
      std::min<std::size_t>(bytes.size(), std::size_t{load<std::uint16_t>(bytes, 2)} * 8);
  std::vector<PagePart> parts;
  std::size_t at = kRanges;
  for (std::uint32_t left = load<std::uint32_t>(bytes, 20); left != 0; --left) {
    if (at + 8 > end) return {};
    std::uint64_t count = load<std::uint32_t>(bytes, at);
    std::uint32_t offset = load<std::uint32_t>(bytes, at + 4);
    if (count == 0 || offset >= kPage) return {};
    for (at += 8; count != 0; at += 8) {
      if (at + 8 > end) return {};
      const auto part = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, kPage - offset));
      parts.push_back({load<std::uint64_t>(bytes, at), offset, offset + part});
      count -= part;
      offset = 0;
    }
  }
  return parts;
}

BlockCommand parse_cdb(const Cdb& cdb) {
  using Kind = BlockCommand::Kind;
  constexpr std::uint32_t kAllOfSix = 256;  // what a block count of 0 means in six bytes
  const auto command = [&](Kind kind, std::size_t lba, std::size_t bytes, std::size_t blocks,
                           std::size_t width) {
    return BlockCommand{kind, big_endian(cdb, lba, bytes),
                        static_cast<std::uint32_t>(big_endian(cdb, blocks, width))};
  };
  switch (cdb[0]) {
    case 0x08:
    case 0x0A:
      return {cdb[0] == 0x08 ? Kind::Read : Kind::Write, big_endian(cdb, 1, 3) & 0x1FFFFF,
              cdb[4] == 0 ? kAllOfSix : cdb[4]};
    case 0x28:
      return command(Kind::Read, 2, 4, 7, 2);
    case 0x2A:
      return command(Kind::Write, 2, 4, 7, 2);
    case 0xA8:
      return command(Kind::Read, 2, 4, 6, 4);
    case 0xAA:
      return command(Kind::Write, 2, 4, 6, 4);
    case 0x88:
      return command(Kind::Read, 2, 8, 10, 4);
    case 0x8A:
      return command(Kind::Write, 2, 8, 10, 4);
    case 0x35:
    case 0x91:
      return {Kind::Flush, 0, 0};
    default:
      return {};
  }
}

std::optional<Cdb> cdb_of(const WatchedRing& ring, std::uint32_t index) {
  const std::vector<std::byte> bytes = bytes_of(ring, index);
  constexpr std::size_t kCdb = 28;  // operation, flags, status, and 16 bytes of SRB before it
  constexpr std::uint32_t kExecuteSrb = 3;
  if (bytes.size() < 4) return std::nullopt;
  const std::size_t start = std::size_t{load<std::uint16_t>(bytes, 2)} * 8;
  Cdb cdb;
  if (start + kCdb + cdb.size() > bytes.size()) return std::nullopt;
  if (load<std::uint32_t>(bytes, start) != kExecuteSrb) return std::nullopt;
  for (std::size_t i = 0; i < cdb.size(); ++i) {
    cdb[i] = std::to_integer<std::uint8_t>(bytes[start + kCdb + i]);
  }
  return cdb;
}

}  // namespace checkers
