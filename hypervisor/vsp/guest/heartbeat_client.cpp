#include "hypervisor/vsp/guest/heartbeat_client.hpp"

#include <cstring>
#include <vector>

#include "hypervisor/vsp/icmsg_protocol.hpp"

namespace vsp::guest {

void HeartbeatClient::readable() {
  while (auto packet = bus_.receive(relid_)) handle(*packet);
}

void HeartbeatClient::handle(const vmbus::Packet& packet) {
  constexpr std::size_t kFixed = sizeof(vmbus::protocol::PipeHeader) + sizeof(icmsg::Header);
  std::vector<std::byte> reply = packet.payload;
  if (silent_ || reply.size() < kFixed) return;
  icmsg::Header header;
  std::memcpy(&header, reply.data() + sizeof(vmbus::protocol::PipeHeader), sizeof(header));
  std::byte* body = reply.data() + kFixed;
  const std::size_t bytes = reply.size() - kFixed;
  if (header.type == icmsg::Type::Negotiate && bytes >= sizeof(icmsg::Negotiate)) {
    // The host lists its best versions first; take the first of each kind.
    icmsg::Negotiate counts;
    std::memcpy(&counts, body, sizeof(counts));
    const std::size_t pairs = counts.framework_count + std::size_t{counts.message_count};
    if (counts.framework_count == 0 || counts.message_count == 0 ||
        bytes < sizeof(counts) + pairs * sizeof(icmsg::Version)) {
      return;
    }
    icmsg::Version chosen[2];
    std::byte* versions = body + sizeof(counts);
    std::memcpy(&chosen[0], versions, sizeof(icmsg::Version));
    std::memcpy(&chosen[1], versions + counts.framework_count * sizeof(icmsg::Version),
                sizeof(icmsg::Version));
    counts.framework_count = counts.message_count = 1;
    std::memcpy(body, &counts, sizeof(counts));
    std::memcpy(versions, chosen, sizeof(chosen));
  } else if (header.type == icmsg::Type::Heartbeat && bytes >= sizeof(std::uint64_t)) {
    std::uint64_t sequence = 0;
    std::memcpy(&sequence, body, sizeof(sequence));
    ++sequence;
    std::memcpy(body, &sequence, sizeof(sequence));
    ++answered_;
  } else {
    return;
  }
  header.flags = icmsg::kTransaction | icmsg::kResponse;
  std::memcpy(reply.data() + sizeof(vmbus::protocol::PipeHeader), &header, sizeof(header));
  vmbus::PacketOut out;
  out.transaction = packet.transaction;
  out.payload = reply;
  bus_.send(relid_, out);
}

void HeartbeatClient::save(traces::ByteWriter& out) const {
  out.put(relid_);
  out.put(answered_);
  out.put<std::uint8_t>(silent_);
}

bool HeartbeatClient::restore(traces::ByteReader& in) {
  relid_ = in.get<std::uint32_t>();
  answered_ = in.get<std::uint64_t>();
  silent_ = in.get<std::uint8_t>() != 0;
  return in.ok();
}

}  // namespace vsp::guest
