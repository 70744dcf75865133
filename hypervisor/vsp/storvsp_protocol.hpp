// The storage protocol's packets as they lie in a VMBus packet's payload (spec D.1). Layout only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace vsp::protocol {

enum class Operation : std::uint32_t {
  CompleteIo = 1,
  RemoveDevice = 2,
  ExecuteSrb = 3,
  ResetLun = 4,
  ResetAdapter = 5,
  ResetBus = 6,
  BeginInitialization = 7,
  EndInitialization = 8,
  QueryProtocolVersion = 9,
  QueryProperties = 10,
  EnumerateBus = 11,
  FchbaData = 12,
  CreateSubChannels = 13,
};

/// NTSTATUS values in StoragePacket::status.
inline constexpr std::uint32_t kSuccess = 0;
inline constexpr std::uint32_t kInvalidDeviceRequest = 0xC0000010;
inline constexpr std::uint32_t kRevisionMismatch = 0xC0000059;
inline constexpr std::uint32_t kInvalidDeviceState = 0xC0000184;

inline constexpr std::uint32_t kRequestCompletion = 1;  ///< StoragePacket::flags

/// SRB status, with its flag bits.
inline constexpr std::uint8_t kSrbSuccess = 1;
inline constexpr std::uint8_t kSrbAborted = 2;
inline constexpr std::uint8_t kSrbError = 4;
inline constexpr std::uint8_t kSrbInvalidRequest = 6;
inline constexpr std::uint8_t kSrbDataOverrun = 0x12;
inline constexpr std::uint8_t kSrbInvalidLun = 0x20;
inline constexpr std::uint8_t kSrbAutosenseValid = 0x80;

/// ScsiRequest::data_in.
inline constexpr std::uint8_t kDataToDevice = 0;
inline constexpr std::uint8_t kDataFromDevice = 1;
inline constexpr std::uint8_t kDataNone = 2;

inline constexpr std::size_t kSenseBytes = 20;

struct ScsiRequest {
  std::uint16_t length = 0;
  std::uint8_t srb_status = 0;
  std::uint8_t scsi_status = 0;
  std::uint8_t port = 0;
  std::uint8_t path = 0;
  std::uint8_t target = 0;
  std::uint8_t lun = 0;
  std::uint8_t cdb_length = 0;
  std::uint8_t sense_info_length = 0;
  std::uint8_t data_in = 0;
  std::uint8_t reserved = 0;
  std::uint32_t data_transfer_length = 0;
  std::array<std::uint8_t, kSenseBytes> cdb_or_sense{};  ///< a CDB takes the first 16
  // From Windows 8 on (spec D.1).
  std::uint16_t reserve = 0;
  std::uint8_t queue_tag = 0;
  std::uint8_t queue_action = 0;
  std::uint32_t srb_flags = 0;
  std::uint32_t time_out = 0;
  std::uint32_t queue_sort_key = 0;
};
static_assert(sizeof(ScsiRequest) == 52);
static_assert(offsetof(ScsiRequest, data_transfer_length) == 12);
static_assert(offsetof(ScsiRequest, cdb_or_sense) == 16);
static_assert(offsetof(ScsiRequest, reserve) == 36);
static_assert(offsetof(ScsiRequest, queue_sort_key) == 48);

struct ProtocolVersion {
  std::uint16_t major_minor = 0;
  std::uint16_t revision = 0;
};
static_assert(sizeof(ProtocolVersion) == 4);

struct ChannelProperties {
  std::uint32_t reserved = 0;
  std::uint16_t max_channel_count = 0;
  std::uint16_t reserved1 = 0;
  std::uint32_t flags = 0;
  std::uint32_t max_transfer_bytes = 0;
  std::uint64_t reserved2 = 0;
};
static_assert(sizeof(ChannelProperties) == 24);
static_assert(offsetof(ChannelProperties, max_transfer_bytes) == 12);

/// 64 bytes: {operation, flags, status} and 52 bytes whose meaning depends on the operation.
struct StoragePacket {
  Operation operation{};
  std::uint32_t flags = 0;
  std::uint32_t status = 0;
  std::array<std::byte, 52> body{};
};
static_assert(sizeof(StoragePacket) == 64);
static_assert(offsetof(StoragePacket, body) == 12);

/// Without a body; a packet may be as short as this when its operation has none. SRBs of protocols
/// up to 4.2 end at 36 bytes.
inline constexpr std::size_t kPacketHead = offsetof(StoragePacket, body);
inline constexpr std::size_t kShortSrb = 36;

}  // namespace vsp::protocol
