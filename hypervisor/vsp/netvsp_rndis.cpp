// RNDIS messages of the guest: what comes in one packet, and the control messages (spec D.2).
#include <algorithm>
#include <cstring>
#include <numeric>
#include <string_view>
#include <utility>

#include "hypervisor/vsp/netvsp_impl.hpp"
#include "hypervisor/vsp/points.hpp"

namespace vsp {

using rndis::Oid;

namespace {

/// Of one packet to the host: more than any guest sends, little enough to copy.
constexpr std::uint64_t kMaxMessageBytes = 0x40000;
/// Answers that wait for room or a section; further requests are refused as busy.
constexpr std::size_t kMaxControls = 64;
constexpr std::size_t kMostMulticast = 32;
/// RNDIS messages in one packet, and the power of two at whose multiples they begin.
constexpr std::uint32_t kMaxPackets = 8, kAlignment = 3;

template <class T>
std::optional<T> load(std::span<const std::byte> bytes, std::size_t at = 0) {
  if (at > bytes.size() || sizeof(T) > bytes.size() - at) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

/// A part that a message names by offset and length.
std::optional<std::span<const std::byte>> part(std::span<const std::byte> all, std::uint32_t offset,
                                               std::uint32_t bytes) {
  if (offset > all.size() || bytes > all.size() - offset) return std::nullopt;
  return all.subspan(offset, bytes);
}

/// Whether UTF-16 text is this ASCII text.
bool reads(std::span<const std::byte> wide, std::string_view text) {
  if (wide.size() != 2 * text.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (wide[2 * i] != static_cast<std::byte>(text[i]) || wide[2 * i + 1] != std::byte{}) {
      return false;
    }
  }
  return true;
}

/// A driver's parameter. The address cannot be changed: the switch knows the port by it.
rndis::Status set_parameter(std::span<const std::byte> info) {
  struct Parameter {
    std::uint32_t name_offset, name_bytes, type, value_offset, value_bytes;
  };
  const auto parameter = load<Parameter>(info);
  if (!parameter) return rndis::Status::InvalidLength;
  const auto name = part(info, parameter->name_offset, parameter->name_bytes);
  if (!name || !part(info, parameter->value_offset, parameter->value_bytes)) {
    return rndis::Status::InvalidData;
  }
  return reads(*name, "NetworkAddress") ? rndis::Status::NotSupported : rndis::Status::Success;
}

/// Offloads are parameters of one byte each behind the object's header: 0 leaves as it is, 1 is
/// off. None is offered, so none can be switched on.
rndis::Status set_offloads(std::span<const std::byte> info) {
  const auto header = load<rndis::ObjectHeader>(info);
  constexpr std::size_t kParameters = 11;
  if (!header || info.size() < sizeof(*header) + kParameters) return rndis::Status::InvalidLength;
  if (header->type != rndis::kObjectDefault) return rndis::Status::InvalidData;
  const auto parameters = info.subspan(sizeof(*header), kParameters);
  const bool off = std::all_of(parameters.begin(), parameters.end(), [](std::byte value) {
    return std::to_integer<unsigned>(value) <= 1;
  });
  return off ? rndis::Status::Success : rndis::Status::NotSupported;
}

}  // namespace

nvsp::Status NetVsp::Impl::rndis_packet(const vmbus::Packet& packet,
                                        const nvsp::RndisPacket& header) {
  if (!buffer.attached()) return nvsp::Status::Failure;
  if (!gather(packet, header)) return nvsp::Status::InvalidRndisPacket;
  if (header.channel == nvsp::kDataChannel) return data_messages(packet);
  if (header.channel != nvsp::kControlChannel) return nvsp::Status::InvalidRndisPacket;
  if (controls.size() >= kMaxControls) return nvsp::Status::Busy;
  return control_message(gathered) ? nvsp::Status::Success : nvsp::Status::InvalidRndisPacket;
}

/// The message's bytes: what lies in a section of the send buffer, then what the packet's ranges
/// hold.
bool NetVsp::Impl::gather(const vmbus::Packet& packet, const nvsp::RndisPacket& header) {
  const std::uint64_t direct = std::accumulate(
      packet.ranges.begin(), packet.ranges.end(), std::uint64_t{0},
      [](std::uint64_t sum, const vmbus::GpaRange& range) { return sum + range.bytes; });
  std::uint32_t in_section = 0;
  if (header.section != nvsp::kNoSection) {
    in_section = header.section_bytes;
    if (header.section >= session.send_sections) return false;
    if (in_section > nvsp::kSendSectionBytes) return false;
  }
  if (direct > kMaxMessageBytes) return false;
  gathered.resize(in_section + direct);
  const std::span<std::byte> all(gathered);
  if (in_section != 0) {
    const std::uint64_t at = std::uint64_t{header.section} * nvsp::kSendSectionBytes;
    if (!channel->read_lent(session.send_gpadl, at, all.first(in_section))) return false;
  }
  return direct == 0 || channel->copy_in(packet, 0, all.subspan(in_section));
}

/// Frames of a packet, one behind the other. What comes before a broken one is sent.
nvsp::Status NetVsp::Impl::data_messages(const vmbus::Packet& packet) {
  // Not a protocol error of a guest whose RNDIS was reset or halted meanwhile.
  if (!operational()) return nvsp::Status::Failure;
  std::span<const std::byte> rest(gathered);
  nvsp::Status result = rest.empty() ? nvsp::Status::InvalidRndisPacket : nvsp::Status::Success;
  while (!rest.empty()) {
    const auto header = load<rndis::Header>(rest);
    const bool whole = header && header->length >= sizeof(rndis::Header) + sizeof(rndis::Packet) &&
                       header->length <= rest.size();
    if (!whole || header->type != rndis::Type::Packet) {
      ++counters.transmit_errors;
      dropped(traces::NicDrop::Malformed, {});
      return nvsp::Status::InvalidRndisPacket;
    }
    const nvsp::Status sent = transmit(packet, rest.first(header->length));
    if (sent != nvsp::Status::Success) result = sent;
    rest = rest.subspan(header->length);
  }
  return result;
}

/// False when the message cannot even be answered.
bool NetVsp::Impl::control_message(std::span<const std::byte> message) {
  const auto header = load<rndis::Header>(message);
  if (!header || header->length < sizeof(rndis::Header) || header->length > message.size()) {
    return false;
  }
  const auto body = message.subspan(sizeof(rndis::Header), header->length - sizeof(rndis::Header));
  auto event = about<traces::ev::NicRndis>();
  event.message = static_cast<std::uint32_t>(header->type);
  switch (header->type) {
    case rndis::Type::Initialize: {
      const auto request = load<rndis::Initialize>(body);
      if (!request) return false;
      initialise_rndis(*request);
      event.value = request->max_transfer;
      event.status = static_cast<std::uint32_t>(session.rndis_ready ? rndis::Status::Success
                                                                    : rndis::Status::BadVersion);
      break;
    }
    case rndis::Type::Query: {
      const auto request = load<rndis::Request>(body);
      if (!request) return false;
      query(*request);
      event.oid = static_cast<std::uint32_t>(request->oid);
      break;
    }
    case rndis::Type::Set: {
      const auto request = load<rndis::Request>(body);
      if (!request) return false;
      const auto info = part(body, request->info_offset, request->info_bytes);
      const auto status = info ? set(*request, *info) : rndis::Status::InvalidLength;
      answer(rndis::Type::SetComplete, rndis::Complete{request->request, status});
      event.oid = static_cast<std::uint32_t>(request->oid);
      event.status = static_cast<std::uint32_t>(status);
      if (info) event.value = load<std::uint32_t>(*info).value_or(0);
      break;
    }
    case rndis::Type::KeepAlive: {
      const auto request = load<std::uint32_t>(body);
      if (!request) return false;
      answer(rndis::Type::KeepAliveComplete, rndis::Complete{*request, rndis::Status::Success});
      break;
    }
    case rndis::Type::Reset:
      session.filter = 0;
      session.multicast.clear();
      answer(rndis::Type::ResetComplete, rndis::ResetComplete{rndis::Status::Success, 1});
      break;
    case rndis::Type::Halt:
      forget_rndis();
      break;
    default:
      return false;
  }
  emit(event);
  return true;
}

void NetVsp::Impl::initialise_rndis(const rndis::Initialize& request) {
  forget_rndis();
  rndis::InitializeComplete body;
  body.request = request.request;
  session.rndis_ready = request.major == rndis::kMajorVersion;
  session.told_link_up = port.link_up();
  body.status = session.rndis_ready ? rndis::Status::Success : rndis::Status::BadVersion;
  body.max_packets = kMaxPackets;
  body.max_transfer = static_cast<std::uint32_t>(kMaxMessageBytes);
  body.alignment = kAlignment;
  answer(rndis::Type::InitializeComplete, body);
}

void NetVsp::Impl::forget_rndis() {
  session.rndis_ready = false;
  session.filter = 0;
  session.multicast.clear();
}

void NetVsp::Impl::query(const rndis::Request& request) {
  rndis::QueryComplete body;
  body.request = request.request;
  body.info_offset = sizeof(body);
  // Only a device that was initialised can be asked.
  const auto value = session.rndis_ready ? object(request.oid) : std::nullopt;
  body.status = value ? rndis::Status::Success : rndis::Status::NotSupported;
  if (value) body.info_bytes = static_cast<std::uint32_t>(value->size());
  if (request.oid == Oid::MediaConnectStatus) session.told_link_up = port.link_up();
  answer(rndis::Type::QueryComplete, body, value ? *value : std::vector<std::byte>());
}

rndis::Status NetVsp::Impl::set(const rndis::Request& request, std::span<const std::byte> info) {
  if (!session.rndis_ready) return rndis::Status::NotSupported;
  switch (request.oid) {
    case Oid::PacketFilter: {
      const auto filter = load<std::uint32_t>(info);
      if (!filter) return rndis::Status::InvalidLength;
      session.filter = *filter;
      return rndis::Status::Success;
    }
    case Oid::MulticastList:
      return set_multicast(info);
    case Oid::OffloadParameters:
      return set_offloads(info);
    case Oid::ConfigParameter:
      return set_parameter(info);
    case Oid::CurrentLookahead:
    case Oid::NetworkLayerAddresses:
      return rndis::Status::Success;
    default:
      return rndis::Status::NotSupported;
  }
}

rndis::Status NetVsp::Impl::set_multicast(std::span<const std::byte> info) {
  constexpr std::size_t kBytes = sizeof(sim::MacAddress::bytes);
  if (info.size() % kBytes != 0 || info.size() / kBytes > kMostMulticast) {
    return rndis::Status::InvalidLength;
  }
  session.multicast.clear();
  for (std::size_t at = 0; at < info.size(); at += kBytes) {
    session.multicast.push_back(sim::mac_at(info, at));
  }
  return rndis::Status::Success;
}

/// Queues a control message to the guest.
template <class Body>
void NetVsp::Impl::answer(rndis::Type type, const Body& body, std::span<const std::byte> info) {
  rndis::Header header;
  header.type = type;
  header.length = static_cast<std::uint32_t>(sizeof(header) + sizeof(body) + info.size());
  std::vector<std::byte> message(header.length);
  std::memcpy(message.data(), &header, sizeof(header));
  std::memcpy(message.data() + sizeof(header), &body, sizeof(body));
  std::copy(info.begin(), info.end(), message.begin() + sizeof(header) + sizeof(body));
  controls.push_back(std::move(message));
}

void NetVsp::Impl::indicate(rndis::Status status) {
  rndis::Indicate body;
  body.status = status;
  answer(rndis::Type::Indicate, body);
  auto event = about<traces::ev::NicIndicated>();
  event.status = static_cast<std::uint32_t>(status);
  emit(event);
  pump();
}

void NetVsp::Impl::link_changed(bool up) {
  if (quiesced || !operational() || up == session.told_link_up) return;
  session.told_link_up = up;
  indicate(up ? rndis::Status::MediaConnect : rndis::Status::MediaDisconnect);
}

bool NetVsp::Impl::pump_control() {
  if (controls.empty() || !buffer.attached()) return false;
  const auto section = buffer.take();
  if (!section) {
    sometimes(kPointNoSection);
    return false;
  }
  const std::vector<std::byte>& message = controls.front();
  const std::uint64_t at = std::uint64_t{*section} * buffer.section_bytes();
  // A buffer that is no longer the host's takes nothing; the guest broke its own connection.
  const bool written = channel->write_lent(buffer.gpadl(), at, message);
  vmbus::GpaRange range;
  range.bytes = static_cast<std::uint32_t>(message.size());
  range.offset = static_cast<std::uint32_t>(at);
  std::vector<vmbus::GpaRange> ranges{range};
  if (!written || !lend(nvsp::kControlChannel, ranges)) {
    buffer.put_back(*section);
    return false;
  }
  controls.pop_front();
  return true;
}

}  // namespace vsp
