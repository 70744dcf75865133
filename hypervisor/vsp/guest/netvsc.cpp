// The adapter's handshake and its control messages.
#include "hypervisor/vsp/guest/netvsc.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "hypervisor/vsp/guest/netvsc_wire.hpp"
#include "traces/assert.hpp"

namespace vsp::guest {

NetVsc::NetVsc(hv::Partition& partition, vmbus::guest::Bus& bus, const NetVscConfig& config,
               NetVscClient& client)
    : partition_(partition), bus_(bus), config_(config), client_(client) {}

void NetVsc::opened(std::uint32_t relid) {
  relid_ = relid;
  attempt_ = 0;
  version_ = {};
  receive_gpadl_ = send_gpadl_ = 0;
  free_.clear();
  open_.reset();
  open_bytes_ = open_frames_ = 0;
  outstanding_.clear();
  queue_.clear();
  returns_.clear();
  ask_version();
}

template <class Body>
void NetVsc::tell(nvsp::Type type, const Body& body, bool wants_answer) {
  nvsp::Message message;
  message.type = type;
  std::memcpy(message.body.data(), &body, sizeof(body));
  vmbus::PacketOut out;
  out.completion_requested = wants_answer;
  out.transaction = kNetHandshake;
  out.payload = std::as_bytes(std::span(&message, 1));
  const bool sent = bus_.send(relid_, out);
  HVSIM_ASSERT(sent || bus_.failed(relid_), "the handshake finds room in the ring");
}

void NetVsc::ask_version() {
  step_ = Step::Init;
  const auto version = static_cast<std::uint32_t>(config_.versions[attempt_]);
  tell(nvsp::Type::Init, nvsp::Init{version, version}, true);
}

void NetVsc::fail(std::uint32_t status) {
  step_ = Step::Failed;
  client_.net_refused(status);
}

/// The host completed a message of the handshake.
void NetVsc::answered(const nvsp::Message& message) {
  if (step_ == Step::Init && message.type == nvsp::Type::InitComplete) {
    const auto body = body_of<nvsp::InitComplete>(message);
    if (body.status != nvsp::Status::Success) {
      if (++attempt_ == config_.versions.size()) {
        return fail(static_cast<std::uint32_t>(body.status));
      }
      return ask_version();
    }
    version_ = config_.versions[attempt_];
    if (version_ >= nvsp::Version::V2) {
      nvsp::NdisConfig wanted;
      wanted.mtu = static_cast<std::uint32_t>(config_.mtu + sim::kEthernetHeader);
      wanted.capabilities = nvsp::kCapabilityVlan;
      tell(nvsp::Type::SendNdisConfig, wanted, false);
    }
    tell(nvsp::Type::SendNdisVersion,
         nvsp::NdisVersion{6, version_ <= nvsp::Version::V4 ? 1u : 30u}, false);
    step_ = Step::LendReceive;
    receive_gpadl_ = bus_.lend(relid_, config_.receive_first, config_.receive_pages);
  } else if (step_ == Step::SendReceive && message.type == nvsp::Type::SendReceiveBufferComplete) {
    const auto body = body_of<nvsp::ReceiveBufferComplete>(message);
    if (body.status != nvsp::Status::Success || body.section_runs != 1 || body.offset != 0) {
      return fail(static_cast<std::uint32_t>(body.status));
    }
    section_bytes_ = body.section_bytes;
    receive_sections_ = body.sections;
    step_ = Step::LendSend;
    send_gpadl_ = bus_.lend(relid_, config_.send_first, config_.send_pages);
  } else if (step_ == Step::SendSend && message.type == nvsp::Type::SendSendBufferComplete) {
    const auto body = body_of<nvsp::SendBufferComplete>(message);
    if (body.status != nvsp::Status::Success || body.section_bytes != nvsp::kSendSectionBytes) {
      return fail(static_cast<std::uint32_t>(body.status));
    }
    const auto sections =
        static_cast<std::uint32_t>(config_.send_pages * sim::kPageSize / nvsp::kSendSectionBytes);
    for (std::uint32_t i = sections; i-- > 0;) free_.push_back(i);
    step_ = Step::Initialize;
    next_step();
  }
}

void NetVsc::lent(std::uint32_t gpadl, bool success) {
  const bool receive = step_ == Step::LendReceive && gpadl == receive_gpadl_;
  if (!receive && !(step_ == Step::LendSend && gpadl == send_gpadl_)) return;
  if (!success) return fail(static_cast<std::uint32_t>(nvsp::Status::Failure));
  step_ = receive ? Step::SendReceive : Step::SendSend;
  tell(receive ? nvsp::Type::SendReceiveBuffer : nvsp::Type::SendSendBuffer,
       nvsp::SendBuffer{gpadl, receive ? nvsp::kReceiveBufferId : nvsp::kSendBufferId, 0}, true);
}

/// Sends an RNDIS request out of the control page, as one range of the packet.
void NetVsc::request(rndis::Type type, std::span<const std::byte> body) {
  rndis::Header header;
  header.type = type;
  header.length = static_cast<std::uint32_t>(sizeof(header) + body.size());
  HVSIM_ASSERT(header.length <= sim::kPageSize, "a request fits into its page");
  put(config_.control_page, 0, bytes_of(header));
  put(config_.control_page, sizeof(header), body);
  nvsp::Message message;
  message.type = nvsp::Type::SendRndisPacket;
  const nvsp::RndisPacket control{nvsp::kControlChannel, nvsp::kNoSection, 0};
  std::memcpy(message.body.data(), &control, sizeof(control));
  vmbus::PacketOut out;
  out.type = vmbus::PacketType::DataUsingGpaDirect;
  out.completion_requested = true;
  out.transaction = kNetControl;
  out.ranges.push_back({header.length, 0, {config_.control_page.value}});
  out.payload = std::as_bytes(std::span(&message, 1));
  const bool sent = bus_.send(relid_, out);
  HVSIM_ASSERT(sent || bus_.failed(relid_), "a request finds room in the ring");
}

void NetVsc::query(rndis::Oid oid) {
  rndis::Request body;
  body.request = next_request_++;
  body.oid = oid;
  body.info_offset = sizeof(body);
  request(rndis::Type::Query, bytes_of(body));
}

void NetVsc::set(rndis::Oid oid, std::span<const std::byte> info) {
  rndis::Request body;
  body.request = next_request_++;
  body.oid = oid;
  body.info_offset = sizeof(body);
  body.info_bytes = static_cast<std::uint32_t>(info.size());
  std::vector<std::byte> whole(sizeof(body));
  std::memcpy(whole.data(), &body, sizeof(body));
  whole.insert(whole.end(), info.begin(), info.end());
  request(rndis::Type::Set, whole);
}

void NetVsc::next_step() {
  switch (step_) {
    case Step::Initialize: {
      rndis::Initialize body;
      body.request = next_request_++;
      body.major = rndis::kMajorVersion;
      body.minor = rndis::kMinorVersion;
      body.max_transfer = 0x4000;
      return request(rndis::Type::Initialize, bytes_of(body));
    }
    case Step::QueryFrameSize:
      return query(rndis::Oid::MaximumFrameSize);
    case Step::QueryMac:
      return query(rndis::Oid::PermanentAddress);
    case Step::QueryOffloads:
      return query(rndis::Oid::OffloadHardwareCapabilities);
    case Step::SetOffloads: {
      // All of them off.
      std::vector<std::byte> parameters(32, std::byte{1});
      const rndis::ObjectHeader header{rndis::kObjectDefault, 3, 32};
      std::memcpy(parameters.data(), &header, sizeof(header));
      return set(rndis::Oid::OffloadParameters, parameters);
    }
    case Step::QueryLink:
      return query(rndis::Oid::MediaConnectStatus);
    case Step::SetFilter:
      return set(rndis::Oid::PacketFilter, bytes_of(config_.filter));
    default:
      return;
  }
}

/// An RNDIS control message of the host.
void NetVsc::control(std::span<const std::byte> bytes) {
  const auto header = load<rndis::Header>(bytes);
  if (!header || header->length > bytes.size()) return;
  const auto body = bytes.subspan(sizeof(*header), header->length - sizeof(*header));
  if (header->type == rndis::Type::Indicate) {
    const auto indicate = load<rndis::Indicate>(body);
    if (!indicate) return;
    if (indicate->status == rndis::Status::MediaConnect) link_up_ = true;
    if (indicate->status == rndis::Status::MediaDisconnect) link_up_ = false;
    client_.indicated(indicate->status);
    return;
  }
  const auto complete = load<rndis::Complete>(body);
  if (!complete || complete->request + 1 != next_request_) return;
  last_status_ = complete->status;
  last_info_.clear();
  if (header->type == rndis::Type::QueryComplete) {
    const auto answer = load<rndis::QueryComplete>(body);
    if (answer && answer->info_offset <= body.size() &&
        answer->info_bytes <= body.size() - answer->info_offset) {
      const auto info = body.subspan(answer->info_offset, answer->info_bytes);
      last_info_.assign(info.begin(), info.end());
    }
  }
  if (step_ < Step::Initialize || step_ >= Step::Ready) return;
  if (last_status_ != rndis::Status::Success) {
    return fail(static_cast<std::uint32_t>(last_status_));
  }
  if (step_ == Step::QueryFrameSize) mtu_ = load<std::uint32_t>(last_info_).value_or(0);
  if (step_ == Step::QueryMac && last_info_.size() == 6) mac_ = sim::mac_at(last_info_, 0);
  if (step_ == Step::QueryLink) {
    link_up_ = load<std::uint32_t>(last_info_).value_or(1) == rndis::kMediaConnected;
  }
  step_ = static_cast<Step>(static_cast<std::uint8_t>(step_) + 1);
  if (step_ == Step::Ready) return client_.net_ready();
  next_step();
}

void NetVsc::readable() {
  while (auto packet = bus_.receive(relid_)) {
    if (packet->type == vmbus::PacketType::DataUsingTransferPages) {
      received(*packet);
    } else if (packet->type == vmbus::PacketType::Completion) {
      nvsp::Message message;
      const std::size_t bytes = std::min(packet->payload.size(), sizeof(message));
      if (bytes != 0) std::memcpy(&message, packet->payload.data(), bytes);
      if (packet->transaction == kNetHandshake) {
        answered(message);
      } else if (packet->transaction != kNetControl) {
        const auto found = outstanding_.find(packet->transaction);
        if (found == outstanding_.end()) {
          client_.unasked(packet->transaction);
          continue;
        }
        outstanding_.erase(found);
        free_.push_back(static_cast<std::uint32_t>(packet->transaction - 1));
        client_.frames_sent(body_of<nvsp::RndisPacketComplete>(message).status);
      }
    }
  }
}

}  // namespace vsp::guest
