// Inside of the network VSP. netvsp.cpp: the device and the NVSP messages; netvsp_rndis.cpp: RNDIS
// control messages; netvsp_oids.cpp: the objects they name; netvsp_frames.cpp: frames both ways;
// netvsp_state.cpp: saving, restoring, the witness.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "hypervisor/vsp/netvsp.hpp"
#include "hypervisor/vsp/receive_buffer.hpp"
#include "hypervisor/vsp/rndis_protocol.hpp"
#include "sim/kernel/node.hpp"
#include "sim/kernel/sync.hpp"
#include "traces/events.hpp"

namespace vsp {

/// What the guest has told so far: gone with its channel.
struct NetSession {
  nvsp::Version version{};  ///< none yet: 0
  std::uint32_t ndis_major = 0, ndis_minor = 0;
  std::uint32_t guest_mtu = 0;  ///< with the Ethernet header; 0: not told
  std::uint64_t capabilities = 0;
  std::uint32_t send_gpadl = 0;
  std::uint32_t send_sections = 0;
  bool rndis_ready = false;
  std::uint32_t filter = 0;
  std::vector<sim::MacAddress> multicast;
  bool told_link_up = true;
};

struct NetVsp::Impl final : PortClient {
  Impl(sim::Node& host, const NetVspConfig& config, SwitchPort& port)
      : host(host), config(config), port(port) {}

  /// A completion that waits for room in the ring.
  struct Reply {
    std::uint64_t transaction = 0;
    std::uint32_t bytes = 0;  ///< of the message; 0: none at all
    nvsp::Message message;
  };

  // -- NVSP --
  void drain();
  void handle(const vmbus::Packet& packet);
  nvsp::Status initialise(const nvsp::Message& message);
  void configure(const nvsp::Message& message);
  nvsp::ReceiveBufferComplete take_receive_buffer(const nvsp::Message& message);
  nvsp::SendBufferComplete take_send_buffer(const nvsp::Message& message);
  void revoke(const nvsp::Message& message);
  template <class Body>
  void complete(const vmbus::Packet& packet, nvsp::Type type, const Body& body);
  void complete_bare(const vmbus::Packet& packet);
  void pump();
  bool pump_reply();
  bool pump_control();
  void returned(const vmbus::Packet& packet);

  // -- RNDIS --
  nvsp::Status rndis_packet(const vmbus::Packet& packet, const nvsp::RndisPacket& header);
  bool gather(const vmbus::Packet& packet, const nvsp::RndisPacket& header);
  nvsp::Status data_messages(const vmbus::Packet& packet);
  bool control_message(std::span<const std::byte> message);
  void initialise_rndis(const rndis::Initialize& request);
  void query(const rndis::Request& request);
  rndis::Status set(const rndis::Request& request, std::span<const std::byte> info);
  rndis::Status set_multicast(std::span<const std::byte> info);
  void forget_rndis();
  template <class Body>
  void answer(rndis::Type type, const Body& body, std::span<const std::byte> info = {});
  void indicate(rndis::Status status);
  std::optional<std::vector<std::byte>> object(rndis::Oid oid) const;

  // -- frames --
  nvsp::Status transmit(const vmbus::Packet& packet, std::span<const std::byte> message);
  void received(std::span<const sim::EthernetFrame> frames) override;
  void link_changed(bool up) override;
  bool accepts(const std::vector<std::byte>& frame) const;
  std::optional<vmbus::GpaRange> place(const std::vector<std::byte>& frame);
  bool lend(std::uint32_t rndis_channel, std::vector<vmbus::GpaRange>& ranges);
  std::uint32_t frame_limit() const;
  bool operational() const {
    return channel != nullptr && session.rndis_ready && buffer.attached();
  }

  // -- witnesses --
  template <class E>
  E about() const {
    E event;
    event.partition = channel->partition().id().value;
    event.relid = channel->relid();
    event.vm = config.vm;
    return event;
  }
  template <class E>
  void emit(const E& event) const {
    host.world().emit(host.id(), event);
  }
  bool detail() const { return host.world().detail(); }
  bool plant(const char* name) const { return host.world().plant(host, name); }
  void sometimes(const char* point) const { host.world().sometimes(host, point); }
  void witness_sent(const vmbus::Packet& packet, std::span<const std::byte> frame,
                    std::optional<std::uint16_t> vlan) const;
  void witness_lent(std::uint64_t transaction, std::uint32_t rndis_channel,
                    std::span<const vmbus::GpaRange> ranges) const;
  void dropped(traces::NicDrop reason, std::span<const std::byte> frame) const;
  void control(nvsp::Type type, nvsp::Status status, std::uint64_t value) const;

  sim::Node& host;
  NetVspConfig config;
  SwitchPort& port;
  vmbus::Channel* channel = nullptr;
  bool quiesced = false;
  bool arrived = false;  ///< restored here and not resumed since
  NetSession session;
  ReceiveBuffer buffer;
  NetCounters counters;
  std::uint64_t next_transaction = 1;  ///< of packets to the guest
  sim::Time busy_until{};              ///< with the frames that were taken last
  std::optional<sim::Timer> turn;      ///< goes on with the ring then; while a channel is open
  std::deque<Reply> replies;
  std::deque<std::vector<std::byte>> controls;  ///< RNDIS messages that wait for room or a section
  std::vector<std::byte> gathered;              ///< the RNDIS messages of the packet in hand
  sim::Signal idle;
};

}  // namespace vsp
