#include "hypervisor/vsp/netvsp.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "hypervisor/vsp/netvsp_impl.hpp"

namespace vsp {

namespace {

/// Completions that wait for room; while there are so many, requests stay in the ring.
constexpr std::size_t kMaxWaiting = 64;
/// Of the ring, before the host sees to something else.
constexpr std::size_t kPacketsPerTurn = 32;
/// What hosts take at most (spec D.2).
constexpr std::uint64_t kMaxReceiveBuffer = 31u << 20, kMaxReceiveBufferV2 = 15u << 20;
constexpr std::uint64_t kMaxSendBuffer = 15u << 20;

template <class Body>
Body nvsp_body(const nvsp::Message& message) {
  Body body;
  static_assert(sizeof(body) <= sizeof(message.body));
  std::memcpy(&body, message.body.data(), sizeof(body));
  return body;
}

}  // namespace

NetVsp::NetVsp(sim::Node& host, const NetVspConfig& config, SwitchPort& port)
    : impl_(std::make_unique<Impl>(host, config, port)) {
  port.attach(impl_.get());
}

NetVsp::~NetVsp() { impl_->port.attach(nullptr); }

NetCounters NetVsp::counters() const { return impl_->counters; }

bool NetVsp::passes_frames() const { return impl_->operational() && impl_->session.filter != 0; }

vmbus::Offer NetVsp::offer() const {
  vmbus::Offer offer;
  offer.interface_id = vmbus::kNicInterface;
  offer.instance_id = impl_->config.instance;
  return offer;
}

void NetVsp::opened(vmbus::Channel& channel) {
  closed();
  impl_->channel = &channel;
  const std::uint64_t place = channel.partition().place() << 12 | channel.relid();
  impl_->turn.emplace(impl_->host, "netvsp", place, [impl = impl_.get()] { impl->drain(); });
}

void NetVsp::closed() {
  Impl& impl = *impl_;
  impl.channel = nullptr;
  impl.turn.reset();
  impl.session = {};
  impl.buffer.detach();
  impl.replies.clear();
  impl.controls.clear();
}

void NetVsp::readable() { impl_->drain(); }

void NetVsp::writable() {
  impl_->pump();
  impl_->drain();
}

void NetVsp::quiesce() {
  impl_->quiesced = true;
  if (impl_->turn) impl_->turn->disarm();
  // From here on nothing with the VM's address may leave this host (NV-5).
  impl_->port.stand_still();
  impl_->idle.raise();
}

sim::Signal& NetVsp::idle_signal() { return impl_->idle; }

void NetVsp::resume() {
  Impl& impl = *impl_;
  impl.quiesced = false;
  impl.idle.reset();
  impl.port.go_on();
  if (!std::exchange(impl.arrived, false)) return;
  impl.port.announce();
  if (!impl.operational()) return;
  if (impl.config.indicate_network_change) impl.indicate(rndis::Status::NetworkChange);
  if (impl.port.link_up() != impl.session.told_link_up) impl.link_changed(impl.port.link_up());
}

/// One turn: takes packets from the ring and is then busy with their frames. What stays in the ring
/// is for the next turn, or for writable() when there is no room for more answers.
void NetVsp::Impl::drain() {
  if (channel == nullptr || quiesced) return;
  pump();
  if (host.now() < busy_until) return turn->arm(busy_until);
  const std::uint64_t before = counters.transmitted;
  std::size_t left = kPacketsPerTurn;
  while (left > 0 && replies.size() < kMaxWaiting) {
    const auto packet = channel->read();
    if (!packet) break;
    handle(*packet);
    --left;
  }
  const auto frames = static_cast<std::int64_t>(counters.transmitted - before);
  if (frames > 0) busy_until = host.now() + config.frame_cost * frames;
  const bool held_back = left > 0 && replies.size() >= kMaxWaiting;
  pump();
  if (left == 0 || (held_back && replies.empty())) turn->arm(std::max(busy_until, host.now()));
}

void NetVsp::Impl::handle(const vmbus::Packet& packet) {
  if (packet.type == vmbus::PacketType::Completion) return returned(packet);
  nvsp::Message message;
  const std::size_t bytes = std::min(packet.payload.size(), sizeof(message));
  if (bytes < nvsp::kMessageHead) return complete_bare(packet);
  std::memcpy(&message, packet.payload.data(), bytes);
  // Nothing but INIT means anything before there is a version (NV-1).
  const bool early = session.version == nvsp::Version{} && message.type != nvsp::Type::Init;
  switch (early ? nvsp::Type{} : message.type) {
    case nvsp::Type::Init: {
      nvsp::InitComplete body;
      body.status = initialise(message);
      if (body.status == nvsp::Status::Success) {
        body.negotiated = static_cast<std::uint32_t>(session.version);
      }
      control(message.type, body.status, nvsp_body<nvsp::Init>(message).maximum);
      complete(packet, nvsp::Type::InitComplete, body);
      break;
    }
    case nvsp::Type::SendReceiveBuffer: {
      const auto body = take_receive_buffer(message);
      control(message.type, body.status, nvsp_body<nvsp::SendBuffer>(message).gpadl);
      complete(packet, nvsp::Type::SendReceiveBufferComplete, body);
      break;
    }
    case nvsp::Type::SendSendBuffer: {
      const auto body = take_send_buffer(message);
      control(message.type, body.status, nvsp_body<nvsp::SendBuffer>(message).gpadl);
      complete(packet, nvsp::Type::SendSendBufferComplete, body);
      break;
    }
    case nvsp::Type::SendRndisPacket: {
      nvsp::RndisPacketComplete body;
      body.status = rndis_packet(packet, nvsp_body<nvsp::RndisPacket>(message));
      complete(packet, nvsp::Type::SendRndisPacketComplete, body);
      if (plant("netvsp.completes-twice")) {
        complete(packet, nvsp::Type::SendRndisPacketComplete, body);
      }
      break;
    }
    case nvsp::Type::SubChannel: {
      // One channel is all there is: a request for more is granted none.
      nvsp::SubChannelComplete body;
      const auto request = nvsp_body<nvsp::SubChannelRequest>(message);
      const bool known =
          request.operation == nvsp::kSubChannelAllocate && session.version >= nvsp::Version::V5;
      body.status = known ? nvsp::Status::Success : nvsp::Status::Failure;
      control(message.type, body.status, request.count);
      complete(packet, nvsp::Type::SubChannel, body);
      break;
    }
    default:
      // Messages without an answer of their own; a guest that waits gets a bare completion.
      if (!early) configure(message);
      complete_bare(packet);
      break;
  }
}

/// The highest version of both sides.
nvsp::Status NetVsp::Impl::initialise(const nvsp::Message& message) {
  static constexpr std::array kSpoken = {nvsp::Version::V6_1, nvsp::Version::V6, nvsp::Version::V5,
                                         nvsp::Version::V4,   nvsp::Version::V2, nvsp::Version::V1};
  if (session.version != nvsp::Version{}) return nvsp::Status::Failure;
  const auto asked = nvsp_body<nvsp::Init>(message);
  const auto least = static_cast<nvsp::Version>(asked.minimum);
  const auto most = static_cast<nvsp::Version>(asked.maximum);
  for (const nvsp::Version version : kSpoken) {
    if (version > config.highest || version < least || version > most) continue;
    session.version = version;
    return nvsp::Status::Success;
  }
  if (least > config.highest) return nvsp::Status::ProtocolTooNew;
  return most < kSpoken.back() ? nvsp::Status::ProtocolTooOld : nvsp::Status::ProtocolUnsupported;
}

void NetVsp::Impl::configure(const nvsp::Message& message) {
  std::uint64_t value = 0;
  switch (message.type) {
    case nvsp::Type::SendNdisVersion: {
      const auto version = nvsp_body<nvsp::NdisVersion>(message);
      session.ndis_major = version.major;
      session.ndis_minor = version.minor;
      value = std::uint64_t{version.major} << 32 | version.minor;
      break;
    }
    case nvsp::Type::SendNdisConfig: {
      if (session.version < nvsp::Version::V2) return;
      const auto wanted = nvsp_body<nvsp::NdisConfig>(message);
      session.guest_mtu = wanted.mtu;
      session.capabilities = wanted.capabilities;
      value = wanted.capabilities;
      break;
    }
    case nvsp::Type::RevokeReceiveBuffer:
    case nvsp::Type::RevokeSendBuffer:
      revoke(message);
      value = nvsp_body<nvsp::RevokeBuffer>(message).id;
      break;
    case nvsp::Type::SwitchDataPath:
      // There is no other path to switch to.
      break;
    default:
      return;
  }
  control(message.type, nvsp::Status::None, value);
}

nvsp::ReceiveBufferComplete NetVsp::Impl::take_receive_buffer(const nvsp::Message& message) {
  nvsp::ReceiveBufferComplete body;
  body.status = nvsp::Status::Failure;
  const auto asked = nvsp_body<nvsp::SendBuffer>(message);
  const std::uint64_t bytes = channel->lent_bytes(asked.gpadl);
  const bool old = session.version <= nvsp::Version::V2;
  if (buffer.attached() || asked.id != nvsp::kReceiveBufferId) return body;
  if (bytes > (old ? kMaxReceiveBufferV2 : kMaxReceiveBuffer)) return body;
  // A frame with its RNDIS header and a VLAN's information, in steps of 64 bytes.
  const std::uint64_t whole = sizeof(rndis::Header) + sizeof(rndis::Packet) +
                              sizeof(rndis::PacketInfo) + sizeof(rndis::VlanInfo) +
                              sim::kEthernetHeader + sim::kVlanTag + config.mtu;
  const auto section = static_cast<std::uint32_t>(
      std::max<std::uint64_t>(nvsp::kReceiveSectionBytes, (whole + 63) / 64 * 64));
  const auto sections = static_cast<std::uint32_t>(bytes / section);
  if (sections == 0) return body;
  buffer.attach(asked.gpadl, section, sections);
  body.status = nvsp::Status::Success;
  body.section_runs = 1;
  body.section_bytes = section;
  body.sections = sections;
  body.end_offset = section * sections;
  return body;
}

nvsp::SendBufferComplete NetVsp::Impl::take_send_buffer(const nvsp::Message& message) {
  nvsp::SendBufferComplete body;
  body.status = nvsp::Status::Failure;
  const auto asked = nvsp_body<nvsp::SendBuffer>(message);
  const std::uint64_t bytes = channel->lent_bytes(asked.gpadl);
  if (session.send_sections != 0 || asked.id != nvsp::kSendBufferId) return body;
  if (bytes < nvsp::kSendSectionBytes || bytes > kMaxSendBuffer) return body;
  session.send_gpadl = asked.gpadl;
  session.send_sections = static_cast<std::uint32_t>(bytes / nvsp::kSendSectionBytes);
  body.status = nvsp::Status::Success;
  body.section_bytes = nvsp::kSendSectionBytes;
  return body;
}

void NetVsp::Impl::revoke(const nvsp::Message& message) {
  const std::uint16_t id = nvsp_body<nvsp::RevokeBuffer>(message).id;
  if (message.type == nvsp::Type::RevokeReceiveBuffer) {
    if (id == nvsp::kReceiveBufferId) buffer.detach();
  } else if (id == nvsp::kSendBufferId) {
    session.send_gpadl = 0;
    session.send_sections = 0;
  }
}

template <class Body>
void NetVsp::Impl::complete(const vmbus::Packet& packet, nvsp::Type type, const Body& body) {
  if (!packet.completion_requested) return;
  Reply reply;
  reply.transaction = packet.transaction;
  reply.bytes =
      session.version >= nvsp::Version::V6_1 ? sizeof(nvsp::Message) : nvsp::kShortMessage;
  static_assert(nvsp::kMessageHead + sizeof(body) <= nvsp::kShortMessage);
  reply.message.type = type;
  std::memcpy(reply.message.body.data(), &body, sizeof(body));
  replies.push_back(reply);
}

void NetVsp::Impl::complete_bare(const vmbus::Packet& packet) {
  if (!packet.completion_requested) return;
  Reply reply;
  reply.transaction = packet.transaction;
  replies.push_back(reply);
}

/// The guest has taken what was in the sections of a packet.
void NetVsp::Impl::returned(const vmbus::Packet& packet) {
  if (!buffer.returned(packet.transaction)) return;
  if (!detail()) return;
  nvsp::Message message;
  const std::size_t bytes = std::min(packet.payload.size(), sizeof(message));
  if (bytes != 0) std::memcpy(&message, packet.payload.data(), bytes);
  auto event = about<traces::ev::NicReturned>();
  event.transaction = packet.transaction;
  event.status = static_cast<std::uint32_t>(nvsp_body<nvsp::RndisPacketComplete>(message).status);
  emit(event);
}

void NetVsp::Impl::pump() {
  while (channel != nullptr && !channel->failed()) {
    if (!pump_reply() && !pump_control()) return;
  }
}

bool NetVsp::Impl::pump_reply() {
  if (replies.empty()) return false;
  const Reply& reply = replies.front();
  vmbus::PacketOut packet;
  packet.type = vmbus::PacketType::Completion;
  packet.transaction = reply.transaction;
  packet.payload = std::as_bytes(std::span(&reply.message, 1)).first(reply.bytes);
  if (!channel->write(packet)) return false;
  replies.pop_front();
  return true;
}

void NetVsp::Impl::control(nvsp::Type type, nvsp::Status status, std::uint64_t value) const {
  auto event = about<traces::ev::NicControl>();
  event.message = static_cast<std::uint32_t>(type);
  event.status = static_cast<std::uint32_t>(status);
  event.value = value;
  emit(event);
}

}  // namespace vsp
