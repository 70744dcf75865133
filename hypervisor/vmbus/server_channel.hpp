// One channel as the server keeps it: its offer, its state (spec C.4) and, while it is open, its
// two rings. Devices see it as a Channel; the partition rings its doorbell.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hypervisor/core/ports.hpp"
#include "hypervisor/vmbus/frame_ring.hpp"
#include "hypervisor/vmbus/gpadl.hpp"
#include "hypervisor/vmbus/interrupt_page.hpp"
#include "hypervisor/vmbus/ranges.hpp"
#include "hypervisor/vmbus/server.hpp"
#include "traces/events.hpp"

namespace vmbus {

/// What OPENCHANNEL asked for.
struct OpenRequest {
  std::uint32_t open_id = 0;
  std::uint32_t ring_gpadl = 0;
  std::uint32_t target_vp = 0;
  std::uint32_t downstream_page = 0;
  std::array<std::byte, 120> user_data{};
};

class ServerChannel final : public Channel, public hv::EventPort, public RingPlants {
 public:
  /// `doorbell` is called when the guest rings, outside of any other call.
  /// `gpadls` are the connection's and outlive the channel.
  ServerChannel(hv::Partition& partition, GpadlTable& gpadls, InterruptPage& interrupt_page,
                std::string name, Device& device, std::uint32_t relid,
                std::function<void(ServerChannel&)> doorbell);

  const std::string& name() const { return name_; }
  Device& device() const { return device_; }
  const Offer& offer() const { return offer_; }
  traces::ChannelState state() const { return state_; }
  bool is_open() const { return state_ == traces::ChannelState::Open; }
  const OpenRequest& request() const { return request_; }
  RingError error() const { return error_; }
  std::uint64_t packets() const { return packets_; }  ///< read since it was opened
  RingFrames ring_frames() const;                     ///< while it is open

  ChannelView view() const;

  /// A saved state may number channels otherwise. While Released only.
  void renumber(std::uint32_t relid) { relid_ = relid; }

  /// Steps of the automaton. Each is an event.
  void change(traces::ChannelState to);

  /// Whether a ring GPADL and a page offset make two rings (spec C.4, OPEN).
  static bool geometry_valid(const Gpadl& gpadl, std::uint32_t downstream_page);
  /// Takes the rings into use; the geometry is valid. False when a page is no longer RAM.
  bool attach_rings(const OpenRequest& request, const Gpadl& gpadl);
  /// From here until device_closed() the device works with the channel.
  void device_opened();
  /// Tells the device and forgets the rings.
  void device_closed();

  /// The guest rang, or the server was resumed: lets the device look.
  void look();
  void raise_doorbell(traces::SignalReason reason);
  /// From now on the doorbell goes to another processor.
  void retarget(std::uint32_t target_vp) { request_.target_vp = target_vp; }

  // -- Channel --
  std::uint32_t relid() const override { return relid_; }
  hv::Partition& partition() const override { return partition_; }
  std::optional<Packet> read() override;
  bool failed() const override { return error_ != RingError::None; }
  bool write(const PacketOut& packet) override;
  bool copy_in(const Packet& packet, std::uint64_t offset, std::span<std::byte> out) override;
  bool copy_out(const Packet& packet, std::uint64_t offset,
                std::span<const std::byte> data) override;
  std::uint64_t lent_bytes(std::uint32_t gpadl) const override;
  bool read_lent(std::uint32_t gpadl, std::uint64_t offset, std::span<std::byte> out) override;
  bool write_lent(std::uint32_t gpadl, std::uint64_t offset,
                  std::span<const std::byte> data) override;

  // -- EventPort --
  void signalled(std::uint16_t flag) override;

  // -- RingPlants --
  bool plant(const char* name) override { return world().plant(partition_.node(), name); }

  void save(traces::ByteWriter& out) const;
  /// After the GPADLs; the state goes through its steps again, without messages.
  bool restore(traces::ByteReader& in, GpadlTable& gpadls);
  void witness(traces::DigestStream& out) const;
  /// Effects of the restore plants; nothing unless they are on.
  void restore_plants();

 private:
  struct Rings {
    Rings(hv::Partition& partition, RingPlants& plants, std::vector<sim::Frame> to_host,
          std::vector<sim::Frame> to_guest);
    FrameRing to_host, to_guest;
    RingReader reader;
    RingWriter writer;
    std::vector<PageRun> to_host_pages, to_guest_pages;
    std::uint32_t to_host_watch = 0, to_guest_watch = 0;
  };

  sim::World& world() const { return partition_.node().world(); }
  template <class E>
  void emit(const E& event) const {
    world().emit(partition_.node().id(), event);
  }
  void witness_access(std::span<const PageRun> pages, std::uint32_t gpadl,
                      std::uint64_t transaction, bool write) const;
  void witness_check(const SignalCheck& check, bool to_guest, bool by_reader) const;
  void witness_packet(const RingReader::Read& read) const;
  std::optional<std::vector<PagePiece>> reach(const Packet& packet, std::uint64_t offset,
                                              std::uint64_t bytes, bool write) const;
  std::optional<Packet> read_one();
  void fail(RingError error);
  void rewind_empty_ring();

  template <class Visit>
  bool visit_lent(std::uint32_t gpadl, std::uint64_t offset, std::uint64_t bytes, bool write,
                  Visit visit) const;

  hv::Partition& partition_;
  GpadlTable& gpadls_;
  InterruptPage& interrupt_page_;
  std::string name_;
  Device& device_;
  Offer offer_;
  std::uint32_t relid_;
  std::function<void(ServerChannel&)> doorbell_;
  traces::ChannelState state_ = traces::ChannelState::Released;

  OpenRequest request_;
  std::unique_ptr<Rings> rings_;
  RingError error_ = RingError::None;
  bool serving_ = false;  ///< the device knows the channel
  bool masked_ = false;   ///< the guest's signals are switched off while we drain
  bool waiting_for_room_ = false;
  std::uint64_t packets_ = 0;  ///< read since the channel was opened, on whatever host
};

}  // namespace vmbus
