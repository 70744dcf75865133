// Integration component messages as they lie in a VMBus packet's payload, behind the pipe header
// (spec C.6, D.3). Layout only.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

#include "hypervisor/vmbus/packet_format.hpp"

namespace vsp::icmsg {

struct Version {
  std::uint16_t major = 0;
  std::uint16_t minor = 0;
  friend constexpr auto operator<=>(const Version&, const Version&) = default;
  constexpr std::uint32_t number() const { return std::uint32_t{major} << 16 | minor; }
};

enum class Type : std::uint16_t {
  Negotiate = 0,
  Heartbeat = 1,
  KeyValue = 2,
  Shutdown = 3,
  TimeSync = 4,
  Vss = 5,
};

inline constexpr std::uint8_t kTransaction = 1;
inline constexpr std::uint8_t kRequest = 2;
inline constexpr std::uint8_t kResponse = 4;

struct Header {
  Version framework;
  Type type{};
  Version message;
  std::uint16_t bytes = 0;  ///< of what follows the header
  std::uint32_t status = 0;
  std::uint8_t transaction = 0;
  std::uint8_t flags = 0;
  std::uint16_t reserved = 0;
};
static_assert(sizeof(Header) == 20);
static_assert(offsetof(Header, type) == 4);
static_assert(offsetof(Header, message) == 6);
static_assert(offsetof(Header, bytes) == 10);
static_assert(offsetof(Header, status) == 12);
static_assert(offsetof(Header, transaction) == 16);

/// Counts of the version pairs that follow: first frameworks, then messages.
struct Negotiate {
  std::uint16_t framework_count = 0;
  std::uint16_t message_count = 0;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(Negotiate) == 8);

struct Heartbeat {
  std::uint64_t sequence = 0;
  std::uint64_t reserved[4] = {};
};
static_assert(sizeof(Heartbeat) == 40);

/// HRESULTs of answers.
inline constexpr std::uint32_t kOk = 0;
inline constexpr std::uint32_t kFailed = 0x80004005;
inline constexpr std::uint32_t kNoMoreItems = 0x80070103;

// -- time synchronization --
inline constexpr std::uint8_t kTimeSync = 1;
inline constexpr std::uint8_t kTimeSample = 2;

/// Up to version 3.0; the guest reads 25 bytes.
#pragma pack(push, 1)
struct TimeSyncOld {
  std::uint64_t parent_time = 0;  ///< 100 ns since 1601
  std::uint64_t child_time = 0;
  std::uint64_t round_trip = 0;
  std::uint8_t flags = 0;
};
static_assert(sizeof(TimeSyncOld) == 25);

/// From version 4.0 on.
struct TimeSync {
  std::uint64_t parent_time = 0;
  std::uint64_t reference_time = 0;  ///< of the VM, when parent_time was read
  std::uint8_t flags = 0;
  std::uint8_t leap = 0;
  std::uint8_t stratum = 0;
  std::uint8_t reserved[3] = {};
};
static_assert(sizeof(TimeSync) == 22);
#pragma pack(pop)

// -- shutdown --
inline constexpr std::uint32_t kShutdownForce = 1;
inline constexpr std::uint32_t kShutdownRestart = 2;
inline constexpr std::uint32_t kShutdownHibernate = 4;

struct Shutdown {
  std::uint32_t reason = 0;
  std::uint32_t timeout_seconds = 0;
  std::uint32_t flags = 0;
  std::array<std::byte, 2048> message{};  ///< UTF-16
};
static_assert(sizeof(Shutdown) == 2060);

// -- key-value pairs --
enum class KvpOperation : std::uint8_t { Get, Set, Delete, Enumerate, GetIp, SetIp };
inline constexpr std::size_t kKvpKeyBytes = 512;
inline constexpr std::size_t kKvpValueBytes = 2048;

struct KvpHeader {
  KvpOperation operation{};
  std::uint8_t pool = 0;
  std::uint16_t reserved = 0;
};
static_assert(sizeof(KvpHeader) == 4);

/// Sizes in bytes, the terminating zero included.
struct KvpValue {
  std::uint32_t type = 0;
  std::uint32_t key_bytes = 0;
  std::uint32_t value_bytes = 0;
  std::array<std::byte, kKvpKeyBytes> key{};
  std::array<std::byte, kKvpValueBytes> value{};
};
static_assert(sizeof(KvpValue) == 2572);

/// Get and Set: the value at 4. Enumerate: the index at 4, the value at 8. Delete: this at 4.
struct KvpKey {
  std::uint32_t key_bytes = 0;
  std::array<std::byte, kKvpKeyBytes> key{};
};
static_assert(sizeof(KvpKey) == 516);

/// Bytes of every request: the longest of them.
inline constexpr std::size_t kKvpBytes = sizeof(KvpHeader) + 4 + sizeof(KvpValue);

// -- volume shadow copies --
enum class VssOperation : std::uint8_t {
  Create,
  Delete,
  HotBackup,
  GetDmInfo,
  BackupComplete,
  Freeze,
  Thaw,
  AutoRecover,
};
inline constexpr std::uint32_t kVssNoAutoRecovery = 0x5;

struct Vss {
  VssOperation operation{};
  std::array<std::uint8_t, 7> reserved{};
  std::uint32_t flags = 0;
};
static_assert(sizeof(Vss) == 12);

}  // namespace vsp::icmsg
