#include "hypervisor/vsp/integration_component.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace vsp {

using icmsg::append;
using icmsg::take;

namespace {

/// Transaction id of the negotiation; requests count on from it.
constexpr std::uint64_t kNegotiation = 1;

bool offered(std::span<const icmsg::Version> versions, icmsg::Version version) {
  return std::find(versions.begin(), versions.end(), version) != versions.end();
}

}  // namespace

vmbus::Offer IntegrationComponent::offer() const {
  vmbus::Offer offer;
  offer.interface_id = kind_.interface_id;
  offer.instance_id = kind_.instance_id;
  offer.pipe_mode = true;
  return offer;
}

void IntegrationComponent::opened(vmbus::Channel& channel) {
  channel_ = &channel;
  state_ = State::Opened;
  requests_ = 0;
  on_opened();
  negotiate();
}

void IntegrationComponent::closed() {
  channel_ = nullptr;
  state_ = State::Closed;
  on_closed();
}

void IntegrationComponent::readable() {
  while (channel_ != nullptr && !quiesced_) {
    const auto packet = channel_->read();
    if (!packet) return;
    handle(*packet);
  }
}

void IntegrationComponent::writable() {
  if (state_ == State::Opened) {
    negotiate();
  } else {
    on_room();
  }
}

void IntegrationComponent::quiesce() {
  quiesced_ = true;
  on_quiesce();
  idle_.raise();
}

void IntegrationComponent::resume() {
  quiesced_ = false;
  idle_.reset();
  if (state_ == State::Opened) negotiate();
  on_resume();
}

void IntegrationComponent::negotiate() {
  std::vector<std::byte> body;
  icmsg::Negotiate counts;
  counts.framework_count = static_cast<std::uint16_t>(kind_.frameworks.size());
  counts.message_count = static_cast<std::uint16_t>(kind_.messages.size());
  append(body, counts);
  for (const icmsg::Version& version : kind_.frameworks) append(body, version);
  for (const icmsg::Version& version : kind_.messages) append(body, version);
  icmsg::Header header;
  header.framework = kind_.frameworks.back();  // the lowest: everybody can read it
  header.message = kind_.messages.back();
  header.type = icmsg::Type::Negotiate;
  if (!send(kNegotiation, header, body)) return;
  state_ = State::Negotiating;
  on_asked();
}

bool IntegrationComponent::request(std::span<const std::byte> body) {
  if (channel_ == nullptr) return false;
  icmsg::Header header;
  header.framework = framework_;
  header.message = message_;
  const icmsg::Version oldest = kind_.messages.back();
  if (message_ != oldest && plant("ic.wrong-version")) header.message = oldest;
  header.type = kind_.type;
  if (!send(kNegotiation + requests_ + 1, header, body)) return false;
  ++requests_;
  return true;
}

bool IntegrationComponent::send(std::uint64_t transaction, icmsg::Header header,
                                std::span<const std::byte> body) {
  header.bytes = static_cast<std::uint16_t>(body.size());
  header.transaction = static_cast<std::uint8_t>(transaction);
  header.flags = icmsg::kTransaction | icmsg::kRequest;
  std::vector<std::byte> payload;
  vmbus::protocol::PipeHeader pipe;
  pipe.bytes = static_cast<std::uint32_t>(sizeof(header) + body.size());
  append(payload, pipe);
  append(payload, header);
  payload.insert(payload.end(), body.begin(), body.end());
  vmbus::PacketOut packet;
  packet.transaction = transaction;
  packet.payload = payload;
  return channel_->write(packet);
}

void IntegrationComponent::handle(const vmbus::Packet& packet) {
  std::span<const std::byte> rest(packet.payload);
  vmbus::protocol::PipeHeader pipe;
  icmsg::Header header;
  if (packet.type != vmbus::PacketType::DataInband || !take(rest, pipe) || !take(rest, header)) {
    return;
  }
  if ((header.flags & icmsg::kResponse) == 0) return;  // a guest asks nothing of a component
  if (header.type == icmsg::Type::Negotiate) {
    handle_negotiated(rest);
  } else if (header.type == kind_.type && ready() && packet.transaction > kNegotiation) {
    on_answer({packet.transaction - kNegotiation, header.status, rest});
  }
}

void IntegrationComponent::handle_negotiated(std::span<const std::byte> body) {
  if (state_ != State::Negotiating) return;
  icmsg::Negotiate counts;
  icmsg::Version framework, message;
  const bool agreed = take(body, counts) && counts.framework_count == 1 &&
                      counts.message_count == 1 && take(body, framework) && take(body, message) &&
                      offered(kind_.frameworks, framework) && offered(kind_.messages, message);
  traces::ev::IcNegotiated event;
  event.component = kind_.component;
  event.agreed = agreed;
  if (agreed) {
    event.framework = framework.number();
    event.message = message.number();
  }
  emit(event);
  if (!agreed) {
    state_ = State::Refused;
    on_refused();
    return;
  }
  state_ = State::Ready;
  framework_ = framework;
  message_ = message;
  on_ready();
}

void IntegrationComponent::save(traces::ByteWriter& out) const {
  out.put(kind_.saved_format);
  out.put(state_);
  for (const icmsg::Version& version : {framework_, message_}) {
    out.put(version.major);
    out.put(version.minor);
  }
  out.put(requests_);
  save_more(out);
}

void IntegrationComponent::witness(traces::DigestStream& out) const {
  out.add_u64(channel_ != nullptr);
  out.add_u64(static_cast<std::uint64_t>(state_));
  for (const icmsg::Version& version : {framework_, message_}) {
    out.add_u64(version.major);
    out.add_u64(version.minor);
  }
  out.add_u64(requests_);
}

bool IntegrationComponent::restore(traces::ByteReader& in, vmbus::Channel* channel) {
  if (in.get<std::uint32_t>() != kind_.saved_format) return false;
  const auto state = in.get<State>();
  std::array<icmsg::Version, 2> versions;
  for (icmsg::Version& version : versions) {
    version.major = in.get<std::uint16_t>();
    version.minor = in.get<std::uint16_t>();
  }
  const auto requests = in.get<std::uint64_t>();
  if (!in.ok() || state > State::Ready) return false;
  if ((channel == nullptr) != (state == State::Closed)) return false;
  if (state == State::Ready &&
      (!offered(kind_.frameworks, versions[0]) || !offered(kind_.messages, versions[1]))) {
    return false;
  }
  channel_ = channel;
  state_ = state;
  framework_ = versions[0];
  message_ = versions[1];
  requests_ = requests;
  return restore_more(in) && in.ok();
}

}  // namespace vsp
