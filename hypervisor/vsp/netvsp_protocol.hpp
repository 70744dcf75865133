// The network protocol's messages (NVSP) as they lie in a VMBus packet's payload (spec D.2). Layout
// only; what RNDIS messages look like is in rndis_protocol.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "hypervisor/core/generation.hpp"

namespace vsp::nvsp {

enum class Version : std::uint32_t {
  V1 = 0x00002,
  V2 = 0x30002,
  V4 = 0x40000,
  V5 = 0x50000,
  V6 = 0x60000,
  V6_1 = 0x60001,
};

/// The newest version that a host speaks.
constexpr Version newest_version(hv::Generation host) {
  switch (host) {
    case hv::Generation::Ws2008:
    case hv::Generation::Ws2008R2:
      return Version::V1;
    case hv::Generation::Ws2012:
      return Version::V4;
    case hv::Generation::Current:
      break;
  }
  return Version::V6_1;
}

enum class Type : std::uint32_t {
  Init = 1,
  InitComplete = 2,
  SendNdisVersion = 100,
  SendReceiveBuffer = 101,
  SendReceiveBufferComplete = 102,
  RevokeReceiveBuffer = 103,
  SendSendBuffer = 104,
  SendSendBufferComplete = 105,
  RevokeSendBuffer = 106,
  SendRndisPacket = 107,
  SendRndisPacketComplete = 108,
  SendNdisConfig = 125,
  SendVfAssociation = 128,
  SwitchDataPath = 129,
  SubChannel = 133,
  SendIndirectionTable = 134,
};

enum class Status : std::uint32_t {
  None = 0,
  Success = 1,
  Failure = 2,
  ProtocolTooNew = 3,
  ProtocolTooOld = 4,
  InvalidRndisPacket = 5,
  Busy = 6,
  ProtocolUnsupported = 7,
};

inline constexpr std::uint16_t kReceiveBufferId = 0xCAFE;
inline constexpr std::uint16_t kSendBufferId = 0;
inline constexpr std::uint32_t kNoSection = 0xFFFFFFFF;
inline constexpr std::uint32_t kSendSectionBytes = 6144;
inline constexpr std::uint32_t kReceiveSectionBytes = 1728;
/// Ranges that a guest takes in one transfer-page packet.
inline constexpr std::size_t kMaxReceiveRanges = 375;
inline constexpr std::uint32_t kMaxMdlChain = 34;

/// SEND_RNDIS_PACKET: which of the two RNDIS channels.
inline constexpr std::uint32_t kDataChannel = 0;
inline constexpr std::uint32_t kControlChannel = 1;

/// SEND_NDIS_CONFIG capabilities.
inline constexpr std::uint64_t kCapabilitySriov = 1u << 2;
inline constexpr std::uint64_t kCapabilityVlan = 1u << 3;

/// SUBCHANNEL operation.
inline constexpr std::uint32_t kSubChannelAllocate = 1;

struct Init {
  std::uint32_t minimum = 0;
  std::uint32_t maximum = 0;
};
static_assert(sizeof(Init) == 8);

struct InitComplete {
  std::uint32_t negotiated = 0xFFFFFFFF;  ///< deprecated
  std::uint32_t max_mdl_chain = kMaxMdlChain;
  Status status = Status::None;
};
static_assert(sizeof(InitComplete) == 12 && offsetof(InitComplete, status) == 8);

struct NdisVersion {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
};
static_assert(sizeof(NdisVersion) == 8);

/// SEND_RECEIVE_BUFFER and SEND_SEND_BUFFER.
struct SendBuffer {
  std::uint32_t gpadl = 0;
  std::uint16_t id = 0;
  std::uint16_t reserved = 0;
};
static_assert(sizeof(SendBuffer) == 8 && offsetof(SendBuffer, id) == 4);

/// Complete: one run of equal sections.
struct ReceiveBufferComplete {
  Status status = Status::None;
  std::uint32_t section_runs = 0;
  std::uint32_t offset = 0;
  std::uint32_t section_bytes = 0;
  std::uint32_t sections = 0;
  std::uint32_t end_offset = 0;
};
static_assert(sizeof(ReceiveBufferComplete) == 24);
static_assert(offsetof(ReceiveBufferComplete, section_bytes) == 12);

struct SendBufferComplete {
  Status status = Status::None;
  std::uint32_t section_bytes = 0;
};
static_assert(sizeof(SendBufferComplete) == 8);

struct RevokeBuffer {
  std::uint16_t id = 0;
};
static_assert(sizeof(RevokeBuffer) == 2);

struct RndisPacket {
  std::uint32_t channel = kDataChannel;
  std::uint32_t section = kNoSection;
  std::uint32_t section_bytes = 0;  ///< of the message that lie in the section
};
static_assert(sizeof(RndisPacket) == 12);

struct RndisPacketComplete {
  Status status = Status::None;
};
static_assert(sizeof(RndisPacketComplete) == 4);

struct NdisConfig {
  std::uint32_t mtu = 0;  ///< with the Ethernet header
  std::uint32_t reserved = 0;
  std::uint64_t capabilities = 0;
};
static_assert(sizeof(NdisConfig) == 16 && offsetof(NdisConfig, capabilities) == 8);

struct VfAssociation {
  std::uint32_t allocated = 0;
  std::uint32_t serial = 0;
};
static_assert(sizeof(VfAssociation) == 8);

struct SubChannelRequest {
  std::uint32_t operation = 0;
  std::uint32_t count = 0;
};
static_assert(sizeof(SubChannelRequest) == 8);

struct SubChannelComplete {
  Status status = Status::None;
  std::uint32_t count = 0;
};
static_assert(sizeof(SubChannelComplete) == 8);

/// Type and 36 bytes whose meaning depends on it. Up to protocol 6.0 a message ends at 28 bytes;
/// a packet may be shorter when its body is.
struct Message {
  Type type{};
  std::array<std::byte, 36> body{};
};
static_assert(sizeof(Message) == 40 && offsetof(Message, body) == 4);

inline constexpr std::size_t kMessageHead = offsetof(Message, body);
inline constexpr std::size_t kShortMessage = 28;

}  // namespace vsp::nvsp
