// Packets as they lie in a ring (spec C.6). Layout only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vmbus::protocol {

struct PacketDescriptor {
  std::uint16_t type = 0;
  std::uint16_t offset8 = 0;  ///< start of the payload, in 8-byte units
  std::uint16_t length8 = 0;  ///< of descriptor and payload, in 8-byte units
  std::uint16_t flags = 0;
  std::uint64_t transaction = 0;
};
static_assert(sizeof(PacketDescriptor) == 16 && offsetof(PacketDescriptor, transaction) == 8);

inline constexpr std::uint16_t kCompletionRequested = 1;

/// Behind the descriptor of a GPA-direct packet; ranges follow at 24.
struct GpaDirectHeader {
  std::uint32_t reserved = 0;
  std::uint32_t range_count = 0;
};
static_assert(sizeof(GpaDirectHeader) == 8);

/// Behind the descriptor of a transfer-page packet; {byte_count, byte_offset} pairs follow at 24.
struct TransferPagesHeader {
  std::uint16_t pageset = 0;
  std::uint8_t sender_owns_set = 0;
  std::uint8_t reserved = 0;
  std::uint32_t range_count = 0;
};
static_assert(sizeof(TransferPagesHeader) == 8);

/// Behind every packet: the writer's index at which it started.
struct PacketTrailer {
  std::uint32_t reserved = 0;
  std::uint32_t start = 0;
};
static_assert(sizeof(PacketTrailer) == 8);

inline constexpr std::uint32_t kTrailerBytes = sizeof(PacketTrailer);

/// Framing of packets on pipe channels.
struct PipeHeader {
  std::uint32_t type = 1;
  std::uint32_t bytes = 0;
};
static_assert(sizeof(PipeHeader) == 8);

}  // namespace vmbus::protocol
