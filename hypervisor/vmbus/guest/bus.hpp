// The guest's side of VMBus, for model guests and tests: the SynIC discipline (spec B.7), the
// connection sequence (spec C.3) and rings, driven by interrupts. Everything it knows is in its
// saved bytes, and everything it touches is the guest's own memory.
//
//   guest::Bus bus(partition, config, client);
//   bus.connect();                       // ... client.offers_complete()
//   bus.open(relid, pages, 4, 4);        // ... client.opened(relid, true)
//   bus.send(relid, packet);             // ... client.readable(relid)
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "hypervisor/core/partition.hpp"
#include "hypervisor/vmbus/frame_ring.hpp"
#include "hypervisor/vmbus/guid.hpp"
#include "hypervisor/vmbus/ring.hpp"
#include "hypervisor/vmbus/server.hpp"
#include "sim/kernel/node.hpp"
#include "traces/bytes.hpp"

namespace vmbus::guest {

struct OfferInfo {
  Guid interface_id;
  Guid instance_id;
  std::uint32_t relid = 0;
  std::uint32_t connection_id = 0;
  bool pipe_mode = false;
};

struct BusConfig {
  hv::VpIndex vp{};
  std::uint8_t vector = 0xF3;  ///< of SINT 2, as Linux uses
  /// Guest pages that the SynIC's message and event page cover.
  sim::Gpfn message_page{};
  sim::Gpfn event_page{};
  /// Lent to the host below version 2.4, which such versions need.
  std::optional<sim::Gpfn> interrupt_page;
  /// Tried in this order, as Linux 6.1 does.
  std::vector<Version> versions = {Version::V5_3, Version::V5_2, Version::V5_1, Version::V5_0,
                                   Version::V4_1, Version::V4_0, Version::V3_0, Version::V2_4};
};

/// What a driver hears from its bus. Called from the VP's interrupt.
class BusClient {
 public:
  virtual void connected(Version /*version*/) {}
  /// No version in common.
  virtual void refused() {}
  virtual void offered(const OfferInfo& /*offer*/) {}
  virtual void offers_complete() {}
  /// The channel is gone; the bus gives its pages and relid back by itself.
  virtual void rescinded(std::uint32_t /*relid*/) {}
  virtual void opened(std::uint32_t /*relid*/, bool /*success*/) {}
  /// The ring's pages are the guest's own again.
  virtual void closed(std::uint32_t /*relid*/) {}
  virtual void unloaded() {}
  /// The doorbell rang: receive() until nothing is left.
  virtual void readable(std::uint32_t /*relid*/) {}
  /// There may be room again after a failed send().
  virtual void writable(std::uint32_t /*relid*/) {}
  /// The host has taken, or refused, what lend() offered.
  virtual void lent(std::uint32_t /*relid*/, std::uint32_t /*gpadl*/, bool /*success*/) {}
  /// What take_back() asked for is the guest's own again.
  virtual void returned(std::uint32_t /*gpadl*/) {}

 protected:
  ~BusClient() = default;
};

class Bus {
 public:
  Bus(hv::Partition& partition, BusConfig config, BusClient& client);
  ~Bus();
  Bus(const Bus&) = delete;

  enum class State : std::uint8_t { Idle, Connecting, Listing, Connected, Unloading };
  enum class ChannelState : std::uint8_t {
    Offered,
    Lending,  ///< GPADL sent
    Opening,  ///< OPENCHANNEL sent
    Open,
    Closing,  ///< waits for GPADL_TORNDOWN
  };

  /// Switches the VP's APIC and SynIC on and looks for a version. Also from a connected state: the
  /// host then resets everything first, as after a crash of the guest.
  void connect();
  /// Leaves in good order; false below version 3.0, which has no such message.
  bool unload();

  // -- ModelGuest forwards these --
  void on_interrupt(std::uint8_t vector);
  void run();
  void suspend();

  State state() const { return state_; }
  /// 0 until connected.
  Version version() const { return version_; }
  /// By interface, the first in the order of relids; null when there is none.
  const OfferInfo* find(const Guid& interface_id) const;
  std::vector<OfferInfo> offers() const;
  std::optional<ChannelState> channel_state(std::uint32_t relid) const;

  /// Lends pages [first, first + to_host + to_guest) as rings and opens the channel. Each ring
  /// has one header page and at least one page of data. False unless the channel is Offered.
  bool open(std::uint32_t relid, sim::Gpfn first, std::uint32_t to_host_pages,
            std::uint32_t to_guest_pages);
  bool close(std::uint32_t relid);

  /// Lends pages to an open channel beside its rings; lent() follows. Whoever lends takes back
  /// before the channel is closed. Returns the GPADL's handle, 0 unless the channel is open.
  std::uint32_t lend(std::uint32_t relid, sim::Gpfn first, std::uint32_t pages);
  void take_back(std::uint32_t relid, std::uint32_t gpadl);

  /// False when there is no room (writable() follows) or the channel is not open or broken.
  bool send(std::uint32_t relid, const PacketOut& packet);
  /// Nothing when the ring is empty; then the host's signals are on.
  std::optional<Packet> receive(std::uint32_t relid);
  /// The host broke the ring.
  bool failed(std::uint32_t relid) const;

  void save(traces::ByteWriter& out) const;
  /// Into a bus of the same configuration. False for invalid bytes.
  bool restore(traces::ByteReader& in);

 private:
  struct Rings;
  struct Channel {
    Channel();
    Channel(Channel&&) noexcept;
    ~Channel();
    OfferInfo offer;
    ChannelState state = ChannelState::Offered;
    bool rescinded = false;
    std::uint32_t gpadl = 0;
    sim::Gpfn first{};
    std::uint32_t to_host_pages = 0, to_guest_pages = 0;
    bool masked = false;
    bool waiting_for_room = false;
    bool failed = false;
    std::unique_ptr<Rings> rings;
  };

  void switch_synic_on();
  void try_version();
  void handle(std::span<const std::byte> payload);
  void handle_version(std::span<const std::byte> payload);
  void handle_offer(std::span<const std::byte> payload);
  void handle_rescind(std::span<const std::byte> payload);
  void handle_created(std::span<const std::byte> payload);
  void handle_open_result(std::span<const std::byte> payload);
  void handle_torndown(std::span<const std::byte> payload);
  void post_gpadl(std::uint32_t relid, std::uint32_t gpadl, sim::Gpfn first, std::uint32_t pages);
  void take_back(Channel& channel);
  void release(std::uint32_t relid);
  bool make_rings(Channel& channel);
  void clear_rings(Channel& channel);

  void drain_messages();
  void drain_events();
  void drain_interrupt_page();
  /// Flags of a bit per channel: clears them, and serves the channels.
  void drain_flags(sim::Gpfn page, std::uint32_t offset, std::uint32_t words);
  void service(std::uint32_t relid);
  void post(std::span<const std::byte> message);
  void flush();
  void signal(const Channel& channel);
  Channel* channel(std::uint32_t relid);
  const Channel* channel(std::uint32_t relid) const;
  bool restore_channel(traces::ByteReader& in);

  /// Access to the guest's own pages as its CPU sees them, overlays on top.
  void read(sim::Gpfn page, std::uint32_t offset, std::span<std::byte> out) const;
  void write(sim::Gpfn page, std::uint32_t offset, std::span<const std::byte> data);

  hv::Partition& partition_;
  BusConfig config_;
  BusClient& client_;
  sim::Timer retry_;  ///< posts that found no buffer
  bool running_ = true;

  State state_ = State::Idle;
  Version version_{};
  std::uint32_t attempt_ = 0;     ///< index into the versions
  std::uint32_t connection_ = 0;  ///< for control messages
  std::uint32_t next_gpadl_ = 0;
  std::map<std::uint32_t, Channel> channels_;  ///< by relid
  std::deque<std::vector<std::byte>> outbox_;
};

}  // namespace vmbus::guest
