// pcapng: how captured packets are kept in a file that Wireshark, tshark and tcpdump read
// (draft-ietf-opsawg-pcapng). One section; Ethernet interfaces; times in nanoseconds.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "traces/bytes.hpp"
#include "traces/time.hpp"

namespace traces {

enum class PacketDirection : std::uint32_t { Inbound = 1, Outbound = 2 };

struct PcapngInterface {
  std::string name;
  std::string description;
  std::string hardware;
  std::uint64_t mac = 0;  ///< 48 bits, the first byte on the wire is the highest
};

struct PcapngPacket {
  std::uint32_t interface = 0;
  Time time{};
  PacketDirection direction = PacketDirection::Inbound;
  std::span<const std::byte> data;
  std::string_view comment{};
};

class PcapngWriter {
 public:
  /// Takes the bytes of a file, block by block.
  using Output = std::function<void(std::span<const std::byte>)>;

  /// The section begins. `application` is who wrote the file.
  PcapngWriter(Output output, std::string_view application);

  /// An interface of this section; returns its number. Packets come after their interface.
  std::uint32_t add(const PcapngInterface& interface);
  void add(const PcapngPacket& packet);

 private:
  void put_block(std::uint32_t type, const ByteWriter& body);

  Output output_;
  std::uint32_t interfaces_ = 0;
};

}  // namespace traces
