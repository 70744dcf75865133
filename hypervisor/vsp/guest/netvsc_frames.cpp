// The adapter's frames, its access to the guest's pages, and its saved form.
#include <algorithm>
#include <cstring>
#include <utility>

#include "hypervisor/vsp/guest/netvsc.hpp"
#include "hypervisor/vsp/guest/netvsc_wire.hpp"
#include "traces/assert.hpp"

namespace vsp::guest {

namespace {

constexpr std::uint32_t kNetvscFormat = 0x3143564E;  // "NVC1"
/// RNDIS messages of one packet begin at multiples of 8; at most so many.
constexpr std::uint32_t kAlign = 8, kFramesPerSection = 8;

}  // namespace

void NetVsc::put(sim::Gpfn first, std::uint64_t offset, std::span<const std::byte> data) {
  while (!data.empty()) {
    const std::uint64_t in_page = offset & (sim::kPageSize - 1);
    const std::size_t now = std::min<std::size_t>(data.size(), sim::kPageSize - in_page);
    const auto frame = partition_.gpa_map().ram(first + (offset >> sim::kPageShift));
    HVSIM_ASSERT(frame, "an adapter's buffers are the guest's own pages");
    partition_.memory().write(*frame, static_cast<std::uint32_t>(in_page), data.first(now),
                              traces::Writer::Guest);
    data = data.subspan(now);
    offset += now;
  }
}

void NetVsc::get(sim::Gpfn first, std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const std::uint64_t in_page = offset & (sim::kPageSize - 1);
    const std::size_t now = std::min<std::size_t>(out.size(), sim::kPageSize - in_page);
    const auto frame = partition_.gpa_map().ram(first + (offset >> sim::kPageShift));
    HVSIM_ASSERT(frame, "an adapter's buffers are the guest's own pages");
    partition_.memory().read(*frame, static_cast<std::uint32_t>(in_page), out.first(now));
    out = out.subspan(now);
    offset += now;
  }
}

bool NetVsc::send(std::span<const std::byte> frame, std::optional<std::uint16_t> vlan) {
  struct Head {
    rndis::Header header;
    rndis::Packet packet;
    rndis::PacketInfo info;
    rndis::VlanInfo vlan;
  };
  Head head;
  const std::size_t head_bytes = vlan ? sizeof(head) : offsetof(Head, info);
  const auto whole =
      static_cast<std::uint32_t>((head_bytes + frame.size() + kAlign - 1) / kAlign * kAlign);
  if (!ready() || whole > nvsp::kSendSectionBytes) return false;
  if (open_ &&
      (open_bytes_ + whole > nvsp::kSendSectionBytes || open_frames_ == kFramesPerSection)) {
    flush();
  }
  if (!open_) {
    if (free_.empty()) return false;
    open_ = free_.back();
    free_.pop_back();
  }
  head.header.type = rndis::Type::Packet;
  head.header.length = whole;
  head.packet.data_offset = static_cast<std::uint32_t>(head_bytes - sizeof(head.header));
  head.packet.data_bytes = static_cast<std::uint32_t>(frame.size());
  if (vlan) {
    head.packet.info_offset = sizeof(rndis::Packet);
    head.packet.info_bytes = sizeof(head.info) + sizeof(head.vlan);
    head.info = {head.packet.info_bytes, rndis::kInfoVlan, sizeof(head.info)};
    head.vlan = rndis::VlanInfo::of_tag(*vlan);
  }
  const std::uint64_t at = std::uint64_t{*open_} * nvsp::kSendSectionBytes + open_bytes_;
  put(config_.send_first, at, bytes_of(head).first(head_bytes));
  put(config_.send_first, at + head_bytes, frame);
  open_bytes_ += whole;
  ++open_frames_;
  return true;
}

void NetVsc::flush() {
  if (!open_) return;
  const std::uint64_t transaction = std::uint64_t{*open_} + 1;
  outstanding_.emplace(transaction, open_bytes_);
  queue_.push_back(transaction);
  open_.reset();
  open_bytes_ = open_frames_ = 0;
  pump();
}

void NetVsc::writable() { pump(); }

void NetVsc::pump() {
  while (!returns_.empty()) {
    nvsp::Message message;
    message.type = nvsp::Type::SendRndisPacketComplete;
    const nvsp::RndisPacketComplete body{nvsp::Status::Success};
    std::memcpy(message.body.data(), &body, sizeof(body));
    vmbus::PacketOut out;
    out.type = vmbus::PacketType::Completion;
    out.transaction = returns_.front();
    // As short as Linux's.
    out.payload = bytes_of(message).first(nvsp::kMessageHead + sizeof(body));
    if (!bus_.send(relid_, out)) return;
    returns_.pop_front();
  }
  while (!queue_.empty()) {
    const std::uint64_t transaction = queue_.front();
    nvsp::Message message;
    message.type = nvsp::Type::SendRndisPacket;
    const nvsp::RndisPacket body{nvsp::kDataChannel, static_cast<std::uint32_t>(transaction - 1),
                                 outstanding_.at(transaction)};
    std::memcpy(message.body.data(), &body, sizeof(body));
    vmbus::PacketOut out;
    out.completion_requested = true;
    out.transaction = transaction;
    out.payload = bytes_of(message);
    if (!bus_.send(relid_, out)) return;
    queue_.pop_front();
  }
}

/// A packet that names sections of the receive buffer.
void NetVsc::received(const vmbus::Packet& packet) {
  const std::uint64_t all = std::uint64_t{config_.receive_pages} * sim::kPageSize;
  for (const vmbus::GpaRange& range : packet.ranges) {
    if (range.offset > all || range.bytes > all - range.offset) continue;
    scratch_.resize(range.bytes);
    get(config_.receive_first, range.offset, scratch_);
    message(scratch_);
  }
  returns_.push_back(packet.transaction);
  pump();
}

void NetVsc::message(std::span<const std::byte> bytes) {
  const auto header = load<rndis::Header>(bytes);
  if (!header) return;
  if (header->type != rndis::Type::Packet) {
    // The handshake's next request may use what this one lies in.
    const std::vector<std::byte> copy(bytes.begin(), bytes.end());
    return control(copy);
  }
  const auto body = bytes.subspan(sizeof(*header));
  const auto packet = load<rndis::Packet>(body);
  if (!packet || packet->data_offset > body.size() ||
      packet->data_bytes > body.size() - packet->data_offset) {
    return;
  }
  std::optional<std::uint16_t> vlan;
  const auto info = load<rndis::PacketInfo>(body, packet->info_offset);
  if (packet->info_bytes != 0 && info && info->type == rndis::kInfoVlan) {
    const auto value =
        load<rndis::VlanInfo>(body, std::size_t{packet->info_offset} + info->value_offset);
    if (value) vlan = value->tag();
  }
  client_.frame(body.subspan(packet->data_offset, packet->data_bytes), vlan);
}

void NetVsc::save(traces::ByteWriter& out) const {
  out.put(kNetvscFormat);
  out.put(relid_);
  out.put(step_);
  out.put(attempt_);
  out.put(version_);
  for (const std::uint32_t value : {receive_gpadl_, send_gpadl_, section_bytes_, receive_sections_,
                                    next_request_, mtu_, open_bytes_, open_frames_}) {
    out.put(value);
  }
  out.put(mac_.number());
  out.put<std::uint8_t>(link_up_);
  out.put(last_status_);
  out.block(last_info_);
  out.put<std::uint64_t>(free_.size());
  for (const std::uint32_t section : free_) out.put(section);
  out.put(open_ ? *open_ : nvsp::kNoSection);
  out.put<std::uint64_t>(outstanding_.size());
  for (const auto& [transaction, bytes] : outstanding_) {
    out.put(transaction);
    out.put(bytes);
  }
  for (const auto* list : {&queue_, &returns_}) {
    out.put<std::uint64_t>(list->size());
    for (const std::uint64_t transaction : *list) out.put(transaction);
  }
}

bool NetVsc::restore(traces::ByteReader& in) {
  if (in.get<std::uint32_t>() != kNetvscFormat) return false;
  relid_ = in.get<std::uint32_t>();
  step_ = in.get<Step>();
  attempt_ = in.get<std::uint32_t>();
  version_ = in.get<nvsp::Version>();
  for (std::uint32_t* value : {&receive_gpadl_, &send_gpadl_, &section_bytes_, &receive_sections_,
                               &next_request_, &mtu_, &open_bytes_, &open_frames_}) {
    *value = in.get<std::uint32_t>();
  }
  mac_ = sim::MacAddress::of(in.get<std::uint64_t>());
  link_up_ = in.get<std::uint8_t>() != 0;
  last_status_ = in.get<rndis::Status>();
  const auto info = in.block();
  last_info_.assign(info.begin(), info.end());
  free_.clear();
  outstanding_.clear();
  const std::uint64_t free = in.count(4);
  for (std::uint64_t i = 0; i < free; ++i) free_.push_back(in.get<std::uint32_t>());
  const auto open = in.get<std::uint32_t>();
  open_.reset();
  if (open != nvsp::kNoSection) open_ = open;
  const std::uint64_t packets = in.count(12);
  for (std::uint64_t i = 0; i < packets; ++i) {
    const auto transaction = in.get<std::uint64_t>();
    outstanding_.emplace(transaction, in.get<std::uint32_t>());
  }
  for (auto* list : {&queue_, &returns_}) {
    list->clear();
    const std::uint64_t count = in.count(8);
    for (std::uint64_t i = 0; i < count; ++i) list->push_back(in.get<std::uint64_t>());
  }
  const bool known = std::all_of(queue_.begin(), queue_.end(), [this](std::uint64_t transaction) {
    return outstanding_.contains(transaction);
  });
  return in.ok() && known && step_ <= Step::Failed && attempt_ <= config_.versions.size();
}

}  // namespace vsp::guest
