// What each control message does (spec C.2 to C.4). Everything in a message is untrusted; what a
// guest may not say is dropped without a trace event, what it may not have is refused by status.
#include <array>
#include <utility>

#include "hypervisor/vmbus/points.hpp"
#include "hypervisor/vmbus/server_impl.hpp"

namespace vmbus {

using protocol::Type;
using traces::ChannelState;
using traces::GpadlState;

namespace {

/// Versions this server speaks, up to its configured highest (spec C.2).
constexpr std::array kSpoken = {Version::V0_13, Version::V1_1, Version::V2_4, Version::V3_0,
                                Version::V4_0,  Version::V4_1, Version::V5_0, Version::V5_1,
                                Version::V5_2,  Version::V5_3};

bool at_least(std::uint32_t version, Version bound) {
  return version >= static_cast<std::uint32_t>(bound);
}

}  // namespace

void Server::Impl::handle(std::span<const std::byte> payload) {
  const auto header = protocol::parse<protocol::Header>(payload);
  if (!header) return;
  if (header->type == Type::InitiateContact) {
    if (auto message = protocol::parse<protocol::InitiateContact>(payload)) {
      handle_contact(*message);
    }
    return;
  }
  if (connection != Connection::Connected) return;  // ignored before contact (spec C.4)
  switch (header->type) {
    case Type::RequestOffers:
      handle_request_offers();
      break;
    case Type::OpenChannel:
      if (auto m = protocol::parse<protocol::OpenChannel>(payload)) handle_open(*m);
      break;
    case Type::CloseChannel:
      if (auto m = protocol::parse<protocol::RelidMessage>(payload)) handle_close(m->relid);
      break;
    case Type::GpadlHeader:
      if (auto m = protocol::parse<protocol::GpadlHeader>(payload)) {
        handle_gpadl_header(*m, payload.subspan(sizeof(*m)));
      }
      break;
    case Type::GpadlBody:
      if (auto m = protocol::parse<protocol::GpadlBody>(payload)) {
        handle_gpadl_body(*m, payload.subspan(sizeof(*m)));
      }
      break;
    case Type::GpadlTeardown:
      if (auto m = protocol::parse<protocol::GpadlTeardown>(payload)) handle_gpadl_teardown(*m);
      break;
    case Type::RelidReleased:
      if (auto m = protocol::parse<protocol::RelidMessage>(payload)) handle_released(m->relid);
      break;
    case Type::Unload:
      if (at_least(version, Version::V3_0)) handle_unload();
      break;
    default:
      handle_newer(header->type, payload);  // or unknown, or of the other direction
      break;
  }
}

/// Messages that came with version 4.0 and later.
void Server::Impl::handle_newer(Type type, std::span<const std::byte> payload) {
  switch (type) {
    case Type::ModifyChannel:
      if (!at_least(version, Version::V4_1)) break;
      if (auto m = protocol::parse<protocol::ModifyChannel>(payload)) handle_modify(*m);
      break;
    case Type::TlConnectRequest:
      if (!at_least(version, Version::V4_0)) break;
      if (auto m = protocol::parse<protocol::TlConnectRequest>(payload)) handle_connect(*m);
      break;
    default:
      break;
  }
}

bool Server::Impl::contact_valid(const protocol::InitiateContact& message) const {
  bool spoken = false;
  for (const Version candidate : kSpoken) {
    spoken |=
        candidate <= config.highest && static_cast<std::uint32_t>(candidate) == message.version;
  }
  if (!spoken) return false;
  if ((message.monitor_to_guest == 0) != (message.monitor_to_host == 0)) return false;
  if (at_least(message.version, Version::V3_0) &&
      message.target_vp >= partition.config().vp_count) {
    return false;
  }
  // From 5.0 the guest names SINT and VTL; this host delivers to SINT 2 of VTL 0 only.
  return !at_least(message.version, Version::V5_0) ||
         (message.interrupt_page_or_target & 0xFFFF) == protocol::kSint;
}

bool Server::Impl::take_interrupt_page(const protocol::InitiateContact& message) {
  if (at_least(message.version, Version::V2_4)) return true;
  if (!interrupt_page.lend(message.interrupt_page_or_target)) return false;
  shares_doorbell = !at_least(message.version, Version::V1_1);
  if (shares_doorbell) {
    partition.connect_events({protocol::kEventConnection}, *this, kFlagsPerChannel);
  }
  return true;
}

void Server::Impl::give_interrupt_page_back() {
  interrupt_page.take_back();
  if (std::exchange(shares_doorbell, false)) partition.disconnect({protocol::kEventConnection});
}

void Server::Impl::handle_contact(const protocol::InitiateContact& message) {
  const bool lends = !at_least(message.version, Version::V2_4);
  handled(Type::InitiateContact, 0, message.version,
          lends ? message.interrupt_page_or_target / sim::kPageSize : 0);
  disconnect();  // contact on a connected bus is an unload first
  protocol::VersionResponse response;
  const bool supported = contact_valid(message) && take_interrupt_page(message);
  target_vp = 0;
  if (at_least(message.version, Version::V3_0) && message.target_vp < partition.config().vp_count) {
    target_vp = message.target_vp;
  }
  if (supported) {
    connection = Connection::Connected;
    version = message.version;
    response.supported = 1;
    response.version_or_connection =
        at_least(message.version, Version::V5_0) ? protocol::kMessageConnectionV5 : message.version;
  }
  send(response, 0, message.version, response.supported);
  if (supported && plant("vmbus.version-response-twice")) {
    send(response, 0, message.version, response.supported);
  }
}

void Server::Impl::handle_request_offers() {
  if (offers_sent) return;  // twice without a new contact is a protocol error
  handled(Type::RequestOffers, 0, 0, 0);
  offers_sent = true;
  for (const auto& channel : channels) offer(*channel);
  if (!channels.empty() && plant("vmbus.offers-twice")) offer(*channels.front());
  if (plant("vmbus.forgets-all-offers")) return;
  send_bare(Type::AllOffersDelivered);
}

void Server::Impl::offer(ServerChannel& channel) {
  if (channel.state() == ChannelState::Released) channel.change(ChannelState::Closed);
  protocol::OfferChannel message;
  message.interface_id = channel.offer().interface_id.bytes();
  message.instance_id = channel.offer().instance_id.bytes();
  message.flags = channel.offer().flags;
  if (channel.offer().pipe_mode) {
    message.flags |= protocol::kOfferNamedPipe;
    message.user_defined[0] = std::byte{protocol::kPipeModeMessage};
  }
  message.relid = channel.relid();
  const std::uint32_t first = channels.front()->relid();
  if (message.relid != first && plant("vmbus.one-relid-for-all")) message.relid = first;
  message.is_dedicated_interrupt = at_least(version, Version::V1_1) ? 1 : 0;
  message.connection_id = protocol::event_connection(channel.relid());
  send(message, message.relid, 0, 0);
}

ServerChannel* Server::Impl::offered(std::uint32_t relid) {
  for (const auto& channel : channels) {
    if (channel->relid() == relid && channel->state() != ChannelState::Released) {
      return channel.get();
    }
  }
  return nullptr;
}

void Server::Impl::handle_gpadl_header(const protocol::GpadlHeader& message,
                                       std::span<const std::byte> data) {
  const std::uint64_t pfns =
      data.size() / 8 > message.range_count ? data.size() / 8 - message.range_count : 0;
  handled(Type::GpadlHeader, message.relid, message.gpadl, pfns);
  auto result = GpadlTable::Result::Refused;
  if (offered(message.relid) != nullptr || revoked.contains(message.relid)) {
    result =
        gpadls.header(message.gpadl, message.relid, message.range_bytes, message.range_count, data);
  }
  answer_gpadl(message.relid, message.gpadl, result);
}

void Server::Impl::handle_gpadl_body(const protocol::GpadlBody& message,
                                     std::span<const std::byte> data) {
  const Gpadl* gpadl = gpadls.find(message.gpadl);
  if (gpadl == nullptr || gpadl->state != GpadlState::InProgress) return;
  const std::uint32_t relid = gpadl->relid;
  handled(Type::GpadlBody, relid, message.gpadl, data.size() / 8);
  answer_gpadl(relid, message.gpadl, gpadls.body(message.gpadl, data));
}

void Server::Impl::answer_gpadl(std::uint32_t relid, std::uint32_t gpadl,
                                GpadlTable::Result result) {
  protocol::GpadlCreated answer;
  answer.relid = relid;
  answer.gpadl = gpadl;
  switch (result) {
    case GpadlTable::Result::Incomplete:
    case GpadlTable::Result::Ignored:
      return;
    case GpadlTable::Result::Accepted:
      if (plant("vmbus.forgets-gpadl-created")) return;
      answer.status = protocol::kSuccess;
      break;
    case GpadlTable::Result::Refused:
      answer.status = protocol::kUnsuccessful;
      break;
  }
  send(answer, relid, gpadl, answer.status);
}

void Server::Impl::handle_gpadl_teardown(const protocol::GpadlTeardown& message) {
  Gpadl* gpadl = gpadls.find(message.gpadl);
  if (gpadl == nullptr || gpadl->state != GpadlState::Accepted || gpadl->relid != message.relid) {
    return;
  }
  handled(Type::GpadlTeardown, message.relid, message.gpadl, 0);
  gpadls.tearing_down(*gpadl);
  // Pages of an open ring stay lent until the channel is closed; then the answer goes out.
  const ServerChannel* channel = offered(message.relid);
  const bool in_use =
      channel != nullptr && channel->is_open() && channel->request().ring_gpadl == message.gpadl;
  if (in_use) sometimes(kPointTeardownInUse);
  if (!in_use) send_torndown(message.gpadl);
}

void Server::Impl::send_torndown(std::uint32_t id) {
  const std::uint32_t relid = gpadls.find(id)->relid;
  gpadls.remove(id);
  protocol::GpadlTorndown answer;
  answer.gpadl = id;
  send(answer, relid, id, 0);
}

void Server::Impl::handle_open(const protocol::OpenChannel& message) {
  if (revoked.contains(message.relid)) return;  // silence, Linux relies on it
  ServerChannel* channel = offered(message.relid);
  handled(Type::OpenChannel, message.relid, message.open_id, 0);
  const bool opened = channel != nullptr && try_open(*channel, message);

  protocol::OpenChannelResult answer;
  answer.relid = message.relid;
  answer.open_id = message.open_id;
  answer.status = opened ? protocol::kSuccess : protocol::kUnsuccessful;
  if (opened && plant("vmbus.rings-before-open")) {
    channel->raise_doorbell(traces::SignalReason::Packet);
  }
  const bool late = opened && plant("vmbus.serves-before-open");
  if (opened && !late) channel->change(ChannelState::Open);
  send(answer, message.relid, message.open_id, answer.status);
  if (plant("vmbus.open-result-twice")) {
    send(answer, message.relid, message.open_id, answer.status);
  }
  if (opened) channel->device_opened();
}

bool Server::Impl::try_open(ServerChannel& channel, const protocol::OpenChannel& message) {
  if (channel.state() != ChannelState::Closed) return false;
  const Gpadl* gpadl = gpadls.accepted(message.ring_gpadl, message.relid);
  if (gpadl == nullptr || !ServerChannel::geometry_valid(*gpadl, message.downstream_page) ||
      message.target_vp >= partition.config().vp_count) {
    return false;
  }
  OpenRequest request;
  request.open_id = message.open_id;
  request.ring_gpadl = message.ring_gpadl;
  request.target_vp = message.target_vp;
  request.downstream_page = message.downstream_page;
  request.user_data = message.user_data;
  if (!channel.attach_rings(request, *gpadl)) return false;
  channel.change(ChannelState::Opening);
  return true;
}

void Server::Impl::handle_close(std::uint32_t relid) {
  ServerChannel* channel = offered(relid);
  if (channel == nullptr || !channel->is_open()) return;
  handled(Type::CloseChannel, relid, 0, 0);
  close(*channel);
}

void Server::Impl::close(ServerChannel& channel) {
  if (channel.state() == ChannelState::Released || channel.state() == ChannelState::Closed) return;
  channel.change(ChannelState::Closing);
  channel.device_closed();
  channel.change(ChannelState::Closed);
  const std::uint32_t ring = channel.request().ring_gpadl;
  const Gpadl* gpadl = gpadls.find(ring);
  if (gpadl != nullptr && gpadl->state == GpadlState::TearingDown) send_torndown(ring);
}

/// An interrupt on its way goes to the old processor still; guests expect that (spec C.4).
void Server::Impl::handle_modify(const protocol::ModifyChannel& message) {
  ServerChannel* channel = offered(message.relid);
  const bool good =
      channel != nullptr && channel->is_open() && message.target_vp < partition.config().vp_count;
  handled(Type::ModifyChannel, message.relid, message.target_vp, 0);
  if (good) channel->retarget(message.target_vp);
  if (!at_least(version, Version::V5_3)) return;
  protocol::ModifyChannelResponse answer;
  answer.relid = message.relid;
  answer.status = good ? protocol::kSuccess : protocol::kUnsuccessful;
  if (!plant("vmbus.forgets-modify-response")) {
    send(answer, message.relid, message.target_vp, answer.status);
  }
}

/// No service of this host listens for sockets, and the guest is told so.
void Server::Impl::handle_connect(const protocol::TlConnectRequest& message) {
  handled(Type::TlConnectRequest, 0, 0, 0);
  protocol::TlConnectResult answer;
  answer.endpoint = message.endpoint;
  answer.service = message.service;
  answer.status = protocol::kConnectionRefused;
  send(answer, 0, 0, answer.status);
}

void Server::Impl::handle_released(std::uint32_t relid) {
  if (!revoked.contains(relid)) return;
  handled(Type::RelidReleased, relid, 0, 0);
  release_revoked(relid);
}

void Server::Impl::release_revoked(std::uint32_t relid) {
  revoked.erase(relid);
  // A guest need not tear down what belongs to a rescinded channel; Linux does not.
  gpadls.release(relid);
  traces::ev::VmbusChannel event;
  event.partition = partition.id().value;
  event.relid = relid;
  event.from = ChannelState::Closed;
  event.to = ChannelState::Released;
  partition.node().world().emit(partition.node().id(), event);
}

void Server::Impl::handle_unload() {
  handled(Type::Unload, 0, 0, 0);
  if (plant("vmbus.unload-answers-first")) send_bare(Type::UnloadResponse);
  disconnect();
  if (!plant("vmbus.mute-unload")) send_bare(Type::UnloadResponse);
}

void Server::Impl::disconnect() {
  // Answers of the old connection are not for the new one; nor are its requests.
  outbox.clear();
  for (const auto& channel : channels) {
    if (channel->state() == ChannelState::Released) continue;
    if (channel->is_open() && plant("vmbus.contact-keeps-channels")) continue;
    close(*channel);
    channel->change(ChannelState::Released);
  }
  outbox.clear();
  while (!revoked.empty()) release_revoked(*revoked.begin());
  gpadls.clear();
  connection = Connection::Disconnected;
  give_interrupt_page_back();
  version = 0;
  offers_sent = false;
}

}  // namespace vmbus
