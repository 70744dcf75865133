// Saved form of the storage VSP (spec D.1). It is drained first, so there are no requests in it;
// replies that found no room in the guest's ring are carried along.
//
//   u32 format | phase | version | serial | start of the next request (ns) | replies
#include <algorithm>
#include <cstring>

#include "hypervisor/vsp/points.hpp"
#include "hypervisor/vsp/storvsp_impl.hpp"
#include "traces/assert.hpp"

namespace vsp {
namespace {

constexpr std::uint32_t kStorvspFormat = 0x31535453;  // "STS1"

enum class ReplyKind : std::uint8_t { Answer, Scsi, Notice };

bool consistent(Phase phase, std::uint16_t version, const StorVspConfig& config) {
  if (phase <= Phase::Version) return version == 0;
  return version != 0 && version <= static_cast<std::uint16_t>(config.highest);
}

}  // namespace

void StorVsp::save(traces::ByteWriter& out) const {
  HVSIM_ASSERT(idle(), "a storage VSP is drained before it is saved");
  out.put(kStorvspFormat);
  out.put(impl_->phase);
  out.put(impl_->version);
  out.put(impl_->next_serial);
  out.put(impl_->next_start.ns);
  if (!impl_->replies.empty()) impl_->sometimes(kPointReplyWaits);
  out.put<std::uint64_t>(impl_->replies.size());
  for (const Impl::Reply& reply : impl_->replies) {
    out.put(reply.transaction);
    out.raw(std::as_bytes(std::span(&reply.packet, 1)));
    out.put(reply.notice ? ReplyKind::Notice : reply.scsi ? ReplyKind::Scsi : ReplyKind::Answer);
    out.put(reply.opcode);
    out.put(reply.disk);
  }
}

bool StorVsp::restore(traces::ByteReader& in, vmbus::Channel* channel) {
  if (in.get<std::uint32_t>() != kStorvspFormat) return false;
  const auto phase = in.get<Phase>();
  const auto version = in.get<std::uint16_t>();
  const auto serial = in.get<std::uint64_t>();
  const auto start = in.get<std::int64_t>();
  const std::uint64_t count = in.count(8 + sizeof(protocol::StoragePacket) + 1 + 1 + 4);
  if (!in.ok() || phase > Phase::Ready || !consistent(phase, version, impl_->config)) return false;
  // A plant may complete twice, hence two replies for each request; and a notice for each LUN.
  constexpr std::uint64_t kLuns = 256;
  if (count > kLuns + 2 * std::uint64_t{impl_->config.max_outstanding} || serial == 0 ||
      start < 0) {
    return false;
  }
  if (channel == nullptr && (phase != Phase::Begin || count != 0)) return false;
  std::deque<Impl::Reply> replies;
  for (std::uint64_t i = 0; i < count; ++i) {
    Impl::Reply reply;
    reply.transaction = in.get<std::uint64_t>();
    const auto packet = in.raw(sizeof(reply.packet));
    const auto kind = in.get<ReplyKind>();
    reply.opcode = in.get<std::uint8_t>();
    reply.disk = in.get<std::uint32_t>();
    if (!in.ok() || kind > ReplyKind::Notice) return false;
    std::memcpy(&reply.packet, packet.data(), packet.size());
    reply.scsi = kind == ReplyKind::Scsi;
    reply.notice = kind == ReplyKind::Notice;
    replies.push_back(reply);
  }
  if (channel != nullptr) opened(*channel);
  impl_->phase = phase;
  impl_->version = version;
  impl_->next_serial = serial;
  impl_->next_start = {start};
  impl_->replies = std::move(replies);
  return true;
}

void StorVsp::witness(traces::DigestStream& out) const {
  const Impl& now = *impl_;
  out.add_u64(now.channel != nullptr);
  out.add_u64(static_cast<std::uint64_t>(now.phase));
  out.add_u64(now.version);
  out.add_u64(now.next_serial);
  out.add_u64(static_cast<std::uint64_t>(now.next_start.ns));
  out.add_u64(now.luns.size());
  out.add_u64(now.outstanding.size());
  out.add_u64(now.pending_reset.has_value());
  out.add_u64(now.replies.size());
  for (const Impl::Reply& reply : now.replies) {
    out.add_u64(reply.transaction);
    out.add_u64(reply.scsi);
    out.add_u64(reply.notice);
    out.add_u64(reply.opcode);
    out.add(std::as_bytes(std::span(&reply.packet, 1)));
  }
}

}  // namespace vsp
