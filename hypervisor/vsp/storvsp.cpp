#include "hypervisor/vsp/storvsp.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "hypervisor/vsp/points.hpp"
#include "hypervisor/vsp/storvsp_impl.hpp"
#include "traces/assert.hpp"

namespace vsp {

using protocol::Operation;
using protocol::StoragePacket;

StorVsp::StorVsp(sim::Node& host, const StorVspConfig& config)
    : impl_(std::make_unique<Impl>(host, config)) {}

StorVsp::~StorVsp() = default;

StorVsp::Impl::~Impl() {
  // A VM that is switched off takes its requests along.
  for (const auto& [serial, request] : outstanding) host.cancel("storvsp", task_key(serial));
}

void StorVsp::attach(std::uint8_t lun, storage::VirtualDisk& disk) {
  const bool fresh = impl_->luns.emplace(lun, &disk).second;
  HVSIM_ASSERT(fresh, "a LUN has one disk");
}

vmbus::Offer StorVsp::offer() const {
  vmbus::Offer offer;
  offer.interface_id = vmbus::kScsiInterface;
  offer.instance_id = impl_->config.instance;
  return offer;
}

void StorVsp::opened(vmbus::Channel& channel) {
  impl_->channel = &channel;
  impl_->place = channel.partition().place() << 12 | channel.relid();
  impl_->phase = Phase::Begin;
  impl_->version = 0;
}

void StorVsp::closed() {
  // What is outstanding goes on to its end on the disk, but nothing of it reaches the guest.
  impl_->channel = nullptr;
  ++impl_->session;
  impl_->replies.clear();
  impl_->pending_reset.reset();
  impl_->phase = Phase::Begin;
  impl_->version = 0;
}

void StorVsp::readable() { impl_->drain(); }

void StorVsp::writable() {
  impl_->pump();
  impl_->drain();
}

void StorVsp::quiesce() {
  impl_->quiesced = true;
  if (idle()) impl_->idle.raise();
}

bool StorVsp::idle() const {
  return impl_->outstanding.empty() ||
         (impl_->outstanding.size() == 1 && impl_->plant("storvsp.idle-with-one-left"));
}

sim::Signal& StorVsp::idle_signal() { return impl_->idle; }

void StorVsp::resume() {
  impl_->quiesced = false;
  impl_->idle.reset();
}

void StorVsp::Impl::drain() {
  while (channel != nullptr && !quiesced && !pending_reset &&
         outstanding.size() + replies.size() < config.max_outstanding) {
    // What stays in the ring now is read when the request before it is complete.
    if (!outstanding.empty() &&
        host.world().buggify(host, kPointOneAtATime, {config.vm, next_serial})) {
      return;
    }
    auto packet = channel->read();
    if (!packet) return;
    handle(std::move(*packet));
  }
  if (outstanding.size() >= config.max_outstanding) sometimes(kPointQueueFull);
}

void StorVsp::Impl::handle(vmbus::Packet packet) {
  // A guest's answer to something of ours, or a request that wants none: nothing to do for either.
  if (packet.type == vmbus::PacketType::Completion || !packet.completion_requested) return;
  StoragePacket storage;
  const std::size_t bytes = std::min(packet.payload.size(), sizeof(storage));
  if (bytes > 0) std::memcpy(&storage, packet.payload.data(), bytes);
  if (bytes < protocol::kPacketHead) {
    answer(packet.transaction, storage, protocol::kInvalidDeviceRequest);
    return;
  }
  const bool early = storage.operation == Operation::ExecuteSrb && phase == Phase::End;
  const bool ready = phase == Phase::Ready || (early && plant("storvsp.serves-early"));
  switch (storage.operation) {
    case Operation::BeginInitialization:
    case Operation::QueryProtocolVersion:
    case Operation::QueryProperties:
    case Operation::EndInitialization: {
      const std::uint32_t status = handshake(storage);
      answer(packet.transaction, storage, status);
      break;
    }
    case Operation::ExecuteSrb:
      if (!ready) {
        answer(packet.transaction, storage, protocol::kInvalidDeviceState);
      } else if (packet.payload.size() < protocol::kPacketHead + protocol::kShortSrb) {
        answer(packet.transaction, storage, protocol::kInvalidDeviceRequest);
      } else {
        accept(std::move(packet), storage);
      }
      break;
    case Operation::ResetLun:
    case Operation::ResetAdapter:
    case Operation::ResetBus:
      if (ready) {
        reset(packet.transaction, storage);
      } else {
        answer(packet.transaction, storage, protocol::kInvalidDeviceState);
      }
      break;
    default:
      // Sub-channels, Fibre Channel and what only a host may say: not offered by this adapter.
      answer(packet.transaction, storage, protocol::kInvalidDeviceRequest);
      break;
  }
}

/// The next step in order, or INVALID_DEVICE_STATE. Fills in what the step asks for.
std::uint32_t StorVsp::Impl::handshake(StoragePacket& packet) {
  static constexpr std::array kSpoken = {StorageVersion::Win6, StorageVersion::Win7,
                                         StorageVersion::Win8, StorageVersion::Win8_1,
                                         StorageVersion::Win10};
  const auto step = [this](Phase from, Phase to) {
    if (phase != from) return protocol::kInvalidDeviceState;
    phase = to;
    return protocol::kSuccess;
  };
  switch (packet.operation) {
    case Operation::BeginInitialization:
      return step(Phase::Begin, Phase::Version);
    case Operation::QueryProtocolVersion: {
      if (phase != Phase::Version) return protocol::kInvalidDeviceState;
      protocol::ProtocolVersion asked;
      std::memcpy(&asked, packet.body.data(), sizeof(asked));
      const auto wanted = static_cast<StorageVersion>(asked.major_minor);
      const bool spoken = std::find(kSpoken.begin(), kSpoken.end(), wanted) != kSpoken.end();
      if (!spoken || wanted > config.highest) return protocol::kRevisionMismatch;
      version = asked.major_minor;
      return step(Phase::Version, Phase::Properties);
    }
    case Operation::QueryProperties: {
      const std::uint32_t status = step(Phase::Properties, Phase::End);
      if (status != protocol::kSuccess) return status;
      protocol::ChannelProperties properties;
      properties.max_transfer_bytes = config.max_transfer_bytes;
      packet.body = {};
      std::memcpy(packet.body.data(), &properties, sizeof(properties));
      return status;
    }
    default:
      return step(Phase::End, Phase::Ready);
  }
}

void StorVsp::Impl::answer(std::uint64_t transaction, StoragePacket packet, std::uint32_t status) {
  packet.operation = Operation::CompleteIo;
  packet.status = status;
  Reply reply;
  reply.transaction = transaction;
  reply.packet = packet;
  send(std::move(reply));
}

/// After a reset nothing of before may come: it is answered when all of that is complete.
void StorVsp::Impl::reset(std::uint64_t transaction, const StoragePacket& packet) {
  if (outstanding.empty()) {
    answer(transaction, packet, protocol::kSuccess);
    return;
  }
  sometimes(kPointResetWaits);
  Reply reply;
  reply.transaction = transaction;
  reply.packet = packet;
  reply.packet.operation = Operation::CompleteIo;
  reply.packet.status = protocol::kSuccess;
  pending_reset = reply;
}

void StorVsp::Impl::send(Reply reply) {
  replies.push_back(std::move(reply));
  pump();
}

void StorVsp::Impl::pump() {
  while (channel != nullptr && !replies.empty()) {
    const Reply& reply = replies.front();
    vmbus::PacketOut packet;
    packet.type = reply.notice ? vmbus::PacketType::DataInband : vmbus::PacketType::Completion;
    packet.transaction = reply.transaction;
    packet.payload = std::as_bytes(std::span(&reply.packet, 1));
    if (!channel->write(packet)) {
      if (channel->failed()) replies.clear();
      return;
    }
    witness_completion(reply);
    replies.pop_front();
  }
}

}  // namespace vsp
