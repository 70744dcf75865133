// VMBus control messages as they lie in a SynIC message's payload (spec C.2). Layout only: what
// they mean is in server.cpp and guest/bus.cpp. All fields are little-endian.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace vmbus::protocol {

static_assert(std::endian::native == std::endian::little, "wire structures are little-endian");

/// SynIC message type, interrupt source and connections of the control channel (spec C.1).
inline constexpr std::uint32_t kSynicMessageType = 1;
inline constexpr std::uint8_t kSint = 2;
inline constexpr std::uint32_t kMessageConnection = 1;    ///< versions below 5.0
inline constexpr std::uint32_t kMessageConnectionV5 = 4;  ///< from 5.0
inline constexpr std::uint32_t kEventConnection = 2;      ///< every channel's doorbell in 0.13
/// Where the host's half of an interrupt page begins, in bytes.
inline constexpr std::uint32_t kInterruptPageHalf = 2048;
inline constexpr std::uint32_t kMaxRelid = 2047;  ///< flags of one SIEF slot
inline constexpr std::size_t kMaxMessageBytes = 240;

/// Event connection of a channel: relid and SINT, VTL 0 (spec C.1).
constexpr std::uint32_t event_connection(std::uint32_t relid) {
  return relid | std::uint32_t{kSint} << 12;
}

enum class Type : std::uint32_t {
  OfferChannel = 1,
  RescindChannel = 2,
  RequestOffers = 3,
  AllOffersDelivered = 4,
  OpenChannel = 5,
  OpenChannelResult = 6,
  CloseChannel = 7,
  GpadlHeader = 8,
  GpadlBody = 9,
  GpadlCreated = 10,
  GpadlTeardown = 11,
  GpadlTorndown = 12,
  RelidReleased = 13,
  InitiateContact = 14,
  VersionResponse = 15,
  Unload = 16,
  UnloadResponse = 17,
  TlConnectRequest = 21,
  ModifyChannel = 22,
  TlConnectResult = 23,
  ModifyChannelResponse = 24,
};

/// NTSTATUS values of answers.
inline constexpr std::uint32_t kSuccess = 0;
inline constexpr std::uint32_t kUnsuccessful = 0xC0000001;
inline constexpr std::uint32_t kConnectionRefused = 0xC0000236;

inline constexpr std::uint16_t kOfferEnumerateInterface = 0x0001;
inline constexpr std::uint16_t kOfferNamedPipe = 0x0010;
inline constexpr std::uint32_t kPipeModeMessage = 4;

struct Header {
  Type type{};
  std::uint32_t padding = 0;
};
static_assert(sizeof(Header) == 8);

struct OfferChannel {
  Header header{Type::OfferChannel};
  std::array<std::byte, 16> interface_id{};
  std::array<std::byte, 16> instance_id{};
  std::array<std::byte, 16> reserved{};
  std::uint16_t flags = 0;
  std::uint16_t mmio_megabytes = 0;
  std::array<std::byte, 120> user_defined{};
  std::uint16_t sub_channel_index = 0;
  std::uint16_t mmio_megabytes_optional = 0;
  std::uint32_t relid = 0;
  std::uint8_t monitor_id = 0;
  std::uint8_t monitor_allocated = 0;
  std::uint16_t is_dedicated_interrupt = 0;
  std::uint32_t connection_id = 0;
};
static_assert(sizeof(OfferChannel) == 196);
static_assert(offsetof(OfferChannel, flags) == 56);
static_assert(offsetof(OfferChannel, user_defined) == 60);
static_assert(offsetof(OfferChannel, sub_channel_index) == 180);
static_assert(offsetof(OfferChannel, relid) == 184);
static_assert(offsetof(OfferChannel, is_dedicated_interrupt) == 190);
static_assert(offsetof(OfferChannel, connection_id) == 192);

/// RESCIND, CLOSECHANNEL and RELID_RELEASED.
struct RelidMessage {
  Header header{};
  std::uint32_t relid = 0;
};
static_assert(sizeof(RelidMessage) == 12);

struct OpenChannel {
  Header header{Type::OpenChannel};
  std::uint32_t relid = 0;
  std::uint32_t open_id = 0;
  std::uint32_t ring_gpadl = 0;
  std::uint32_t target_vp = 0;
  std::uint32_t downstream_page = 0;  ///< first page of the host-to-guest ring
  std::array<std::byte, 120> user_data{};
};
static_assert(sizeof(OpenChannel) == 148);
static_assert(offsetof(OpenChannel, downstream_page) == 24);
static_assert(offsetof(OpenChannel, user_data) == 28);

struct OpenChannelResult {
  Header header{Type::OpenChannelResult};
  std::uint32_t relid = 0;
  std::uint32_t open_id = 0;
  std::uint32_t status = 0;
};
static_assert(sizeof(OpenChannelResult) == 20);

/// The fixed part; the range buffer follows at 20: {byte_count u32, byte_offset u32, pfn u64[]}.
struct GpadlHeader {
  Header header{Type::GpadlHeader};
  std::uint32_t relid = 0;
  std::uint32_t gpadl = 0;
  std::uint16_t range_bytes = 0;  ///< of the whole range buffer, bodies included
  std::uint16_t range_count = 0;
};
static_assert(sizeof(GpadlHeader) == 20);

/// The fixed part; PFNs follow at 16. `number` is not filled in by Linux (spec C.4).
struct GpadlBody {
  Header header{Type::GpadlBody};
  std::uint32_t number = 0;
  std::uint32_t gpadl = 0;
};
static_assert(sizeof(GpadlBody) == 16);

/// Words of a range buffer that fit into the two messages.
inline constexpr std::size_t kHeaderWords = (kMaxMessageBytes - sizeof(GpadlHeader)) / 8;
inline constexpr std::size_t kBodyWords = (kMaxMessageBytes - sizeof(GpadlBody)) / 8;
static_assert(kHeaderWords == 27 && kBodyWords == 28, "26 PFNs and the range, then 28 PFNs");

struct GpadlCreated {
  Header header{Type::GpadlCreated};
  std::uint32_t relid = 0;
  std::uint32_t gpadl = 0;
  std::uint32_t status = 0;
};
static_assert(sizeof(GpadlCreated) == 20);

struct GpadlTeardown {
  Header header{Type::GpadlTeardown};
  std::uint32_t relid = 0;
  std::uint32_t gpadl = 0;
};
static_assert(sizeof(GpadlTeardown) == 16);

struct GpadlTorndown {
  Header header{Type::GpadlTorndown};
  std::uint32_t gpadl = 0;
};
static_assert(sizeof(GpadlTorndown) == 12);

struct InitiateContact {
  Header header{Type::InitiateContact};
  std::uint32_t version = 0;
  std::uint32_t target_vp = 0;
  /// Below 5.0 the GPA of the interrupt page; from 5.0 SINT in bits 7:0 and VTL in bits 15:8.
  std::uint64_t interrupt_page_or_target = 0;
  std::uint64_t monitor_to_guest = 0;
  std::uint64_t monitor_to_host = 0;
};
static_assert(sizeof(InitiateContact) == 40);
static_assert(offsetof(InitiateContact, interrupt_page_or_target) == 16);

struct VersionResponse {
  Header header{Type::VersionResponse};
  std::uint8_t supported = 0;
  std::uint8_t connection_state = 0;
  std::uint16_t reserved = 0;
  std::uint32_t version_or_connection = 0;  ///< from 5.0 the connection for further messages
};
static_assert(sizeof(VersionResponse) == 16);

/// Moves an open channel's interrupts to another processor (from 4.1).
struct ModifyChannel {
  Header header{Type::ModifyChannel};
  std::uint32_t relid = 0;
  std::uint32_t target_vp = 0;
};
static_assert(sizeof(ModifyChannel) == 16);

/// Only from 5.3; guests of before do not wait for an answer.
struct ModifyChannelResponse {
  Header header{Type::ModifyChannelResponse};
  std::uint32_t relid = 0;
  std::uint32_t status = 0;
};
static_assert(sizeof(ModifyChannelResponse) == 16);

/// Asks for a socket to a service of the host (from 4.0).
struct TlConnectRequest {
  Header header{Type::TlConnectRequest};
  std::array<std::byte, 16> endpoint{};
  std::array<std::byte, 16> service{};
};
static_assert(sizeof(TlConnectRequest) == 40);

struct TlConnectResult {
  Header header{Type::TlConnectResult};
  std::array<std::byte, 16> endpoint{};
  std::array<std::byte, 16> service{};
  std::uint32_t status = 0;
};
static_assert(sizeof(TlConnectResult) == 44);
static_assert(offsetof(TlConnectResult, status) == 40);

/// The structure at the start of a payload; nothing when the payload is too short for it.
template <class T>
std::optional<T> parse(std::span<const std::byte> payload) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (payload.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, payload.data(), sizeof(T));
  return value;
}

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace vmbus::protocol
