// Inside of the VMBus server. server.cpp: connection and message transport; server_messages.cpp:
// what each message does; server_state.cpp: saving and restoring; witness.cpp: digests.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "hypervisor/vmbus/gpadl.hpp"
#include "hypervisor/vmbus/interrupt_page.hpp"
#include "hypervisor/vmbus/protocol.hpp"
#include "hypervisor/vmbus/server.hpp"
#include "hypervisor/vmbus/server_channel.hpp"
#include "sim/kernel/node.hpp"

namespace vmbus {

/// What flags an event connection takes: a channel's own connection has flag 0 only.
inline constexpr std::uint16_t kFlagsPerChannel = 1;

/// States of the connection (spec C.4). Connecting and disconnecting end within one message.
enum class Connection : std::uint8_t { Disconnected, Connected };

struct Server::Impl : hv::EventPort {
  Impl(hv::Partition& partition, ServerConfig config);
  ~Impl();

  /// A message on its way to the guest, with what its event says.
  struct Outgoing {
    traces::VmbusMessage type{};
    std::uint32_t relid = 0;
    std::uint32_t id = 0;
    std::uint64_t value = 0;
    std::vector<std::byte> payload;
  };
  /// A message or a doorbell from the guest, waiting for the server's turn.
  struct Incoming {
    std::uint32_t doorbell_relid = 0;  ///< 0: a message
    std::vector<std::byte> payload;
  };

  /// The doorbell that all channels of a 0.13 guest share.
  void signalled(std::uint16_t flag) override;

  // -- transport --
  void receive(Incoming incoming);
  void serve();
  void flush();
  /// Invited trouble: how late a message goes out, or what came from the guest is looked at.
  sim::Duration delay_of(const Outgoing& message) const;
  sim::Duration delay_of(const Incoming& incoming);
  template <class M>
  void send(const M& message, std::uint32_t relid, std::uint32_t id, std::uint64_t value) {
    const auto bytes = protocol::bytes_of(message);
    outbox.push_back({static_cast<traces::VmbusMessage>(message.header.type),
                      relid,
                      id,
                      value,
                      {bytes.begin(), bytes.end()}});
    flush();
  }
  /// A message that is a header only.
  void send_bare(protocol::Type type);
  void handled(protocol::Type type, std::uint32_t relid, std::uint32_t id, std::uint64_t value);
  void emit_message(bool to_guest, traces::VmbusMessage type, std::uint32_t relid, std::uint32_t id,
                    std::uint64_t value);
  void sometimes(const char* point) { partition.node().world().sometimes(partition.node(), point); }
  bool plant(const char* name) { return partition.node().world().plant(partition.node(), name); }

  // -- messages --
  void handle(std::span<const std::byte> payload);
  void handle_contact(const protocol::InitiateContact& message);
  bool contact_valid(const protocol::InitiateContact& message) const;
  /// Below 2.4 a guest lends a page for interrupts; false when it names none of its own.
  bool take_interrupt_page(const protocol::InitiateContact& message);
  void give_interrupt_page_back();
  void handle_request_offers();
  void handle_gpadl_header(const protocol::GpadlHeader& message, std::span<const std::byte> data);
  void handle_gpadl_body(const protocol::GpadlBody& message, std::span<const std::byte> data);
  void handle_gpadl_teardown(const protocol::GpadlTeardown& message);
  void handle_open(const protocol::OpenChannel& message);
  bool try_open(ServerChannel& channel, const protocol::OpenChannel& message);
  void handle_close(std::uint32_t relid);
  void handle_released(std::uint32_t relid);
  void release_revoked(std::uint32_t relid);
  void handle_unload();
  void handle_newer(protocol::Type type, std::span<const std::byte> payload);
  void handle_modify(const protocol::ModifyChannel& message);
  void handle_connect(const protocol::TlConnectRequest& message);

  void offer(ServerChannel& channel);
  void answer_gpadl(std::uint32_t relid, std::uint32_t gpadl, GpadlTable::Result result);
  void send_torndown(std::uint32_t gpadl);
  void close(ServerChannel& channel);
  /// Ends everything of the old connection: no answer, no packet, no page of it survives.
  void disconnect();
  ServerChannel* offered(std::uint32_t relid);
  ServerChannel* named(std::string_view name);
  std::uint32_t free_relid() const;

  // -- state --
  void save(traces::ByteWriter& out) const;
  bool restore(traces::ByteReader& in);
  bool restore_connection(traces::ByteReader& in);
  bool restore_channels(traces::ByteReader& in);
  bool restore_channel(ServerChannel& channel, traces::ByteReader& in);
  bool arrange_channels(traces::ByteReader& in);
  bool restore_queues(traces::ByteReader& in);
  void resume();
  void witness(traces::DigestStream& out) const;

  hv::Partition& partition;
  ServerConfig config;
  sim::Timer turn;   ///< serve() as an event of the host, never inside the guest's call
  sim::Timer retry;  ///< posts that found no buffer

  Connection connection = Connection::Disconnected;
  std::uint32_t version = 0;
  std::uint32_t target_vp = 0;
  InterruptPage interrupt_page;
  bool shares_doorbell = false;  ///< 0.13: one event connection for all channels
  bool offers_sent = false;
  bool quiesced = false;
  bool posting = false;
  bool held_back = false;  ///< the first message of the outbox waits for retry
  std::vector<std::unique_ptr<ServerChannel>> channels;  ///< in the order of adding
  std::set<std::uint32_t> revoked;  ///< rescinded; the guest has not released them yet
  GpadlTable gpadls;
  std::deque<Outgoing> outbox;
  std::deque<Incoming> inbox;
};

}  // namespace vmbus
