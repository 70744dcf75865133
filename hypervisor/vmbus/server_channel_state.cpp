// Saving and restoring of a channel (spec C.8), and the channel's own plants.
#include <algorithm>

#include "hypervisor/vmbus/packet_format.hpp"
#include "hypervisor/vmbus/server_channel.hpp"

namespace vmbus {

using traces::ChannelState;

namespace {

/// Opening and closing are steps within one call of the server: they are never saved.
enum class SavedState : std::uint8_t { Released, Closed, Open };

std::uint32_t load_word(const RingMemory& ring, std::uint32_t offset) {
  std::uint32_t value = 0;
  ring.read(offset, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

void store_word(RingMemory& ring, std::uint32_t offset, std::uint32_t value) {
  ring.write(offset, std::as_bytes(std::span(&value, 1)));
}

}  // namespace

void ServerChannel::save(traces::ByteWriter& out) const {
  const SavedState saved = serving_                           ? SavedState::Open
                           : state_ == ChannelState::Released ? SavedState::Released
                                                              : SavedState::Closed;
  out.put(saved);
  if (saved != SavedState::Open) return;
  out.put(request_.open_id);
  out.put(request_.ring_gpadl);
  out.put(request_.target_vp);
  out.put(request_.downstream_page);
  out.raw(request_.user_data);
  out.put(error_);
  out.put<std::uint8_t>(masked_);
  out.put<std::uint8_t>(waiting_for_room_);
  out.put(packets_);
}

bool ServerChannel::restore(traces::ByteReader& in, GpadlTable& gpadls) {
  const auto saved = in.get<SavedState>();
  if (!in.ok() || saved > SavedState::Open) return false;
  if (saved == SavedState::Released) return true;
  change(ChannelState::Closed);
  if (saved == SavedState::Closed) return true;

  OpenRequest request;
  request.open_id = in.get<std::uint32_t>();
  request.ring_gpadl = in.get<std::uint32_t>();
  request.target_vp = in.get<std::uint32_t>();
  request.downstream_page = in.get<std::uint32_t>();
  const auto user_data = in.raw(request.user_data.size());
  const auto error = in.get<RingError>();
  const auto masked = in.get<std::uint8_t>();
  const auto waiting = in.get<std::uint8_t>();
  const auto packets = in.get<std::uint64_t>();
  if (!in.ok() || error > RingError::BadDescriptor || masked > 1 || waiting > 1) return false;
  std::copy(user_data.begin(), user_data.end(), request.user_data.begin());

  const Gpadl* gpadl = gpadls.find(request.ring_gpadl);
  const bool usable = gpadl != nullptr && gpadl->relid == relid_ &&
                      (gpadl->state == traces::GpadlState::Accepted ||
                       gpadl->state == traces::GpadlState::TearingDown) &&
                      geometry_valid(*gpadl, request.downstream_page) &&
                      request.target_vp < partition_.config().vp_count;
  if (!usable || !attach_rings(request, *gpadl)) return false;
  change(ChannelState::Opening);
  change(ChannelState::Open);
  error_ = error;
  masked_ = masked != 0;
  waiting_for_room_ = waiting != 0;
  packets_ = packets;
  serving_ = true;  // Device::restore takes the place of opened()
  return true;
}

void ServerChannel::restore_plants() {
  if (rings_ == nullptr) return;
  FrameRing& ring = rings_->to_host;
  if (plant("vmbus.restore-touches-ring")) {
    store_word(ring, ring_header::kInterruptMask, load_word(ring, ring_header::kInterruptMask) ^ 1);
  }
  const std::uint32_t read = load_word(ring, ring_header::kReadIndex);
  const std::uint32_t size = ring.data_bytes();
  if (read >= size || read % 8 != 0) return;
  // The trailer before the read index names the start of the packet read last.
  protocol::PacketTrailer trailer;
  const std::uint32_t at = (read + size - protocol::kTrailerBytes) % size;
  ring.read(static_cast<std::uint32_t>(sim::kPageSize) + at,
            std::as_writable_bytes(std::span(&trailer, 1)));
  const bool packet_before = trailer.start != read && trailer.start < size;
  if (packet_before && plant("vmbus.restore-replays-packet")) {
    store_word(ring, ring_header::kReadIndex, trailer.start);
  }
}

void ServerChannel::rewind_empty_ring() {
  FrameRing& ring = rings_->to_host;
  const std::uint32_t write = load_word(ring, ring_header::kWriteIndex);
  if (write != 0 && write == load_word(ring, ring_header::kReadIndex) &&
      plant("vmbus.resets-guest-index")) {
    store_word(ring, ring_header::kWriteIndex, 0);
    store_word(ring, ring_header::kReadIndex, 0);
  }
}

}  // namespace vmbus
