#include "traces/pcapng.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "traces/assert.hpp"

namespace traces {

namespace {

// Block types, option codes and constants, by the names of the format's description.
constexpr std::uint32_t kSectionHeader = 0x0A0D0D0A;
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint32_t kByteOrderMagic = 0x1A2B3C4D;
constexpr std::uint16_t kLinkTypeEthernet = 1;
constexpr std::uint32_t kNoSnapLength = 0;

constexpr std::uint16_t kOptEnd = 0, kOptComment = 1;
constexpr std::uint16_t kShbUserAppl = 4;
constexpr std::uint16_t kIfName = 2, kIfDescription = 3, kIfMacAddr = 6, kIfTsResol = 9,
                        kIfHardware = 15;
constexpr std::uint16_t kEpbFlags = 2;
constexpr std::byte kNanoseconds{9};  // 10^-9 s

/// Everything in a block is padded to 32 bits.
void pad(ByteWriter& to) {
  while (to.bytes().size() % 4 != 0) to.put<std::uint8_t>(0);
}

void put_option(ByteWriter& to, std::uint16_t code, std::span<const std::byte> value) {
  to.put(code);
  to.put(static_cast<std::uint16_t>(value.size()));
  to.raw(value);
  pad(to);
}

/// An option says its length in 16 bits; an empty text says nothing and is left out.
void put_option(ByteWriter& to, std::uint16_t code, std::string_view text) {
  if (text.empty()) return;
  put_option(to, code,
             std::as_bytes(std::span(text)).first(std::min<std::size_t>(text.size(), 0xFFFF)));
}

void end_options(ByteWriter& to) {
  to.put(kOptEnd);
  to.put<std::uint16_t>(0);
}

}  // namespace

PcapngWriter::PcapngWriter(Output output, std::string_view application)
    : output_(std::move(output)) {
  ByteWriter body;
  body.put(kByteOrderMagic);
  body.put<std::uint16_t>(1);  // version 1.0
  body.put<std::uint16_t>(0);
  body.put<std::int64_t>(-1);  // the section ends with the file
  put_option(body, kShbUserAppl, application);
  end_options(body);
  put_block(kSectionHeader, body);
}

std::uint32_t PcapngWriter::add(const PcapngInterface& interface) {
  ByteWriter body;
  body.put(kLinkTypeEthernet);
  body.put<std::uint16_t>(0);
  body.put(kNoSnapLength);
  put_option(body, kIfName, interface.name);
  put_option(body, kIfDescription, interface.description);
  std::array<std::byte, 6> mac{};
  for (std::size_t i = 0; i < mac.size(); ++i) {
    mac[i] = static_cast<std::byte>(interface.mac >> 8 * (mac.size() - 1 - i) & 0xFF);
  }
  put_option(body, kIfMacAddr, mac);
  put_option(body, kIfTsResol, std::span(&kNanoseconds, 1));
  put_option(body, kIfHardware, interface.hardware);
  end_options(body);
  put_block(kInterfaceDescription, body);
  return interfaces_++;
}

void PcapngWriter::add(const PcapngPacket& packet) {
  HVSIM_ASSERT(packet.interface < interfaces_, "a packet comes after its interface");
  const auto time = static_cast<std::uint64_t>(packet.time.ns);
  const auto bytes = static_cast<std::uint32_t>(packet.data.size());
  ByteWriter body;
  body.put(packet.interface);
  body.put(static_cast<std::uint32_t>(time >> 32));
  body.put(static_cast<std::uint32_t>(time));
  body.put(bytes);  // captured
  body.put(bytes);  // as it was on the wire
  body.raw(packet.data);
  pad(body);
  put_option(body, kOptComment, packet.comment);
  ByteWriter flags;
  flags.put(packet.direction);
  put_option(body, kEpbFlags, flags.bytes());
  end_options(body);
  put_block(kEnhancedPacket, body);
}

/// A block says its length at both ends, so that a reader can go backwards too.
void PcapngWriter::put_block(std::uint32_t type, const ByteWriter& body) {
  constexpr std::size_t kAround = 3 * sizeof(std::uint32_t);
  const auto length = static_cast<std::uint32_t>(body.bytes().size() + kAround);
  ByteWriter block;
  block.put(type);
  block.put(length);
  block.raw(body.bytes());
  block.put(length);
  output_(block.bytes());
}

}  // namespace traces
