// Saved form of the network VSP (spec D.2). A packet is handled as a whole, so there is no request
// in it; what waits for room in the guest's ring, or for a section, is carried along.
//
//   u32 format | session | receive buffer | counters | next transaction | replies | control
//   messages
#include <cstring>
#include <utility>

#include "hypervisor/vsp/netvsp_impl.hpp"

namespace vsp {
namespace {

constexpr std::uint32_t kNetvspFormat = 0x3156534E;  // "NSV1"
/// Of replies and of control messages: what quiescing leaves at most, and what one packet adds.
constexpr std::uint64_t kMaxSaved = 256;
/// No host is busy with one turn's frames for longer.
constexpr sim::Duration kLongestTurn{1'000'000'000};

bool known(nvsp::Version version) {
  switch (version) {
    case nvsp::Version::V1:
    case nvsp::Version::V2:
    case nvsp::Version::V4:
    case nvsp::Version::V5:
    case nvsp::Version::V6:
    case nvsp::Version::V6_1:
      return true;
  }
  return false;
}

void save_session(traces::ByteWriter& out, const NetSession& session) {
  out.put(session.version);
  out.put(session.ndis_major);
  out.put(session.ndis_minor);
  out.put(session.guest_mtu);
  out.put(session.capabilities);
  out.put(session.send_gpadl);
  out.put(session.send_sections);
  out.put<std::uint8_t>(session.rndis_ready);
  out.put(session.filter);
  out.put<std::uint8_t>(session.told_link_up);
  out.put<std::uint64_t>(session.multicast.size());
  for (const sim::MacAddress& mac : session.multicast) out.put(mac.number());
}

bool restore_session(traces::ByteReader& in, NetSession& session, nvsp::Version highest) {
  session.version = in.get<nvsp::Version>();
  session.ndis_major = in.get<std::uint32_t>();
  session.ndis_minor = in.get<std::uint32_t>();
  session.guest_mtu = in.get<std::uint32_t>();
  session.capabilities = in.get<std::uint64_t>();
  session.send_gpadl = in.get<std::uint32_t>();
  session.send_sections = in.get<std::uint32_t>();
  const auto ready = in.get<std::uint8_t>();
  session.filter = in.get<std::uint32_t>();
  const auto up = in.get<std::uint8_t>();
  const std::uint64_t macs = in.count(8);
  for (std::uint64_t i = 0; i < macs; ++i) {
    session.multicast.push_back(sim::MacAddress::of(in.get<std::uint64_t>()));
  }
  session.rndis_ready = ready != 0;
  session.told_link_up = up != 0;
  if (!in.ok() || ready > 1 || up > 1) return false;
  if (session.version == nvsp::Version{}) {
    return !session.rndis_ready && session.filter == 0 && session.send_sections == 0;
  }
  return known(session.version) && session.version <= highest;
}

}  // namespace

void NetVsp::save(traces::ByteWriter& out) const {
  const Impl& now = *impl_;
  out.put(kNetvspFormat);
  save_session(out, now.session);
  now.buffer.save(out);
  for (const std::uint64_t count :
       {now.counters.transmitted, now.counters.received, now.counters.transmit_errors,
        now.counters.receive_errors, now.counters.no_buffer, now.next_transaction}) {
    out.put(count);
  }
  out.put(now.busy_until.ns);
  out.put<std::uint64_t>(now.replies.size());
  for (const Impl::Reply& reply : now.replies) {
    out.put(reply.transaction);
    out.put(reply.bytes);
    out.raw(std::as_bytes(std::span(&reply.message, 1)));
  }
  out.put<std::uint64_t>(now.controls.size());
  for (const std::vector<std::byte>& message : now.controls) out.block(message);
}

bool NetVsp::restore(traces::ByteReader& in, vmbus::Channel* channel) {
  if (in.get<std::uint32_t>() != kNetvspFormat) return false;
  NetSession session;
  ReceiveBuffer buffer;
  if (!restore_session(in, session, impl_->config.highest) || !buffer.restore(in)) return false;
  NetCounters counters;
  counters.transmitted = in.get<std::uint64_t>();
  counters.received = in.get<std::uint64_t>();
  counters.transmit_errors = in.get<std::uint64_t>();
  counters.receive_errors = in.get<std::uint64_t>();
  counters.no_buffer = in.get<std::uint64_t>();
  const auto next = in.get<std::uint64_t>();
  const auto busy = in.get<std::int64_t>();
  std::deque<Impl::Reply> replies;
  const std::uint64_t waiting = in.count(12 + sizeof(nvsp::Message));
  for (std::uint64_t i = 0; i < waiting; ++i) {
    Impl::Reply reply;
    reply.transaction = in.get<std::uint64_t>();
    reply.bytes = in.get<std::uint32_t>();
    const auto message = in.raw(sizeof(reply.message));
    if (!in.ok() || reply.bytes > sizeof(reply.message)) return false;
    std::memcpy(&reply.message, message.data(), message.size());
    replies.push_back(reply);
  }
  std::deque<std::vector<std::byte>> controls;
  const std::uint64_t messages = in.count(8);
  for (std::uint64_t i = 0; i < messages; ++i) {
    const auto message = in.block();
    // Each has to fit into one section.
    if (!in.ok() || message.size() > nvsp::kReceiveSectionBytes) return false;
    controls.emplace_back(message.begin(), message.end());
  }
  const std::int64_t latest = impl_->host.now().ns + kLongestTurn.ns;
  if (!in.ok() || next == 0 || busy < 0 || busy > latest || waiting > kMaxSaved ||
      messages > kMaxSaved)
    return false;
  const bool fresh = session.version == nvsp::Version{};
  if (fresh && (buffer.attached() || messages != 0)) return false;
  if (channel == nullptr && (!fresh || waiting != 0)) return false;
  // Buffers reach no further than what the guest lends; it may have taken it back meanwhile.
  if (channel != nullptr) opened(*channel);
  Impl& now = *impl_;
  now.session = std::move(session);
  now.buffer = std::move(buffer);
  now.counters = counters;
  now.next_transaction = next;
  now.busy_until = {busy};
  now.replies = std::move(replies);
  now.controls = std::move(controls);
  now.quiesced = true;
  now.arrived = true;
  return true;
}

void NetVsp::witness(traces::DigestStream& out) const {
  const Impl& now = *impl_;
  const NetSession& session = now.session;
  out.add_u64(now.channel != nullptr);
  for (const std::uint64_t value :
       {std::uint64_t{static_cast<std::uint32_t>(session.version)},
        std::uint64_t{session.ndis_major}, std::uint64_t{session.ndis_minor},
        std::uint64_t{session.guest_mtu}, session.capabilities, std::uint64_t{session.send_gpadl},
        std::uint64_t{session.send_sections}, std::uint64_t{session.rndis_ready},
        std::uint64_t{session.filter}, std::uint64_t{session.told_link_up}, now.next_transaction,
        now.counters.transmitted, now.counters.received, now.counters.transmit_errors,
        now.counters.receive_errors, now.counters.no_buffer}) {
    out.add_u64(value);
  }
  out.add_u64(static_cast<std::uint64_t>(now.busy_until.ns));
  out.add_u64(session.multicast.size());
  for (const sim::MacAddress& mac : session.multicast) out.add_u64(mac.number());
  now.buffer.witness(out);
  out.add_u64(now.replies.size());
  for (const Impl::Reply& reply : now.replies) {
    out.add_u64(reply.transaction);
    out.add(std::as_bytes(std::span(&reply.message, 1)).first(reply.bytes));
  }
  out.add_u64(now.controls.size());
  for (const std::vector<std::byte>& message : now.controls) out.add(message);
}

}  // namespace vsp
