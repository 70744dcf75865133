// Saved form of the guest's bus: what the guest keeps in memory that is not simulated bytes.
#include <algorithm>
#include <array>

#include "hypervisor/vmbus/guest/bus.hpp"
#include "hypervisor/vmbus/guest/bus_rings.hpp"
#include "hypervisor/vmbus/protocol.hpp"

namespace vmbus::guest {
namespace {

constexpr std::uint32_t kFormat = 0x31474D56;   // "VMG1"
constexpr std::uint32_t kMostRingPages = 8190;  ///< as many as a GPADL can announce

}  // namespace

void Bus::save(traces::ByteWriter& out) const {
  out.put(kFormat);
  out.put(state_);
  out.put(version_);
  out.put(attempt_);
  out.put(connection_);
  out.put(next_gpadl_);
  out.put<std::uint64_t>(channels_.size());
  for (const auto& [relid, channel] : channels_) {
    out.put(relid);
    out.raw(channel.offer.interface_id.bytes());
    out.raw(channel.offer.instance_id.bytes());
    out.put(channel.offer.connection_id);
    out.put<std::uint8_t>(channel.offer.pipe_mode);
    out.put(channel.state);
    out.put<std::uint8_t>(channel.rescinded);
    out.put(channel.gpadl);
    out.put(channel.first.value);
    out.put(channel.to_host_pages);
    out.put(channel.to_guest_pages);
    out.put<std::uint8_t>(channel.masked);
    out.put<std::uint8_t>(channel.waiting_for_room);
    out.put<std::uint8_t>(channel.failed);
  }
  out.put<std::uint64_t>(outbox_.size());
  for (const auto& message : outbox_) out.block(message);
}

bool Bus::restore(traces::ByteReader& in) {
  channels_.clear();
  outbox_.clear();
  if (in.get<std::uint32_t>() != kFormat) return false;
  state_ = in.get<State>();
  version_ = in.get<Version>();
  attempt_ = in.get<std::uint32_t>();
  connection_ = in.get<std::uint32_t>();
  next_gpadl_ = in.get<std::uint32_t>();
  if (state_ > State::Unloading || attempt_ > config_.versions.size()) return false;
  const std::uint64_t channels = in.count(62);
  for (std::uint64_t i = 0; i < channels; ++i) {
    if (!restore_channel(in)) return false;
  }
  const std::uint64_t messages = in.count(8);
  for (std::uint64_t i = 0; i < messages; ++i) {
    const auto message = in.block();
    if (message.size() > protocol::kMaxMessageBytes) return false;
    outbox_.emplace_back(message.begin(), message.end());
  }
  return in.ok();
}

bool Bus::restore_channel(traces::ByteReader& in) {
  Channel channel;
  const auto guid = [&in] {
    std::array<std::byte, 16> bytes{};
    const auto raw = in.raw(bytes.size());
    std::copy(raw.begin(), raw.end(), bytes.begin());
    return Guid::from_bytes(bytes);
  };
  const auto flag = [&in](bool& value) {
    const auto byte = in.get<std::uint8_t>();
    value = byte != 0;
    return byte <= 1;
  };
  channel.offer.relid = in.get<std::uint32_t>();
  channel.offer.interface_id = guid();
  channel.offer.instance_id = guid();
  channel.offer.connection_id = in.get<std::uint32_t>();
  bool good = flag(channel.offer.pipe_mode);
  channel.state = in.get<ChannelState>();
  good &= flag(channel.rescinded);
  channel.gpadl = in.get<std::uint32_t>();
  channel.first = {in.get<std::uint64_t>()};
  channel.to_host_pages = in.get<std::uint32_t>();
  channel.to_guest_pages = in.get<std::uint32_t>();
  good &= flag(channel.masked) & flag(channel.waiting_for_room) & flag(channel.failed);
  if (!in.ok() || !good || channel.state > ChannelState::Closing) return false;
  const bool has_rings = channel.state == ChannelState::Lending ||
                         channel.state == ChannelState::Opening ||
                         channel.state == ChannelState::Open;
  if (has_rings) {
    if (channel.to_host_pages < 2 || channel.to_guest_pages < 2 ||
        channel.to_host_pages > kMostRingPages || channel.to_guest_pages > kMostRingPages ||
        !make_rings(channel)) {
      return false;
    }
  }
  const std::uint32_t relid = channel.offer.relid;
  return channels_.emplace(relid, std::move(channel)).second;
}

}  // namespace vmbus::guest
