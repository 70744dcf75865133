// Frames: from the guest's RNDIS messages to the switch, and from the switch into the guest's
// receive buffer (spec D.2).
#include <algorithm>
#include <cstring>
#include <utility>

#include "hypervisor/vsp/netvsp_impl.hpp"
#include "hypervisor/vsp/points.hpp"
#include "traces/digest.hpp"

namespace vsp {

namespace {

/// Frames that go to the guest with one packet of the ring. Fewer than a guest takes: their
/// sections are all busy until the guest has done with the last of them.
constexpr std::size_t kFramesPerPacket = 32;
constexpr std::uint16_t kVlanType = 0x8100;
/// nic.sent and nic.delivered: a tag beside the frame.
constexpr std::uint32_t kTagged = 0x10000;

std::uint16_t big_endian(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[at]) << 8 |
                                    std::to_integer<unsigned>(bytes[at + 1]));
}

/// The tag that a frame carries in its bytes.
std::optional<std::uint16_t> tag_of(std::span<const std::byte> frame) {
  if (frame.size() < sim::kEthernetHeader + sim::kVlanTag) return std::nullopt;
  if (big_endian(frame, 12) != kVlanType) return std::nullopt;
  return big_endian(frame, 14);
}

/// The 802.1Q information of a packet. False when the packet's information is broken.
bool vlan_info(std::span<const std::byte> body, const rndis::Packet& packet,
               std::optional<std::uint16_t>& tag) {
  if (packet.info_bytes == 0) return true;
  if (packet.info_offset < sizeof(packet) || packet.info_offset > body.size() ||
      packet.info_bytes > body.size() - packet.info_offset) {
    return false;
  }
  auto rest = body.subspan(packet.info_offset, packet.info_bytes);
  while (!rest.empty()) {
    rndis::PacketInfo info;
    if (rest.size() < sizeof(info)) return false;
    std::memcpy(&info, rest.data(), sizeof(info));
    if (info.bytes < sizeof(info) || info.bytes > rest.size()) return false;
    if (info.type == rndis::kInfoVlan) {
      rndis::VlanInfo value;
      if (info.value_offset > info.bytes || sizeof(value) > info.bytes - info.value_offset) {
        return false;
      }
      std::memcpy(&value, rest.data() + info.value_offset, sizeof(value));
      tag = value.tag();
    }
    rest = rest.subspan(info.bytes);
  }
  return true;
}

std::vector<std::byte> frame_with(std::span<const std::byte> data,
                                  std::optional<std::uint16_t> tag) {
  if (!tag) return {data.begin(), data.end()};
  constexpr std::size_t kAddresses = 12;
  std::vector<std::byte> frame(data.size() + sim::kVlanTag);
  std::memcpy(frame.data(), data.data(), kAddresses);
  for (const auto& [at, value] :
       {std::pair{kAddresses, kVlanType}, std::pair{kAddresses + 2, *tag}}) {
    frame[at] = static_cast<std::byte>(value >> 8);
    frame[at + 1] = static_cast<std::byte>(value & 0xFF);
  }
  std::memcpy(frame.data() + kAddresses + sim::kVlanTag, data.data() + kAddresses,
              data.size() - kAddresses);
  return frame;
}

}  // namespace

/// Bytes of the longest frame without a tag.
std::uint32_t NetVsp::Impl::frame_limit() const {
  const auto limit = static_cast<std::uint32_t>(config.mtu + sim::kEthernetHeader);
  return session.guest_mtu == 0 ? limit : std::min(limit, session.guest_mtu);
}

/// One frame of the guest.
nvsp::Status NetVsp::Impl::transmit(const vmbus::Packet& packet,
                                    std::span<const std::byte> message) {
  const auto body = message.subspan(sizeof(rndis::Header));
  rndis::Packet head;
  std::memcpy(&head, body.data(), sizeof(head));
  std::optional<std::uint16_t> tag;
  const bool whole = head.data_offset <= body.size() &&
                     head.data_bytes <= body.size() - head.data_offset &&
                     head.data_bytes >= sim::kEthernetHeader;
  if (!whole || !vlan_info(body, head, tag)) {
    ++counters.transmit_errors;
    dropped(traces::NicDrop::Malformed, {});
    return nvsp::Status::InvalidRndisPacket;
  }
  const auto data = body.subspan(head.data_offset, head.data_bytes);
  const std::size_t tag_bytes = tag_of(data) ? sim::kVlanTag : 0;
  if (data.size() - tag_bytes > config.mtu + sim::kEthernetHeader) {
    ++counters.transmit_errors;
    dropped(traces::NicDrop::TooLong, data);
    return nvsp::Status::InvalidRndisPacket;
  }
  if (detail()) witness_sent(packet, data, tag);
  ++counters.transmitted;
  std::vector<std::byte> frame = frame_with(data, tag);
  if (plant("netvsp.damages-sent")) frame.back() ^= std::byte{1};
  sim::EthernetFrame sent = sim::make_frame(std::move(frame));
  if (plant("netvsp.sends-twice")) port.send(sent);
  port.send(std::move(sent));
  return nvsp::Status::Success;
}

bool NetVsp::Impl::accepts(const std::vector<std::byte>& frame) const {
  const sim::MacAddress to = sim::destination_of(frame);
  const std::uint32_t filter = session.filter;
  if ((filter & rndis::kFilterPromiscuous) != 0) return true;
  if (to.broadcast()) return (filter & rndis::kFilterBroadcast) != 0;
  if (!to.group()) return (filter & rndis::kFilterDirected) != 0 && to == config.mac;
  if ((filter & rndis::kFilterAllMulticast) != 0) return true;
  return (filter & rndis::kFilterMulticast) != 0 &&
         std::find(session.multicast.begin(), session.multicast.end(), to) !=
             session.multicast.end();
}

void NetVsp::Impl::received(std::span<const sim::EthernetFrame> frames) {
  if (!operational()) return;
  if (quiesced) {
    // Who stands still gets nothing, as if the cable were out.
    for (const sim::EthernetFrame& frame : frames) {
      if (accepts(*frame)) dropped(traces::NicDrop::NotOperational, *frame);
    }
    return;
  }
  if (session.filter == 0 && !plant("netvsp.ignores-filter")) return;
  std::vector<vmbus::GpaRange> ranges;
  const auto flush = [&] {
    if (ranges.empty()) return;
    counters.received += ranges.size();
    if (!lend(nvsp::kDataChannel, ranges)) {
      counters.received -= ranges.size();
      counters.no_buffer += ranges.size();
      for (const vmbus::GpaRange& range : ranges) {
        buffer.put_back(range.offset / buffer.section_bytes());
        dropped(traces::NicDrop::NoRoom, {});
      }
    }
    ranges.clear();
  };
  for (const sim::EthernetFrame& frame : frames) {
    const bool wanted = accepts(*frame) || session.filter == 0 || plant("netvsp.hears-everything");
    if (!wanted) continue;
    if (next_transaction % 8 == 0 && plant("netvsp.loses-frame")) continue;
    auto range = place(*frame);
    if (!range) continue;
    ranges.push_back(std::move(*range));
    if (ranges.size() == kFramesPerPacket) flush();
    if (channel == nullptr || channel->failed()) return;
  }
  flush();
}

/// Writes a frame into a section of its own; nothing when it is dropped.
std::optional<vmbus::GpaRange> NetVsp::Impl::place(const std::vector<std::byte>& frame) {
  const auto tag = tag_of(frame);
  const bool beside = tag && (session.capabilities & nvsp::kCapabilityVlan) != 0;
  const std::size_t data_bytes = frame.size() - (beside ? sim::kVlanTag : 0);
  if (frame.size() - (tag ? sim::kVlanTag : 0) > frame_limit()) {
    ++counters.receive_errors;
    dropped(traces::NicDrop::TooLong, frame);
    return std::nullopt;
  }
  struct Head {
    rndis::Header header;
    rndis::Packet packet;
    rndis::PacketInfo info;
    rndis::VlanInfo vlan;
  };
  static_assert(sizeof(Head) == 8 + 36 + 12 + 4);
  Head head;
  constexpr std::size_t kPlain = offsetof(Head, info);
  const std::size_t head_bytes = beside ? sizeof(head) : kPlain;
  head.header.type = rndis::Type::Packet;
  head.header.length = static_cast<std::uint32_t>(head_bytes + data_bytes);
  head.packet.data_offset = static_cast<std::uint32_t>(head_bytes - sizeof(head.header));
  head.packet.data_bytes = static_cast<std::uint32_t>(data_bytes);
  if (beside) {
    head.packet.info_offset = sizeof(rndis::Packet);
    head.packet.info_bytes = sizeof(head.info) + sizeof(head.vlan);
    head.info = {head.packet.info_bytes, rndis::kInfoVlan, sizeof(head.info)};
    head.vlan = rndis::VlanInfo::of_tag(*tag);
  }
  const auto section = buffer.take();
  if (!section) {
    ++counters.no_buffer;
    sometimes(kPointNoSection);
    dropped(traces::NicDrop::NoSection, frame);
    return std::nullopt;
  }
  vmbus::GpaRange range;
  range.offset = *section * buffer.section_bytes();
  range.bytes = head.header.length;
  gathered.resize(range.bytes);
  std::memcpy(gathered.data(), &head, head_bytes);
  const std::span<const std::byte> bytes(frame);
  constexpr std::size_t kAddresses = 12;
  std::memcpy(gathered.data() + head_bytes, bytes.data(), kAddresses);
  const auto tail = bytes.subspan(kAddresses + (beside ? sim::kVlanTag : 0));
  std::memcpy(gathered.data() + head_bytes + kAddresses, tail.data(), tail.size());
  if (plant("netvsp.damages-received")) gathered.back() ^= std::byte{1};
  if (!channel->write_lent(buffer.gpadl(), range.offset, gathered)) {
    // The guest took its buffer back without saying so.
    buffer.put_back(*section);
    ++counters.no_buffer;
    dropped(traces::NicDrop::NoSection, frame);
    return std::nullopt;
  }
  if (plant("netvsp.reuses-section")) buffer.put_back(*section);
  return range;
}

/// Puts the packet that names the ranges into the ring. They are the guest's then.
bool NetVsp::Impl::lend(std::uint32_t rndis_channel, std::vector<vmbus::GpaRange>& ranges) {
  nvsp::Message message;
  message.type = nvsp::Type::SendRndisPacket;
  const nvsp::RndisPacket body{rndis_channel, nvsp::kNoSection, 0};
  std::memcpy(message.body.data(), &body, sizeof(body));
  vmbus::PacketOut packet;
  packet.type = vmbus::PacketType::DataUsingTransferPages;
  packet.completion_requested = true;
  packet.transaction = next_transaction;
  packet.pageset = nvsp::kReceiveBufferId;
  packet.payload = std::as_bytes(std::span(&message, 1)).first(nvsp::kShortMessage);
  packet.ranges = std::move(ranges);
  const bool written = channel->write(packet);
  ranges = std::move(packet.ranges);
  if (!written) return false;
  if (detail()) witness_lent(packet.transaction, rndis_channel, ranges);
  std::vector<std::uint32_t> sections;
  sections.reserve(ranges.size());
  for (const vmbus::GpaRange& range : ranges) {
    sections.push_back(range.offset / buffer.section_bytes());
  }
  buffer.lend(next_transaction++, std::move(sections));
  return true;
}

/// Length and hash are those of the frame as it is on a wire, so that both ends of its way can be
/// compared wherever its tag was.
void NetVsp::Impl::witness_sent(const vmbus::Packet& packet, std::span<const std::byte> frame,
                                std::optional<std::uint16_t> vlan) const {
  auto event = about<traces::ev::NicSent>();
  const std::vector<std::byte> wire = frame_with(frame, vlan);
  event.transaction = packet.transaction;
  event.bytes = static_cast<std::uint32_t>(wire.size());
  event.vlan = vlan ? kTagged + *vlan : 0;
  event.destination = sim::destination_of(frame).number();
  event.source = sim::source_of(frame).number();
  event.hash = traces::hash64_of(wire);
  event.data = wire;
  emit(event);
}

/// Looks at the guest's buffer, not at what was to be written into it (law 4).
void NetVsp::Impl::witness_lent(std::uint64_t transaction, std::uint32_t rndis_channel,
                                std::span<const vmbus::GpaRange> ranges) const {
  for (const vmbus::GpaRange& range : ranges) {
    auto lent = about<traces::ev::NicLent>();
    lent.transaction = transaction;
    lent.section = range.offset / buffer.section_bytes();
    emit(lent);
    if (rndis_channel != nvsp::kDataChannel) continue;
    std::vector<std::byte> message(range.bytes);
    rndis::Packet head;
    if (!channel->read_lent(buffer.gpadl(), range.offset, message)) continue;
    const auto body = std::span<const std::byte>(message).subspan(sizeof(rndis::Header));
    std::memcpy(&head, body.data(), sizeof(head));
    std::optional<std::uint16_t> tag;
    if (!vlan_info(body, head, tag)) continue;
    const auto frame = body.subspan(head.data_offset, head.data_bytes);
    auto event = about<traces::ev::NicDelivered>();
    event.transaction = transaction;
    event.section = lent.section;
    const std::vector<std::byte> wire = frame_with(frame, tag);
    event.bytes = static_cast<std::uint32_t>(wire.size());
    event.vlan = tag ? kTagged + *tag : 0;
    event.destination = sim::destination_of(frame).number();
    event.source = sim::source_of(frame).number();
    event.hash = traces::hash64_of(wire);
    event.data = wire;
    emit(event);
  }
}

void NetVsp::Impl::dropped(traces::NicDrop reason, std::span<const std::byte> frame) const {
  if (!detail()) return;
  auto event = about<traces::ev::NicDropped>();
  event.reason = reason;
  event.hash = frame.empty() ? 0 : traces::hash64_of(frame);
  emit(event);
}

}  // namespace vsp
