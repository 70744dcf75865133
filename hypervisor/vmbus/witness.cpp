// The witness of the VMBus: a digest of connection, channels, GPADLs and devices as they stand.
// Like the partition's it lists for itself what there is to see and shares nothing with the saved
// form.
#include "hypervisor/vmbus/server_impl.hpp"
#include "traces/digest.hpp"

namespace vmbus {

namespace {

void add_bytes(traces::DigestStream& out, std::span<const std::byte> bytes) {
  out.add_u64(bytes.size());
  out.add(bytes);
}

void add_ring(traces::DigestStream& out, const std::optional<ChannelView::Ring>& ring) {
  out.add_u64(ring.has_value());
  if (!ring) return;
  for (const std::uint32_t value : {ring->write_index, ring->read_index, ring->interrupt_mask,
                                    ring->pending_send_size, ring->data_bytes}) {
    out.add_u64(value);
  }
}

}  // namespace

void GpadlTable::witness(traces::DigestStream& out) const {
  out.add_u64(gpadls_.size());
  for (const auto& [id, gpadl] : gpadls_) {
    out.add_u64(id);
    out.add_u64(gpadl.relid);
    out.add_u64(static_cast<std::uint64_t>(gpadl.state));
    out.add_u64(gpadl.announced_pfns());
    out.add_u64(gpadl.received_pfns());
    out.add_u64(gpadl.ranges.size());
    for (const GpaRange& range : gpadl.ranges) {
      out.add_u64(range.offset);
      out.add_u64(range.bytes);
      for (const std::uint64_t page : range.pfns) out.add_u64(page);
    }
  }
}

void ServerChannel::witness(traces::DigestStream& out) const {
  add_bytes(out, std::as_bytes(std::span(name_)));
  out.add_u64(relid_);
  out.add_u64(static_cast<std::uint64_t>(state_));
  out.add_u64(serving_);
  if (!is_open()) return;
  out.add_u64(request_.open_id);
  out.add_u64(request_.ring_gpadl);
  out.add_u64(request_.target_vp);
  out.add_u64(request_.downstream_page);
  out.add(request_.user_data);
  const ChannelView seen = view();
  out.add_u64(static_cast<std::uint64_t>(seen.error));
  out.add_u64(seen.packets_read);
  add_ring(out, seen.to_host);
  add_ring(out, seen.to_guest);
  out.add_u64(masked_);
  out.add_u64(waiting_for_room_);
}

/// Doorbells that nobody has looked at are left out: a resume looks at every ring.
void Server::Impl::witness(traces::DigestStream& out) const {
  out.add_u64(static_cast<std::uint64_t>(connection));
  out.add_u64(version);
  out.add_u64(target_vp);
  out.add_u64(offers_sent);
  if (interrupt_page.lent()) out.add_u64(interrupt_page.gpa());
  gpadls.witness(out);
  out.add_u64(channels.size());
  for (const auto& channel : channels) {
    channel->witness(out);
    channel->device().witness(out);
  }
  out.add_u64(revoked.size());
  for (const std::uint32_t relid : revoked) out.add_u64(relid);
  out.add_u64(outbox.size());
  for (const Outgoing& message : outbox) {
    out.add_u64(static_cast<std::uint64_t>(message.type));
    add_bytes(out, message.payload);
  }
  for (const Incoming& message : inbox) {
    if (!message.payload.empty()) add_bytes(out, message.payload);
  }
}

void Server::emit_digest(traces::DigestPoint point) const {
  traces::DigestStream seen;
  impl_->witness(seen);
  const hv::Partition& partition = impl_->partition;
  traces::ev::BusDigest event;
  event.vm = partition.vm();
  event.partition = partition.id().value;
  event.point = point;
  for (const auto& channel : impl_->channels) event.channels += channel->is_open() ? 1 : 0;
  event.digest = seen.finish();
  partition.node().world().emit(partition.node().id(), event);
}

}  // namespace vmbus
