// Remote NDIS messages as the network VSP and its guest exchange them (spec D.2, [MS-RNDIS]).
// Layout only. Offsets inside a message count from the field behind its header.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vsp::rndis {

enum class Type : std::uint32_t {
  Packet = 1,
  Initialize = 2,
  Halt = 3,
  Query = 4,
  Set = 5,
  Reset = 6,
  Indicate = 7,
  KeepAlive = 8,
  InitializeComplete = 0x80000002,
  QueryComplete = 0x80000004,
  SetComplete = 0x80000005,
  ResetComplete = 0x80000006,
  KeepAliveComplete = 0x80000008,
};

enum class Status : std::uint32_t {
  Success = 0,
  MediaConnect = 0x4001000B,
  MediaDisconnect = 0x4001000C,
  LinkSpeedChange = 0x40010013,
  NetworkChange = 0x40010018,
  Failure = 0xC0000001,
  NotSupported = 0xC00000BB,
  BadVersion = 0xC0010004,
  InvalidLength = 0xC0010014,
  InvalidData = 0xC0010015,
};

enum class Oid : std::uint32_t {
  SupportedList = 0x00010101,
  HardwareStatus = 0x00010102,
  MediaSupported = 0x00010103,
  MediaInUse = 0x00010104,
  MaximumLookahead = 0x00010105,
  MaximumFrameSize = 0x00010106,
  LinkSpeed = 0x00010107,
  TransmitBlockSize = 0x0001010A,
  ReceiveBlockSize = 0x0001010B,
  VendorId = 0x0001010C,
  VendorDescription = 0x0001010D,
  PacketFilter = 0x0001010E,
  CurrentLookahead = 0x0001010F,
  DriverVersion = 0x00010110,
  MaximumTotalSize = 0x00010111,
  MacOptions = 0x00010113,
  MediaConnectStatus = 0x00010114,
  MaximumSendPackets = 0x00010115,
  VendorDriverVersion = 0x00010116,
  NetworkLayerAddresses = 0x00010118,
  ReceiveScaleCapabilities = 0x00010203,
  ReceiveScaleParameters = 0x00010204,
  ConfigParameter = 0x0001021B,
  TransmitOk = 0x00020101,
  ReceiveOk = 0x00020102,
  TransmitError = 0x00020103,
  ReceiveError = 0x00020104,
  ReceiveNoBuffer = 0x00020105,
  FriendlyName = 0x00020216,
  PermanentAddress = 0x01010101,
  CurrentAddress = 0x01010102,
  MulticastList = 0x01010103,
  MaximumListSize = 0x01010104,
  OffloadParameters = 0xFC01020C,
  OffloadHardwareCapabilities = 0xFC01020D,
};

inline constexpr std::uint32_t kMajorVersion = 1;
inline constexpr std::uint32_t kMinorVersion = 0;
inline constexpr std::uint32_t kConnectionless = 1;  ///< InitializeComplete::device_flags
inline constexpr std::uint32_t kMedium8023 = 0;
inline constexpr std::uint32_t kMediaConnected = 0;
inline constexpr std::uint32_t kMediaDisconnected = 1;

/// Packet filter.
inline constexpr std::uint32_t kFilterDirected = 0x01;
inline constexpr std::uint32_t kFilterMulticast = 0x02;
inline constexpr std::uint32_t kFilterAllMulticast = 0x04;
inline constexpr std::uint32_t kFilterBroadcast = 0x08;
inline constexpr std::uint32_t kFilterPromiscuous = 0x20;

struct Header {
  Type type{};
  std::uint32_t length = 0;  ///< of the whole message
};
static_assert(sizeof(Header) == 8);

struct Initialize {
  std::uint32_t request = 0;
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t max_transfer = 0;
};
static_assert(sizeof(Initialize) == 16);

struct InitializeComplete {
  std::uint32_t request = 0;
  Status status{};
  std::uint32_t major = kMajorVersion;
  std::uint32_t minor = kMinorVersion;
  std::uint32_t device_flags = kConnectionless;
  std::uint32_t medium = kMedium8023;
  std::uint32_t max_packets = 0;  ///< RNDIS messages in one packet to the host
  std::uint32_t max_transfer = 0;
  std::uint32_t alignment = 0;  ///< of those messages: a power of two
  std::uint32_t af_list_offset = 0;
  std::uint32_t af_list_bytes = 0;
};
static_assert(sizeof(InitializeComplete) == 44);
static_assert(offsetof(InitializeComplete, alignment) == 32);

/// Query and Set; the information buffer follows where info_offset says.
struct Request {
  std::uint32_t request = 0;
  Oid oid{};
  std::uint32_t info_bytes = 0;
  std::uint32_t info_offset = 0;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(Request) == 20 && offsetof(Request, info_offset) == 12);

struct QueryComplete {
  std::uint32_t request = 0;
  Status status{};
  std::uint32_t info_bytes = 0;
  std::uint32_t info_offset = 0;
};
static_assert(sizeof(QueryComplete) == 16);

/// SetComplete and KeepAliveComplete.
struct Complete {
  std::uint32_t request = 0;
  Status status{};
};
static_assert(sizeof(Complete) == 8);

struct ResetComplete {
  Status status{};
  std::uint32_t addressing_reset = 0;  ///< 1: filters are to be set anew
};
static_assert(sizeof(ResetComplete) == 8);

struct Indicate {
  Status status{};
  std::uint32_t buffer_bytes = 0;
  std::uint32_t buffer_offset = 0;
};
static_assert(sizeof(Indicate) == 12);

struct Packet {
  std::uint32_t data_offset = 0;
  std::uint32_t data_bytes = 0;
  std::uint32_t oob_offset = 0;
  std::uint32_t oob_bytes = 0;
  std::uint32_t oob_elements = 0;
  std::uint32_t info_offset = 0;  ///< per-packet information
  std::uint32_t info_bytes = 0;
  std::uint32_t vc_handle = 0;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(Packet) == 36 && offsetof(Packet, info_offset) == 20);

/// One piece of per-packet information; its value lies value_offset behind its own start.
struct PacketInfo {
  std::uint32_t bytes = 0;
  std::uint32_t type = 0;  ///< the highest bit: internal
  std::uint32_t value_offset = 0;
};
static_assert(sizeof(PacketInfo) == 12);

inline constexpr std::uint32_t kInfoVlan = 6;

/// Value of kInfoVlan: 3 bits priority, 1 bit canonical form, 12 bits VLAN.
struct VlanInfo {
  std::uint32_t bits = 0;
  static constexpr VlanInfo of_tag(std::uint16_t tag) {
    return {static_cast<std::uint32_t>(tag >> 13 | (tag >> 12 & 1) << 3 | (tag & 0xFFF) << 4)};
  }
  /// As the tag has it on the wire.
  constexpr std::uint16_t tag() const {
    return static_cast<std::uint16_t>((bits & 7) << 13 | (bits >> 3 & 1) << 12 |
                                      (bits >> 4 & 0xFFF));
  }
};
static_assert(sizeof(VlanInfo) == 4);

/// What NDIS objects begin with.
struct ObjectHeader {
  std::uint8_t type = 0;
  std::uint8_t revision = 0;
  std::uint16_t bytes = 0;
};
static_assert(sizeof(ObjectHeader) == 4);

inline constexpr std::uint8_t kObjectDefault = 0x80;
inline constexpr std::uint8_t kObjectRssCapabilities = 0x88;
inline constexpr std::uint8_t kObjectOffload = 0xA7;
/// NDIS_OFFLOAD of revision 1: header, checksums, two generations of large sends, IPsec.
inline constexpr std::uint16_t kOffloadBytes = 112;
/// NDIS_RECEIVE_SCALE_CAPABILITIES of revision 2, without padding.
inline constexpr std::uint16_t kRssCapabilitiesBytes = 18;

}  // namespace vsp::rndis
