// Saved form of the server (spec C.8). Ring contents and indices are guest memory and travel with
// it; here is what the host knows besides. The bytes are untrusted when they come back.
//
//   u32 format | connection, below version 2.4 with its interrupt page | GPADLs | names and relids
//   of channels | rescinded relids | channels, each with its device's state | queues
#include <algorithm>
#include <set>
#include <utility>

#include "hypervisor/vmbus/server_impl.hpp"

namespace vmbus {
namespace {

constexpr std::uint32_t kFormat = 0x32424D56;  // "VMB2"

}  // namespace

void Server::Impl::save(traces::ByteWriter& out) const {
  out.put(kFormat);
  out.put(connection);
  out.put(version);
  out.put(target_vp);
  out.put<std::uint8_t>(offers_sent);
  if (interrupt_page.lent()) out.put(interrupt_page.gpa());
  gpadls.save(out);
  out.put<std::uint64_t>(channels.size());
  for (const auto& channel : channels) {
    out.text(channel->name());
    out.put(channel->relid());
  }
  out.put<std::uint64_t>(revoked.size());
  for (const std::uint32_t relid : revoked) out.put(relid);
  for (const auto& channel : channels) {
    channel->save(out);
    traces::ByteWriter device;
    channel->device().save(device);
    out.block(device.bytes());
  }
  out.put<std::uint64_t>(outbox.size());
  for (const Outgoing& message : outbox) {
    out.put(message.type);
    out.put(message.relid);
    out.put(message.id);
    out.put(message.value);
    out.block(message.payload);
  }
  out.put<std::uint64_t>(inbox.size());
  for (const Incoming& message : inbox) out.block(message.payload);
}

bool Server::Impl::restore(traces::ByteReader& in) {
  quiesced = true;  // until resume()
  const bool good = in.get<std::uint32_t>() == kFormat && restore_connection(in) &&
                    gpadls.restore(in) && restore_channels(in) && restore_queues(in) && in.ok();
  if (!good) {
    inbox.clear();
    disconnect();
    return false;
  }
  for (const auto& channel : channels) channel->restore_plants();
  return true;
}

bool Server::Impl::restore_connection(traces::ByteReader& in) {
  connection = in.get<Connection>();
  version = in.get<std::uint32_t>();
  target_vp = in.get<std::uint32_t>();
  const auto sent = in.get<std::uint8_t>();
  offers_sent = sent != 0;
  if (!in.ok() || connection > Connection::Connected || sent > 1) return false;
  if (target_vp >= partition.config().vp_count) return false;
  if (connection == Connection::Disconnected) return version == 0 && !offers_sent;
  protocol::InitiateContact as_asked;
  as_asked.version = version;
  as_asked.target_vp = target_vp;
  as_asked.interrupt_page_or_target = protocol::kSint;
  if (!contact_valid(as_asked)) return false;
  if (version < static_cast<std::uint32_t>(Version::V2_4)) {
    as_asked.interrupt_page_or_target = in.get<std::uint64_t>();
  }
  return take_interrupt_page(as_asked);
}

bool Server::Impl::arrange_channels(traces::ByteReader& in) {
  const std::uint64_t count = in.count(8 + 4);
  if (!in.ok() || count != channels.size()) return false;
  std::vector<std::pair<ServerChannel*, std::uint32_t>> order;
  std::set<std::string> seen;
  std::set<std::uint32_t> relids;
  const auto take = [&](std::uint32_t relid) {
    return relid >= 1 && relid <= protocol::kMaxRelid && relids.insert(relid).second;
  };
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string name = in.text();
    ServerChannel* channel = named(name);
    const auto relid = in.get<std::uint32_t>();
    if (!in.ok() || channel == nullptr || !seen.insert(name).second || !take(relid)) {
      return false;
    }
    order.emplace_back(channel, relid);
  }
  const std::uint64_t rescinded = in.count(4);
  for (std::uint64_t i = 0; i < rescinded; ++i) {
    const auto relid = in.get<std::uint32_t>();
    if (!in.ok() || connection != Connection::Connected || !take(relid)) return false;
    revoked.insert(relid);
  }
  // Channels that keep their relid keep their connection too: doorbells under way stay valid.
  for (const auto& [channel, relid] : order) {
    if (channel->relid() != relid) {
      partition.disconnect({protocol::event_connection(channel->relid())});
    }
  }
  for (const auto& [channel, relid] : order) {
    if (channel->relid() == relid) continue;
    channel->renumber(relid);
    partition.connect_events({protocol::event_connection(relid)}, *channel, kFlagsPerChannel);
  }
  const auto place = [&](const auto& entry) {
    return std::find_if(order.begin(), order.end(),
                        [&](const auto& each) { return each.first == entry.get(); });
  };
  std::sort(channels.begin(), channels.end(),
            [&](const auto& a, const auto& b) { return place(a) < place(b); });
  return true;
}

bool Server::Impl::restore_channel(ServerChannel& channel, traces::ByteReader& in) {
  if (!channel.restore(in, gpadls)) return false;
  const bool visible = channel.state() != traces::ChannelState::Released;
  if (visible && connection != Connection::Connected) return false;
  traces::ByteReader device(in.block());
  channel.device().quiesce();
  return in.ok() && channel.device().restore(device, channel.is_open() ? &channel : nullptr) &&
         device.ok() && device.at_end();
}

bool Server::Impl::restore_channels(traces::ByteReader& in) {
  if (!arrange_channels(in)) return false;
  for (const auto& channel : channels) {
    if (!restore_channel(*channel, in)) return false;
  }
  return true;
}

bool Server::Impl::restore_queues(traces::ByteReader& in) {
  const std::uint64_t outgoing = in.count(4 + 4 + 4 + 8 + 8);
  for (std::uint64_t i = 0; i < outgoing; ++i) {
    Outgoing message;
    message.type = in.get<traces::VmbusMessage>();
    message.relid = in.get<std::uint32_t>();
    message.id = in.get<std::uint32_t>();
    message.value = in.get<std::uint64_t>();
    const auto payload = in.block();
    if (!in.ok() || message.type > traces::VmbusMessage::ModifyResult ||
        payload.size() > protocol::kMaxMessageBytes) {
      return false;
    }
    message.payload.assign(payload.begin(), payload.end());
    if (!plant("vmbus.restore-drops-answers")) outbox.push_back(std::move(message));
  }
  const std::uint64_t incoming = in.count(8);
  for (std::uint64_t i = 0; i < incoming; ++i) {
    const auto payload = in.block();
    if (!in.ok() || payload.size() > protocol::kMaxMessageBytes) return false;
    inbox.push_back({0, {payload.begin(), payload.end()}});
  }
  return in.ok();
}

}  // namespace vmbus
