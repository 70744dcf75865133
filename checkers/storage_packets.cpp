#include "checkers/storage_packets.hpp"

#include <vector>

#include "checkers/little_endian.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

constexpr std::string_view kScsiClass = "ba6163d9-04a1-4d29-b605-72e2ffb1dc7f";  // spec C.7

}  // namespace

StorageProperty::StorageProperty(std::string id, std::string statement)
    : RingProperty(std::move(id), std::move(statement), {}) {}

traces::EventSet StorageProperty::events() const {
  traces::EventSet set = RingProperty::events();
  for (const traces::EventType type :
       {ev::VmbusOpened::kType, ev::RingProduced::kType, ev::RingConsumed::kType,
        ev::VpState::kType, ev::VmState::kType, ev::VmbusChannel::kType}) {
    set.set(static_cast<std::size_t>(type));
  }
  return set;
}

void StorageProperty::other(const traces::Event& event) {
  if (const auto* packet = event.as<ev::RingProduced>()) {
    look(event, channel_of(event, *packet), packet->start, false);
  } else if (const auto* packet = event.as<ev::RingConsumed>()) {
    look(event, channel_of(event, *packet), packet->start, true);
  } else if (const auto* opened = event.as<ev::VmbusOpened>()) {
    const ChannelKey channel = channel_of(event, *opened);
    channels_.erase(channel);
    if (opened->interface == kScsiClass) channels_.insert(channel);
  } else if (const auto* vp = event.as<ev::VpState>()) {
    vms_[{event.node.value, vp->partition}] = vp->vm;
  } else if (const auto* state = event.as<ev::VmState>()) {
    if (state->state == traces::VmState::Saved) saved_.insert(state->vm);
    if (state->state == traces::VmState::Off) saved_.erase(state->vm);
    if (state->state != traces::VmState::Starting) return;
    if (saved_.erase(state->vm) != 0) {
      goes_on(state->vm);
    } else {
      begins_anew(state->vm);
    }
  } else if (const auto* channel = event.as<ev::VmbusChannel>()) {
    // A restored channel passes through closed as well.
    if (channel->to != traces::ChannelState::Closed ||
        channel->from == traces::ChannelState::Released) {
      return;
    }
    const ChannelKey key = channel_of(event, *channel);
    const auto vm = vms_.find({key.node, key.partition});
    if (channels_.erase(key) != 0 && vm != vms_.end()) begins_anew(vm->second);
  }
}

void StorageProperty::look(const traces::Event& event, const ChannelKey& channel,
                           std::uint32_t start, bool from_guest) {
  if (!keeps(channel)) return;
  const WatchedRing* ring = this->ring({channel, !from_guest});
  if (ring == nullptr || start >= ring->size) return;
  const RingPacket packet = ring->packet_at(start);
  constexpr std::uint16_t kInband = 6, kGpaDirect = 9, kCompletion = 0xB;
  constexpr std::size_t kHead = 12, kSrb = 12, kWhole = 64;
  const bool known =
      packet.type == kInband || packet.type == kGpaDirect || packet.type == kCompletion;
  if (!known || !packet.shape_valid() || packet.bytes() > ring->size) return;
  std::vector<std::byte> bytes(packet.bytes() - kPacketTrailer);
  const std::size_t at = std::size_t{packet.offset8} * 8;
  if (bytes.size() < at + kHead) return;
  ring->copy(start, bytes);
  bytes.resize(std::max(bytes.size(), at + kWhole));
  StoragePacket found;
  found.from_guest = from_guest;
  found.completes = packet.type == kCompletion;
  found.transaction = packet.transaction;
  found.operation = load<std::uint32_t>(bytes, at);
  found.status = load<std::uint32_t>(bytes, at + 8);
  found.srb_status = load<std::uint8_t>(bytes, at + kSrb + 2);
  found.scsi_status = load<std::uint8_t>(bytes, at + kSrb + 3);
  found.bytes = load<std::uint32_t>(bytes, at + kSrb + 12);
  found.opcode = load<std::uint8_t>(bytes, at + kSrb + 16);
  said(event, vms_[{channel.node, channel.partition}], found);
}

}  // namespace checkers
