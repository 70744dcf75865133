// The guest's side of the control protocol (spec C.3).
#include <algorithm>
#include <cstring>
#include <vector>

#include "hypervisor/vmbus/guest/bus.hpp"
#include "hypervisor/vmbus/guest/bus_rings.hpp"
#include "hypervisor/vmbus/protocol.hpp"
#include "hypervisor/vmbus/ranges.hpp"

namespace vmbus::guest {

using protocol::Type;

void Bus::connect() {
  channels_.clear();
  outbox_.clear();
  retry_.disarm();
  version_ = {};
  attempt_ = 0;
  state_ = State::Connecting;
  switch_synic_on();
  try_version();
}

void Bus::try_version() {
  if (attempt_ >= config_.versions.size()) {
    state_ = State::Idle;
    client_.refused();
    return;
  }
  const Version wanted = config_.versions[attempt_];
  protocol::InitiateContact message;
  message.version = static_cast<std::uint32_t>(wanted);
  message.target_vp = config_.vp.value;
  if (wanted >= Version::V5_0) {
    connection_ = protocol::kMessageConnectionV5;
    message.interrupt_page_or_target = protocol::kSint;
  } else {
    connection_ = protocol::kMessageConnection;
  }
  if (wanted < Version::V2_4 && config_.interrupt_page) {
    const std::vector<std::byte> zeros(sim::kPageSize);
    write(*config_.interrupt_page, 0, zeros);
    message.interrupt_page_or_target = sim::base_of(*config_.interrupt_page).value;
  }
  post(protocol::bytes_of(message));
}

bool Bus::unload() {
  if (version_ < Version::V3_0) return false;
  state_ = State::Unloading;
  post(protocol::bytes_of(protocol::Header{Type::Unload}));
  return true;
}

void Bus::handle(std::span<const std::byte> payload) {
  const auto header = protocol::parse<protocol::Header>(payload);
  if (!header) return;
  switch (header->type) {
    case Type::VersionResponse:
      handle_version(payload);
      break;
    case Type::OfferChannel:
      handle_offer(payload);
      break;
    case Type::AllOffersDelivered:
      if (state_ != State::Listing) break;
      state_ = State::Connected;
      client_.offers_complete();
      break;
    case Type::RescindChannel:
      handle_rescind(payload);
      break;
    case Type::GpadlCreated:
      handle_created(payload);
      break;
    case Type::OpenChannelResult:
      handle_open_result(payload);
      break;
    case Type::GpadlTorndown:
      handle_torndown(payload);
      break;
    case Type::UnloadResponse:
      if (state_ != State::Unloading) break;
      state_ = State::Idle;
      version_ = {};
      channels_.clear();
      client_.unloaded();
      break;
    default:
      break;
  }
}

void Bus::handle_version(std::span<const std::byte> payload) {
  const auto response = protocol::parse<protocol::VersionResponse>(payload);
  if (!response || state_ != State::Connecting) return;
  if (response->supported == 0 || response->connection_state != 0) {
    ++attempt_;
    try_version();
    return;
  }
  version_ = config_.versions[attempt_];
  if (version_ >= Version::V5_0) connection_ = response->version_or_connection;
  state_ = State::Listing;
  client_.connected(version_);
  post(protocol::bytes_of(protocol::Header{Type::RequestOffers}));
}

void Bus::handle_offer(std::span<const std::byte> payload) {
  const auto message = protocol::parse<protocol::OfferChannel>(payload);
  if (!message || message->relid == 0 || message->relid > protocol::kMaxRelid) return;
  Channel channel;
  channel.offer.interface_id = Guid::from_bytes(message->interface_id);
  channel.offer.instance_id = Guid::from_bytes(message->instance_id);
  channel.offer.relid = message->relid;
  channel.offer.connection_id = message->connection_id;
  channel.offer.pipe_mode = (message->flags & protocol::kOfferNamedPipe) != 0;
  const auto [it, fresh] = channels_.emplace(message->relid, std::move(channel));
  if (fresh) client_.offered(it->second.offer);
}

void Bus::handle_rescind(std::span<const std::byte> payload) {
  const auto message = protocol::parse<protocol::RelidMessage>(payload);
  Channel* found = message ? channel(message->relid) : nullptr;
  if (found == nullptr || found->rescinded) return;
  found->rescinded = true;
  const std::uint32_t relid = message->relid;
  client_.rescinded(relid);
  // Lent pages come back first; while the GPADL is on its way its answer decides.
  if (found->state == ChannelState::Offered) {
    release(relid);
  } else if (found->state == ChannelState::Opening || found->state == ChannelState::Open) {
    take_back(*found);
  }
}

void Bus::release(std::uint32_t relid) {
  const protocol::RelidMessage message{{Type::RelidReleased}, relid};
  post(protocol::bytes_of(message));
  channels_.erase(relid);
}

bool Bus::open(std::uint32_t relid, sim::Gpfn first, std::uint32_t to_host_pages,
               std::uint32_t to_guest_pages) {
  Channel* found = channel(relid);
  if (found == nullptr || found->state != ChannelState::Offered || to_host_pages < 2 ||
      to_guest_pages < 2) {
    return false;
  }
  found->first = first;
  found->to_host_pages = to_host_pages;
  found->to_guest_pages = to_guest_pages;
  found->masked = found->waiting_for_room = found->failed = false;
  if (!make_rings(*found)) return false;
  clear_rings(*found);
  found->gpadl = next_gpadl_++;
  found->state = ChannelState::Lending;
  post_gpadl(relid, found->gpadl, first, to_host_pages + to_guest_pages);
  return true;
}

std::uint32_t Bus::lend(std::uint32_t relid, sim::Gpfn first, std::uint32_t pages) {
  const Channel* found = channel(relid);
  if (found == nullptr || found->state != ChannelState::Open || pages == 0) return 0;
  const std::uint32_t gpadl = next_gpadl_++;
  post_gpadl(relid, gpadl, first, pages);
  return gpadl;
}

void Bus::take_back(std::uint32_t relid, std::uint32_t gpadl) {
  protocol::GpadlTeardown message;
  message.relid = relid;
  message.gpadl = gpadl;
  post(protocol::bytes_of(message));
}

/// GPADL_HEADER and as many GPADL_BODY as it takes.
void Bus::post_gpadl(std::uint32_t relid, std::uint32_t gpadl, sim::Gpfn first,
                     std::uint32_t pages) {
  GpaRange range;
  range.bytes = static_cast<std::uint32_t>(pages * sim::kPageSize);
  for (std::uint32_t i = 0; i < pages; ++i) range.pfns.push_back(first.value + i);
  std::vector<std::byte> buffer;
  append_ranges(buffer, std::span(&range, 1));

  protocol::GpadlHeader header;
  header.relid = relid;
  header.gpadl = gpadl;
  header.range_bytes = static_cast<std::uint16_t>(buffer.size());
  header.range_count = 1;
  std::span<const std::byte> rest(buffer);
  const auto send_part = [&](std::span<const std::byte> fixed, std::size_t words) {
    const std::size_t bytes = std::min(rest.size(), words * 8);
    std::vector<std::byte> message(fixed.begin(), fixed.end());
    message.insert(message.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(bytes));
    rest = rest.subspan(bytes);
    post(message);
  };
  send_part(protocol::bytes_of(header), protocol::kHeaderWords);
  protocol::GpadlBody body;
  body.gpadl = gpadl;
  while (!rest.empty()) send_part(protocol::bytes_of(body), protocol::kBodyWords);
}

void Bus::take_back(Channel& channel) {
  protocol::GpadlTeardown message;
  message.relid = channel.offer.relid;
  message.gpadl = channel.gpadl;
  channel.state = ChannelState::Closing;
  channel.rings.reset();
  post(protocol::bytes_of(message));
}

void Bus::handle_created(std::span<const std::byte> payload) {
  const auto message = protocol::parse<protocol::GpadlCreated>(payload);
  Channel* found = message ? channel(message->relid) : nullptr;
  if (found == nullptr) return;
  if (found->gpadl != message->gpadl) {
    client_.lent(message->relid, message->gpadl, message->status == protocol::kSuccess);
    return;
  }
  if (found->state != ChannelState::Lending) return;
  if (message->status != protocol::kSuccess) {
    found->state = ChannelState::Offered;
    found->rings.reset();
    if (found->rescinded) return release(message->relid);
    client_.opened(message->relid, false);
    return;
  }
  if (found->rescinded) return take_back(*found);
  protocol::OpenChannel open;
  open.relid = open.open_id = message->relid;
  open.ring_gpadl = found->gpadl;
  open.target_vp = config_.vp.value;
  open.downstream_page = found->to_host_pages;
  found->state = ChannelState::Opening;
  post(protocol::bytes_of(open));
}

void Bus::handle_open_result(std::span<const std::byte> payload) {
  const auto message = protocol::parse<protocol::OpenChannelResult>(payload);
  Channel* found = message ? channel(message->relid) : nullptr;
  if (found == nullptr || found->state != ChannelState::Opening) return;
  if (message->status != protocol::kSuccess) {
    take_back(*found);
    client_.opened(message->relid, false);
    return;
  }
  found->state = ChannelState::Open;
  client_.opened(message->relid, true);
  service(message->relid);
}

bool Bus::close(std::uint32_t relid) {
  Channel* found = channel(relid);
  if (found == nullptr || found->state != ChannelState::Open) return false;
  const protocol::RelidMessage message{{Type::CloseChannel}, relid};
  post(protocol::bytes_of(message));
  take_back(*found);
  return true;
}

void Bus::handle_torndown(std::span<const std::byte> payload) {
  const auto message = protocol::parse<protocol::GpadlTorndown>(payload);
  if (!message) return;
  for (auto& [relid, entry] : channels_) {
    if (entry.state != ChannelState::Closing || entry.gpadl != message->gpadl) continue;
    entry.state = ChannelState::Offered;
    const std::uint32_t which = relid;
    const bool rescinded = entry.rescinded;
    client_.closed(which);
    if (rescinded) release(which);
    return;
  }
  client_.returned(message->gpadl);
}

}  // namespace vmbus::guest
