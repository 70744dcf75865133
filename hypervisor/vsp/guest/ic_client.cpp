#include "hypervisor/vsp/guest/ic_client.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace vsp::guest {
namespace {

template <class T>
void put(std::vector<std::byte>& out, const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// The first of ours that the host has too.
const icmsg::Version* common(const std::vector<icmsg::Version>& ours,
                             std::span<const icmsg::Version> theirs) {
  for (const icmsg::Version& version : ours) {
    if (std::find(theirs.begin(), theirs.end(), version) != theirs.end()) return &version;
  }
  return nullptr;
}

}  // namespace

IcClient::IcClient(vmbus::guest::Bus& bus, IcClientOwner& owner,
                   std::vector<icmsg::Version> frameworks, std::vector<icmsg::Version> messages)
    : bus_(bus),
      owner_(owner),
      frameworks_(std::move(frameworks)),
      messages_(std::move(messages)) {}

void IcClient::readable() {
  while (auto packet = bus_.receive(relid_)) handle(*packet);
}

void IcClient::handle(const vmbus::Packet& packet) {
  constexpr std::size_t kFixed = sizeof(vmbus::protocol::PipeHeader) + sizeof(icmsg::Header);
  if (silent_ || packet.payload.size() < kFixed) return;
  IcQuestion question;
  question.transaction = packet.transaction;
  std::memcpy(&question.header, packet.payload.data() + sizeof(vmbus::protocol::PipeHeader),
              sizeof(question.header));
  question.body.assign(packet.payload.begin() + kFixed, packet.payload.end());
  std::uint32_t status = 0;
  if (question.header.type == icmsg::Type::Negotiate) {
    negotiate(question);
    answer(question, status);
  } else if (owner_.asked(relid_, question, status)) {
    answer(question, status);
  }
}

void IcClient::negotiate(IcQuestion& question) {
  icmsg::Negotiate counts;
  if (question.body.size() < sizeof(counts)) return;
  std::memcpy(&counts, question.body.data(), sizeof(counts));
  std::vector<icmsg::Version> theirs((question.body.size() - sizeof(counts)) /
                                     sizeof(icmsg::Version));
  std::memcpy(theirs.data(), question.body.data() + sizeof(counts),
              theirs.size() * sizeof(icmsg::Version));
  if (theirs.size() < counts.framework_count + std::size_t{counts.message_count}) return;
  const std::span<const icmsg::Version> all(theirs);
  const icmsg::Version* framework = common(frameworks_, all.first(counts.framework_count));
  const icmsg::Version* message =
      common(messages_, all.subspan(counts.framework_count, counts.message_count));
  const bool agreed = framework != nullptr && message != nullptr;
  counts.framework_count = counts.message_count = agreed ? 1 : 0;
  question.body.clear();
  put(question.body, counts);
  if (!agreed) return;
  version_ = *message;
  put(question.body, *framework);
  put(question.body, *message);
}

void IcClient::answer(const IcQuestion& question, std::uint32_t status) {
  icmsg::Header header = question.header;
  header.status = status;
  header.flags = icmsg::kTransaction | icmsg::kResponse;
  header.bytes = static_cast<std::uint16_t>(question.body.size());
  vmbus::protocol::PipeHeader pipe;
  pipe.bytes = static_cast<std::uint32_t>(sizeof(header) + question.body.size());
  std::vector<std::byte> reply;
  put(reply, pipe);
  put(reply, header);
  reply.insert(reply.end(), question.body.begin(), question.body.end());
  vmbus::PacketOut out;
  out.transaction = question.transaction;
  out.payload = reply;
  bus_.send(relid_, out);
}

}  // namespace vsp::guest
