// Ring buffers between guest and host (spec C.5) and the packets in them (C.6). The same rules
// serve both sides: a RingWriter produces, a RingReader consumes, over whatever memory carries the
// pages. Content is untrusted: a reader never believes an index or a length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace vmbus {

/// Offsets in the ring's header page.
namespace ring_header {
inline constexpr std::uint32_t kWriteIndex = 0;
inline constexpr std::uint32_t kReadIndex = 4;
inline constexpr std::uint32_t kInterruptMask = 8;
inline constexpr std::uint32_t kPendingSendSize = 12;
inline constexpr std::uint32_t kFeatureBits = 64;  ///< bit 0: pending_send_sz is supported
}  // namespace ring_header

enum class PacketType : std::uint16_t {
  DataInband = 6,
  DataUsingTransferPages = 7,
  DataUsingGpaDirect = 9,
  Completion = 0xB,
};

/// One range of guest memory named by a packet: {byte_count, byte_offset, pfn[]}.
struct GpaRange {
  std::uint32_t bytes = 0;
  std::uint32_t offset = 0;
  std::vector<std::uint64_t> pfns;
};

/// A packet as read: all of it copied out of the ring first, so that the guest cannot change it
/// while it is looked at.
struct Packet {
  PacketType type = PacketType::DataInband;
  bool completion_requested = false;
  std::uint64_t transaction = 0;
  std::vector<GpaRange> ranges;
  std::vector<std::byte> payload;
  std::uint16_t pageset = 0;  ///< DataUsingTransferPages only; its ranges name no pages
};

struct PacketOut {
  PacketType type = PacketType::DataInband;
  bool completion_requested = false;
  std::uint64_t transaction = 0;
  std::vector<GpaRange> ranges;
  std::span<const std::byte> payload;
  std::uint16_t pageset = 0;
};

/// The pages of one ring as its user reaches them: header page first, data after it.
class RingMemory {
 public:
  virtual ~RingMemory() = default;
  virtual std::uint32_t data_bytes() const = 0;
  /// `offset` counts from the start of the header page.
  virtual void read(std::uint32_t offset, std::span<std::byte> out) const = 0;
  virtual void write(std::uint32_t offset, std::span<const std::byte> data) = 0;
};

enum class RingError : std::uint8_t {
  None,
  BadIndex,       ///< an index outside the data, or not a multiple of 8
  BadDescriptor,  ///< offset8 or len8 impossible, unknown type, bad ranges
};

/// What a party that moved an index saw and decided (event ring.signal_check).
struct SignalCheck {
  std::uint32_t old_index = 0;
  std::uint32_t other_index = 0;
  std::uint32_t mask = 0;
  std::uint32_t pending = 0;
  bool signal = false;
};

/// Where deliberate bugs of the ring code ask whether they are switched on (vmbus/plants.hpp).
/// Asked only at the moment of effect.
class RingPlants {
 public:
  virtual bool plant(const char* name) = 0;

 protected:
  ~RingPlants() = default;
};

/// Bytes that a packet occupies in a ring, trailer included.
std::uint32_t ring_bytes(const PacketOut& packet);

class RingWriter {
 public:
  explicit RingWriter(RingMemory& memory, RingPlants* plants = nullptr)
      : memory_(memory), plants_(plants) {}
  struct Written {
    bool fits = false;
    RingError error = RingError::None;
    std::uint32_t start = 0, end = 0;  ///< write index before and after
    std::uint64_t hash = 0;            ///< of the packet bytes without trailer
    SignalCheck check;
  };
  /// Steps 1 to 5 of the writer's rules. When it does not fit, pending_send_sz is set and the room
  /// checked once more.
  Written write(const PacketOut& packet);

 private:
  SignalCheck publish(std::uint32_t start, std::uint32_t end);

  RingMemory& memory_;
  RingPlants* plants_;
};

class RingReader {
 public:
  explicit RingReader(RingMemory& memory, RingPlants* plants = nullptr)
      : memory_(memory), plants_(plants) {}
  struct Read {
    std::optional<Packet> packet;
    RingError error = RingError::None;
    std::uint32_t start = 0, end = 0;  ///< read index before and after
    std::uint64_t hash = 0;
    SignalCheck check;  ///< pending_send_sz rule, after publishing
  };
  Read read();
  /// Masks or unmasks the writer's signals. Unmasking returns true when data is there (look again).
  void mask();
  bool unmask();

 private:
  SignalCheck publish(std::uint32_t start, std::uint32_t end);

  RingMemory& memory_;
  RingPlants* plants_;
};

}  // namespace vmbus
