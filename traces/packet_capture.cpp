#include "traces/packet_capture.hpp"

#include <algorithm>
#include <iterator>

namespace traces {

EventSet PacketCapture::events() {
  EventSet set;
  for (const EventType type :
       {ev::NodeAdded::kType, ev::VmCreated::kType, ev::VmbusMessage::kType, ev::SwitchPort::kType,
        ev::NicSent::kType, ev::NicDelivered::kType}) {
    set.set(static_cast<std::size_t>(type));
  }
  return set;
}

void PacketCapture::on_event(const Event& event) {
  nodes_.learn(event);
  if (const auto* sent = event.as<ev::NicSent>()) {
    take(event, *sent, PacketDirection::Outbound);
  } else if (const auto* delivered = event.as<ev::NicDelivered>()) {
    take(event, *delivered, PacketDirection::Inbound);
  } else if (const auto* created = event.as<ev::VmCreated>()) {
    vms_.try_emplace(created->vm, created->name);
  } else if (const auto* message = event.as<ev::VmbusMessage>()) {
    if (message->type == VmbusMessage::Offer) offers_[message->partition].insert(message->relid);
  } else if (const auto* port = event.as<ev::SwitchPort>()) {
    auto& nics = nics_[port->vm];
    const bool known = std::any_of(nics.begin(), nics.end(),
                                   [port](const CapturedNic& nic) { return nic.mac == port->mac; });
    if (known) return;
    const auto index = static_cast<std::uint32_t>(nics.size());
    nics.push_back({vms_[port->vm], index, std::string(port->name), port->mac});
    on_nic(nics.back());
  }
}

template <class Frame>
void PacketCapture::take(const Event& event, const Frame& frame, PacketDirection direction) {
  const ChannelKey channel{frame.vm, frame.relid};
  const CapturedNic* nic = nic_of(frame.partition, channel);
  if (nic == nullptr) return;
  std::string comment;
  NodeId& place = places_[channel];
  if (place != event.node) {
    place = event.node;
    comment = nic->vm + " is on " + nodes_.of(event.node);
  }
  on_frame(*nic, event.time, direction, frame.data, comment);
}

/// A VM's adapters are the last of its devices, so they are what was offered last, in their order.
/// Nothing is offered again to a VM that moves: its channels keep their numbers.
const CapturedNic* PacketCapture::nic_of(std::uint64_t partition, ChannelKey channel) {
  const auto nics = nics_.find(channel.first);
  if (nics == nics_.end()) return nullptr;
  const auto [entry, first] = channels_.try_emplace(channel, 0);
  if (first) {
    const auto& offered = offers_[partition];
    const auto behind = std::distance(offered.upper_bound(channel.second), offered.end());
    entry->second = static_cast<std::uint32_t>(nics->second.size() - 1 - behind);
  }
  // Of a stream that does not begin with the VM.
  return entry->second < nics->second.size() ? &nics->second[entry->second] : nullptr;
}

PcapngInterface interface_of(const CapturedNic& nic) {
  return {
      nic.name(),
      "adapter " + std::to_string(nic.index) + " of " + nic.vm + " on the network " + nic.network,
      "synthetic network adapter", nic.mac};
}

}  // namespace traces
