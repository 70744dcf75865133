// The server's transport: messages in and out, turns, devices.
#include "hypervisor/vmbus/server.hpp"

#include <algorithm>
#include <utility>

#include "hypervisor/vmbus/points.hpp"
#include "hypervisor/vmbus/server_impl.hpp"
#include "sim/kernel/invite.hpp"
#include "traces/assert.hpp"
#include "traces/digest.hpp"

namespace vmbus {
namespace {

/// A post that found 16 messages waiting is tried again after this long.
constexpr sim::Duration kRetry{1'000'000};
constexpr sim::Duration kLateOffer{5'000'000};
constexpr sim::Duration kLateAnswer{2'000'000};
constexpr sim::Duration kLateTurn{1'000'000};

}  // namespace

Server::Impl::Impl(hv::Partition& where, ServerConfig configured)
    : partition(where),
      config(configured),
      turn(where.node(), "vmbus.turn", where.vm(), [this] { serve(); }),
      retry(where.node(), "vmbus.retry", where.vm(), [this] { flush(); }),
      interrupt_page(where),
      gpadls(where) {}

Server::Impl::~Impl() {
  give_interrupt_page_back();
  for (const auto& channel : channels) {
    partition.disconnect({protocol::event_connection(channel->relid())});
  }
}

Server::Server(hv::Partition& partition, ServerConfig config)
    : impl_(std::make_unique<Impl>(partition, config)) {
  partition.connect_messages({protocol::kMessageConnection}, *this);
  partition.connect_messages({protocol::kMessageConnectionV5}, *this);
}

Server::~Server() {
  impl_->partition.disconnect({protocol::kMessageConnection});
  impl_->partition.disconnect({protocol::kMessageConnectionV5});
}

std::uint32_t Server::Impl::free_relid() const {
  for (std::uint32_t relid = 1; relid <= protocol::kMaxRelid; ++relid) {
    const bool taken = std::any_of(channels.begin(), channels.end(),
                                   [&](const auto& channel) { return channel->relid() == relid; });
    if (!taken && !revoked.contains(relid)) return relid;
  }
  return 0;
}

ServerChannel* Server::Impl::named(std::string_view name) {
  for (const auto& channel : channels) {
    if (channel->name() == name) return channel.get();
  }
  return nullptr;
}

void Server::add_device(std::string name, Device& device) {
  Impl& impl = *impl_;
  HVSIM_ASSERT(impl.named(name) == nullptr, "devices of a VMBus server have different names");
  const std::uint32_t relid = impl.free_relid();
  HVSIM_ASSERT(relid != 0, "a VMBus server has at most 2047 channels");
  auto ring = [&impl](ServerChannel& channel) { impl.receive({channel.relid(), {}}); };
  auto& channel = *impl.channels.emplace_back(
      std::make_unique<ServerChannel>(impl.partition, impl.gpadls, impl.interrupt_page,
                                      std::move(name), device, relid, std::move(ring)));
  impl.partition.connect_events({protocol::event_connection(relid)}, channel, kFlagsPerChannel);
  if (impl.offers_sent) impl.offer(channel);
}

bool Server::remove_device(std::string_view name) {
  Impl& impl = *impl_;
  ServerChannel* channel = impl.named(name);
  if (channel == nullptr) return false;
  const std::uint32_t relid = channel->relid();
  const bool was_offered = channel->state() != traces::ChannelState::Released;
  if (channel->is_open()) impl.sometimes(kPointRescindsOpen);
  impl.close(*channel);
  impl.partition.disconnect({protocol::event_connection(relid)});
  std::erase_if(impl.channels, [&](const auto& entry) { return entry.get() == channel; });
  if (was_offered) {
    impl.revoked.insert(relid);
    impl.send(protocol::RelidMessage{{protocol::Type::RescindChannel}, relid}, relid, 0, 0);
  }
  return true;
}

Version Server::version() const { return static_cast<Version>(impl_->version); }

bool Server::connected() const { return impl_->connection == Connection::Connected; }

RingError Server::channel_error(std::string_view name) const {
  const ServerChannel* channel = impl_->named(name);
  return channel == nullptr ? RingError::None : channel->error();
}

void Server::message(std::uint32_t type, std::span<const std::byte> payload) {
  if (type != protocol::kSynicMessageType) return;
  impl_->receive({0, {payload.begin(), payload.end()}});
}

void Server::Impl::signalled(std::uint16_t flag) {
  for (const std::uint32_t relid : interrupt_page.take_rung()) {
    if (ServerChannel* channel = offered(relid)) channel->signalled(flag);
  }
}

void Server::Impl::receive(Incoming incoming) {
  // While quiesced, doorbells need no memory: resume() looks at every ring. Messages wait.
  if (quiesced && incoming.doorbell_relid != 0) return;
  const sim::Duration delay = delay_of(incoming);
  inbox.push_back(std::move(incoming));
  if (!quiesced && !turn.armed()) turn.arm(partition.node().now() + delay);
}

sim::Duration Server::Impl::delay_of(const Incoming& incoming) {
  const std::uint32_t relid = incoming.doorbell_relid;
  const ServerChannel* channel = relid == 0 ? nullptr : offered(relid);
  const std::uint64_t what =
      channel != nullptr ? channel->packets() : traces::hash64_of(incoming.payload);
  return sim::invited_delay(partition.node(), kPointLateTurn, {partition.vm(), relid, what},
                            kLateTurn);
}

sim::Duration Server::Impl::delay_of(const Outgoing& message) const {
  using traces::VmbusMessage;
  const bool offer = message.type == VmbusMessage::Offer || message.type == VmbusMessage::AllOffers;
  const sim::Operation operation{partition.vm(), static_cast<std::uint64_t>(message.type),
                                 message.relid, message.id};
  return sim::invited_delay(partition.node(), offer ? kPointLateOffer : kPointLateAnswer, operation,
                            offer ? kLateOffer : kLateAnswer);
}

void Server::Impl::serve() {
  while (!quiesced && !inbox.empty()) {
    const Incoming incoming = std::move(inbox.front());
    inbox.pop_front();
    if (incoming.doorbell_relid == 0) {
      handle(incoming.payload);
    } else if (ServerChannel* channel = offered(incoming.doorbell_relid)) {
      const sim::Operation look{partition.vm(), channel->relid(), channel->packets()};
      channel->look();
      if (!partition.node().world().buggify(partition.node(), kPointLooksTwice, look)) continue;
      if (ServerChannel* again = offered(incoming.doorbell_relid)) again->look();
    }
  }
}

void Server::Impl::flush() {
  // A post may run the guest, which may post back: one flush at a time keeps the order.
  if (quiesced || posting) return;
  posting = true;
  while (!outbox.empty()) {
    if (held_back && retry.armed()) break;
    const sim::Duration delay = held_back ? sim::Duration{} : delay_of(outbox.front());
    held_back = delay.ns != 0;
    if (held_back) {
      retry.arm(partition.node().now() + delay);
      break;
    }
    const Outgoing message = outbox.front();
    outbox.pop_front();
    const hv::Status status =
        partition.post_message(protocol::kMessageConnection, {target_vp}, {protocol::kSint},
                               protocol::kSynicMessageType, message.payload);
    if (status == hv::Status::InsufficientBuffers) {
      sometimes(kPointNoBuffer);
      outbox.push_front(message);
      retry.arm(partition.node().now() + kRetry);
      break;
    }
    // Any other refusal means a guest without SynIC: nobody is there to be told.
    if (status == hv::Status::Success) {
      emit_message(true, message.type, message.relid, message.id, message.value);
    }
  }
  posting = false;
}

void Server::Impl::emit_message(bool to_guest, traces::VmbusMessage type, std::uint32_t relid,
                                std::uint32_t id, std::uint64_t value) {
  traces::ev::VmbusMessage event;
  event.partition = partition.id().value;
  event.to_guest = to_guest;
  event.type = type;
  event.relid = relid;
  event.id = id;
  event.value = value;
  partition.node().world().emit(partition.node().id(), event);
}

void Server::Impl::send_bare(protocol::Type type) {
  const protocol::Header header{type};
  const auto bytes = protocol::bytes_of(header);
  outbox.push_back(
      {static_cast<traces::VmbusMessage>(type), 0, 0, 0, {bytes.begin(), bytes.end()}});
  flush();
}

void Server::Impl::handled(protocol::Type type, std::uint32_t relid, std::uint32_t id,
                           std::uint64_t value) {
  emit_message(false, static_cast<traces::VmbusMessage>(type), relid, id, value);
}

sim::Task<> Server::quiesce() {
  Impl& impl = *impl_;
  impl.quiesced = true;
  impl.turn.disarm();
  impl.retry.disarm();
  impl.held_back = false;
  std::erase_if(impl.inbox, [](const Impl::Incoming& item) { return item.doorbell_relid != 0; });
  for (const auto& channel : impl.channels) channel->device().quiesce();
  for (std::size_t i = 0; i < impl.channels.size(); ++i) {
    Device& device = impl.channels[i]->device();
    while (!device.idle()) {
      device.idle_signal().reset();
      co_await device.idle_signal().wait();
    }
  }
  if (!impl.inbox.empty() || !impl.outbox.empty()) impl.sometimes(kPointQueuedAtSave);
}

void Server::resume() { impl_->resume(); }

void Server::Impl::resume() {
  quiesced = false;
  for (const auto& channel : channels) channel->device().resume();
  flush();
  serve();
  for (std::size_t i = 0; i < channels.size(); ++i) {
    ServerChannel& channel = *channels[i];
    if (!channel.is_open() || plant("vmbus.restore-forgets-doorbell")) continue;
    if (i + 1 == channels.size() && plant("vmbus.resume-forgets-last-channel")) continue;
    channel.look();
    if (channel.is_open()) channel.raise_doorbell(traces::SignalReason::Restore);
  }
}

void Server::save(traces::ByteWriter& out) const { impl_->save(out); }

bool Server::restore(traces::ByteReader& in) { return impl_->restore(in); }

std::vector<RingFrames> Server::rings() const {
  std::vector<RingFrames> all;
  for (const auto& channel : impl_->channels) {
    if (channel->is_open()) all.push_back(channel->ring_frames());
  }
  return all;
}

std::vector<ChannelView> Server::channels() const {
  std::vector<ChannelView> views;
  for (const auto& channel : impl_->channels) views.push_back(channel->view());
  return views;
}

}  // namespace vmbus
