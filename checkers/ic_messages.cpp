#include "checkers/ic_messages.hpp"

#include <string_view>

#include "checkers/little_endian.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::IcComponent;

/// Interface classes (spec C.7).
constexpr std::pair<std::string_view, IcComponent> kInterfaces[] = {
    {"57164f39-9115-4e78-ab55-382f3bd5422d", IcComponent::Heartbeat},
    {"a9a0f4e7-5a45-4d96-b827-8a841e8c03e6", IcComponent::KeyValue},
    {"0e0b6031-5213-4934-818b-38d90ced39db", IcComponent::Shutdown},
    {"9527e630-d0ae-497b-adce-e80ab0175caf", IcComponent::TimeSync},
    {"35fa2e29-ea23-4236-96ae-3a6ebacba440", IcComponent::Vss},
};

}  // namespace

std::string name_of(const IcKey& key) {
  constexpr const char* kNames[] = {"nothing", "heartbeat", "KVP", "shutdown", "time sync", "VSS"};
  return std::string(kNames[static_cast<std::size_t>(key.component)]) + " of VM " +
         std::to_string(key.vm);
}

IcProperty::IcProperty(std::string id, std::string statement,
                       std::initializer_list<traces::EventType> more)
    : RingProperty(std::move(id), std::move(statement), more) {}

traces::EventSet IcProperty::events() const {
  traces::EventSet set = RingProperty::events();
  for (const traces::EventType type : {ev::VmbusOpened::kType, ev::RingProduced::kType,
                                       ev::RingConsumed::kType, ev::VpState::kType}) {
    set.set(static_cast<std::size_t>(type));
  }
  return set;
}

void IcProperty::other(const traces::Event& event) {
  if (const auto* packet = event.as<ev::RingProduced>()) {
    look(event, channel_of(event, *packet), packet->start, false);
  } else if (const auto* packet = event.as<ev::RingConsumed>()) {
    look(event, channel_of(event, *packet), packet->start, true);
  } else if (const auto* opened = event.as<ev::VmbusOpened>()) {
    opened_channel(event, *opened);
  } else {
    if (const auto* vp = event.as<ev::VpState>()) vms_[{event.node.value, vp->partition}] = vp->vm;
    more(event);
  }
}

void IcProperty::opened_channel(const traces::Event& event, const ev::VmbusOpened& opened) {
  const ChannelKey channel = channel_of(event, opened);
  channels_.erase(channel);
  for (const auto& [interface, component] : kInterfaces) {
    if (opened.interface == interface) channels_[channel] = component;
  }
}

void IcProperty::look(const traces::Event& event, const ChannelKey& channel, std::uint32_t start,
                      bool from_guest) {
  const auto component = channels_.find(channel);
  if (component == channels_.end()) return;
  const WatchedRing* ring = this->ring({channel, !from_guest});
  if (ring == nullptr || start >= ring->size) return;
  const RingPacket packet = ring->packet_at(start);
  constexpr std::uint16_t kInband = 6;
  constexpr std::size_t kPipe = 8, kHeader = 20;
  if (packet.type != kInband || !packet.shape_valid() || packet.bytes() > ring->size) return;
  std::vector<std::byte> bytes(packet.bytes() - kPacketTrailer);
  ring->copy(start, bytes);
  const std::size_t at = std::size_t{packet.offset8} * 8 + kPipe;
  if (bytes.size() < at + kHeader) return;
  const auto version = [&](std::size_t where) {
    return std::uint32_t{load<std::uint16_t>(bytes, where)} << 16 |
           load<std::uint16_t>(bytes, where + 2);
  };
  IcMessage message;
  message.from_guest = from_guest;
  message.transaction = packet.transaction;
  message.framework = version(at);
  message.type = load<std::uint16_t>(bytes, at + 4);
  message.version = version(at + 6);
  message.status = load<std::uint32_t>(bytes, at + 12);
  message.number = load<std::uint8_t>(bytes, at + 16);
  message.flags = load<std::uint8_t>(bytes, at + 17);
  message.body.assign(bytes.begin() + static_cast<std::ptrdiff_t>(at + kHeader), bytes.end());
  said(event, {vms_[{channel.node, channel.partition}], component->second}, message);
}

}  // namespace checkers
