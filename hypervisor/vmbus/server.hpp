// The VMBus server of one partition: version negotiation, offers, GPADLs, channel open and close
// (spec C.1 to C.4). It owns the protocol; devices own what crosses their channel.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hypervisor/core/generation.hpp"
#include "hypervisor/core/partition.hpp"
#include "hypervisor/vmbus/guid.hpp"
#include "hypervisor/vmbus/ring.hpp"
#include "sim/kernel/world.hpp"
#include "traces/bytes.hpp"
#include "traces/digest.hpp"

namespace vmbus {

/// Protocol versions (spec C.2). A host's platform decides the highest.
enum class Version : std::uint32_t {
  V0_13 = 0x0000000D,
  V1_1 = 0x00010001,
  V2_4 = 0x00020004,
  V3_0 = 0x00030000,
  V4_0 = 0x00040000,
  V4_1 = 0x00040001,
  V5_0 = 0x00050000,
  V5_1 = 0x00050001,
  V5_2 = 0x00050002,
  V5_3 = 0x00050003,
};

struct ServerConfig {
  Version highest = Version::V2_4;  ///< what the host is asked for above it is "not supported"
};

/// The newest version that a host speaks (spec C.2).
constexpr Version newest_version(hv::Generation host) {
  switch (host) {
    case hv::Generation::Ws2008:
      return Version::V0_13;
    case hv::Generation::Ws2008R2:
      return Version::V1_1;
    case hv::Generation::Ws2012:
      return Version::V2_4;
    case hv::Generation::Current:
      break;
  }
  return Version::V5_3;
}

/// What identifies a channel to the guest.
struct Offer {
  Guid interface_id;
  Guid instance_id;
  std::uint16_t flags = 0;  ///< spec C.2 offer flags
  bool pipe_mode = false;   ///< integration components (spec C.6)
};

/// An open channel as its device sees it: packets in, packets out, guest pages by range.
class Channel {
 public:
  virtual ~Channel() = default;
  virtual std::uint32_t relid() const = 0;
  virtual hv::Partition& partition() const = 0;

  /// Next packet from the guest, nullopt when the ring is empty or its content is invalid (then
  /// failed() holds and the channel accepts nothing more: the guest broke its own ring).
  virtual std::optional<Packet> read() = 0;
  virtual bool failed() const = 0;
  /// Puts a packet into the ring to the guest and signals by the rules of C.5. False when there is
  /// no room; then pending_send_sz is set and the device's writable() follows.
  virtual bool write(const PacketOut& packet) = 0;

  /// Byte access through a packet's GPA-direct ranges. False when a range is not RAM of the guest.
  virtual bool copy_in(const Packet& packet, std::uint64_t offset, std::span<std::byte> out) = 0;
  virtual bool copy_out(const Packet& packet, std::uint64_t offset,
                        std::span<const std::byte> data) = 0;

  /// Bytes of a GPADL that the guest lent to this channel beside its rings; 0 when there is none of
  /// this handle, or it is being taken back.
  virtual std::uint64_t lent_bytes(std::uint32_t gpadl) const = 0;
  /// Byte access to it. False when it is not lent, or the range reaches past its end; then nothing
  /// was touched.
  virtual bool read_lent(std::uint32_t gpadl, std::uint64_t offset, std::span<std::byte> out) = 0;
  virtual bool write_lent(std::uint32_t gpadl, std::uint64_t offset,
                          std::span<const std::byte> data) = 0;
};

/// A device behind a channel (a VSP). All calls come from the world's loop on the host's node.
class Device {
 public:
  virtual ~Device() = default;
  virtual Offer offer() const = 0;
  virtual void opened(Channel& channel) = 0;
  virtual void closed() = 0;    ///< the channel object is gone after this call
  virtual void readable() = 0;  ///< doorbell of the guest, or a restore: look at the ring
  virtual void writable() = 0;  ///< room after a failed write
  /// From now on take no new packet, until resume(). What is outstanding goes on to its end.
  virtual void quiesce() = 0;
  virtual bool idle() const = 0;  ///< nothing outstanding
  /// Raised when idle() became true while quiesced.
  virtual sim::Signal& idle_signal() = 0;
  virtual void resume() = 0;
  virtual void save(traces::ByteWriter& out) const = 0;
  virtual bool restore(traces::ByteReader& in, Channel* channel) = 0;
  /// Adds what the device holds for its guest, for a digest that shares nothing with save(). A
  /// device that adds nothing is judged by what its guest and the twin notice.
  virtual void witness(traces::DigestStream& out) const {}
};

/// A channel for people who look at it.
struct ChannelView {
  struct Ring {
    std::uint32_t write_index = 0, read_index = 0, interrupt_mask = 0, pending_send_size = 0;
    std::uint32_t data_bytes = 0;
  };
  std::string device;
  std::uint32_t relid = 0;
  traces::ChannelState state{};
  RingError error = RingError::None;
  std::optional<Ring> to_host, to_guest;  ///< while it is open: the header as it stands in memory
  std::uint64_t packets_read = 0;
};

/// The guest's pages of an open channel's rings, header pages first.
struct RingFrames {
  std::uint32_t relid = 0;
  std::vector<sim::Frame> to_host, to_guest;
};

class Server final : hv::MessagePort {
 public:
  /// Connects to the partition's message connections 1 and 4. Devices are offered in the order of
  /// adding; relids count from 1 (spec C.3).
  Server(hv::Partition& partition, ServerConfig config);
  ~Server();
  Server(const Server&) = delete;

  /// `name` keys the device in saved states. Not owned. While the guest is connected and has its
  /// offers, the new device is offered at once.
  void add_device(std::string name, Device& device);
  /// Takes a device away: closes its channel and rescinds the offer. The relid stays taken until
  /// the guest releases it. False when there is no device of this name.
  bool remove_device(std::string_view name);

  Version version() const;  ///< negotiated; 0 before
  bool connected() const;
  /// Why a channel accepts nothing more; None while it works, or is not open.
  RingError channel_error(std::string_view name) const;
  /// In the order of adding. Changes nothing.
  std::vector<ChannelView> channels() const;

  std::vector<RingFrames> rings() const;  ///< of the channels that are open

  /// Quiesces every device and waits until all are idle.
  sim::Task<> quiesce();
  /// Lets devices go on, looks at every ring once and raises every open channel's doorbell once
  /// (spec C.8: a doorbell in flight at the snapshot must not be lost).
  void resume();

  void save(traces::ByteWriter& out) const;
  /// Devices with the same names must have been added. False for invalid bytes.
  bool restore(traces::ByteReader& in);
  /// Digest of the objects as they stand, as an event.
  void emit_digest(traces::DigestPoint point) const;

 private:
  /// From the partition's loop; handled as an event of the host's node.
  void message(std::uint32_t type, std::span<const std::byte> payload) override;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmbus
