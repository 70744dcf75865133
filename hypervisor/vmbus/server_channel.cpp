#include "hypervisor/vmbus/server_channel.hpp"

#include <array>
#include <bit>
#include <utility>

#include "hypervisor/vmbus/points.hpp"
#include "hypervisor/vmbus/protocol.hpp"
#include "traces/assert.hpp"

namespace vmbus {

using traces::ChannelState;

ServerChannel::Rings::Rings(hv::Partition& partition, RingPlants& plants,
                            std::vector<sim::Frame> host_frames,
                            std::vector<sim::Frame> guest_frames)
    : to_host(partition.memory(), std::move(host_frames), traces::Writer::Host),
      to_guest(partition.memory(), std::move(guest_frames), traces::Writer::Host),
      reader(to_host, &plants),
      writer(to_guest, &plants) {}

ServerChannel::ServerChannel(hv::Partition& partition, GpadlTable& gpadls,
                             InterruptPage& interrupt_page, std::string name, Device& device,
                             std::uint32_t relid, std::function<void(ServerChannel&)> doorbell)
    : partition_(partition),
      gpadls_(gpadls),
      interrupt_page_(interrupt_page),
      name_(std::move(name)),
      device_(device),
      offer_(device.offer()),
      relid_(relid),
      doorbell_(std::move(doorbell)) {}

void ServerChannel::change(ChannelState to) {
  traces::ev::VmbusChannel event;
  event.partition = partition_.id().value;
  event.relid = relid_;
  event.from = std::exchange(state_, to);
  event.to = to;
  emit(event);
}

bool ServerChannel::geometry_valid(const Gpadl& gpadl, std::uint32_t downstream_page) {
  if (gpadl.ranges.size() != 1) return false;
  const GpaRange& range = gpadl.ranges.front();
  const std::size_t pages = range.pfns.size();
  // Each ring is a header page and at least one page of data.
  return range.offset == 0 && range.bytes % sim::kPageSize == 0 && downstream_page >= 2 &&
         downstream_page < pages && pages - downstream_page >= 2;
}

bool ServerChannel::attach_rings(const OpenRequest& request, const Gpadl& gpadl) {
  const std::vector<std::uint64_t>& pfns = gpadl.ranges.front().pfns;
  std::vector<sim::Frame> frames;
  for (const std::uint64_t pfn : pfns) {
    const auto frame = partition_.gpa_map().ram({pfn});
    if (!frame) return false;
    frames.push_back(*frame);
  }
  const auto split = frames.begin() + request.downstream_page;
  request_ = request;
  rings_ =
      std::make_unique<Rings>(partition_, *this, std::vector<sim::Frame>(frames.begin(), split),
                              std::vector<sim::Frame>(split, frames.end()));
  const std::span<const std::uint64_t> all(pfns);
  rings_->to_host_pages = runs_of(all.first(request.downstream_page));
  rings_->to_guest_pages = runs_of(all.subspan(request.downstream_page));
  if (world().detail()) {
    const std::string interface = offer_.interface_id.text();
    traces::ev::VmbusOpened event;
    event.partition = partition_.id().value;
    event.relid = relid_;
    event.interface = interface;
    event.ring_gpadl = request.ring_gpadl;
    emit(event);
  }
  sim::GuestMemory& memory = partition_.memory();
  rings_->to_host_watch =
      memory.watch(traces::WatchPurpose::RingToHost, rings_->to_host.frames(), relid_);
  rings_->to_guest_watch =
      memory.watch(traces::WatchPurpose::RingToGuest, rings_->to_guest.frames(), relid_);
  error_ = RingError::None;
  masked_ = false;
  waiting_for_room_ = false;
  packets_ = 0;
  return true;
}

void ServerChannel::device_opened() {
  serving_ = true;
  device_.opened(*this);
}

void ServerChannel::device_closed() {
  if (serving_) {
    serving_ = false;
    device_.closed();
  }
  if (rings_ == nullptr) return;
  sim::GuestMemory& memory = partition_.memory();
  memory.sample_watches();
  memory.unwatch(rings_->to_host_watch);
  memory.unwatch(rings_->to_guest_watch);
  rings_.reset();
}

void ServerChannel::look() {
  if (!serving_ || failed()) return;
  partition_.memory().sample_watches();
  if (std::exchange(waiting_for_room_, false)) device_.writable();
  if (serving_ && !failed()) device_.readable();
  // Only a server that serves before it opens is still opening here (plants.hpp).
  if (state_ == ChannelState::Opening && packets_ > 0) change(ChannelState::Open);
}

void ServerChannel::raise_doorbell(traces::SignalReason reason) {
  traces::ev::VmbusSignal event;
  event.partition = partition_.id().value;
  event.relid = relid_;
  event.reason = reason;
  emit(event);
  // A VP whose SynIC is off has no flags to set; the guest looks at its rings when it is back.
  std::uint16_t flag = static_cast<std::uint16_t>(relid_);
  if (interrupt_page_.lent()) {
    interrupt_page_.tell_guest(relid_ + (plant("vmbus.tells-the-neighbour") ? 1 : 0));
    flag = 0;  // "look at your half"
  }
  static_cast<void>(partition_.signal_event({request_.target_vp}, {protocol::kSint}, flag));
}

void ServerChannel::signalled(std::uint16_t /*flag*/) {
  traces::ev::VmbusDoorbell event;
  event.partition = partition_.id().value;
  event.relid = relid_;
  event.accepted = serving_;
  emit(event);
  if (serving_) doorbell_(*this);
}

std::optional<Packet> ServerChannel::read() {
  if (rings_ == nullptr || failed()) return std::nullopt;
  partition_.memory().sample_watches();
  witness_access(rings_->to_host_pages, request_.ring_gpadl, 0, true);
  while (true) {
    if (!masked_) {
      rings_->reader.mask();
      masked_ = true;
    }
    if (auto packet = read_one()) return packet;
    if (failed()) return std::nullopt;
    rewind_empty_ring();
    masked_ = false;
    if (!rings_->reader.unmask()) return std::nullopt;
  }
}

std::optional<Packet> ServerChannel::read_one() {
  auto read = rings_->reader.read();
  if (read.error != RingError::None) {
    fail(read.error);
    return std::nullopt;
  }
  if (!read.packet) return std::nullopt;
  ++packets_;
  if (packets_ == 8 && plant("vmbus.drops-packet")) return read_one();
  witness_packet(read);
  witness_check(read.check, false, true);
  if (read.check.signal) raise_doorbell(traces::SignalReason::Space);
  return std::move(read.packet);
}

bool ServerChannel::write(const PacketOut& packet) {
  if (rings_ == nullptr || failed()) return false;
  partition_.memory().sample_watches();
  witness_access(rings_->to_guest_pages, request_.ring_gpadl, 0, true);
  const auto written = rings_->writer.write(packet);
  if (written.error != RingError::None) {
    fail(written.error);
    return false;
  }
  if (!written.fits) {
    waiting_for_room_ = true;
    world().sometimes(partition_.node(), kPointRingFull);
    return false;
  }
  traces::ev::RingProduced event;
  event.partition = partition_.id().value;
  event.relid = relid_;
  event.start = written.start;
  event.end = written.end;
  event.type = static_cast<std::uint16_t>(packet.type);
  event.transaction = packet.transaction;
  event.completion_requested = packet.completion_requested;
  event.hash = written.hash;
  emit(event);
  witness_check(written.check, true, false);
  if (written.check.signal) {
    raise_doorbell(traces::SignalReason::Packet);
  } else if (world().buggify(partition_.node(), kPointSpuriousInterrupt,
                             {partition_.vm(), relid_, packet.transaction, packets_})) {
    static_cast<void>(partition_.signal_event({request_.target_vp}, {protocol::kSint},
                                              static_cast<std::uint16_t>(relid_)));
  }
  return true;
}

std::optional<std::vector<PagePiece>> ServerChannel::reach(const Packet& packet,
                                                           std::uint64_t offset,
                                                           std::uint64_t bytes, bool write) const {
  auto pieces = pieces_of(packet.ranges, offset, bytes);
  if (!pieces) return std::nullopt;
  std::vector<std::uint64_t> pfns;
  for (const PagePiece& piece : *pieces) {
    if (!partition_.gpa_map().ram({piece.pfn})) return std::nullopt;
    if (pfns.empty() || pfns.back() != piece.pfn) pfns.push_back(piece.pfn);
  }
  witness_access(runs_of(pfns), 0, packet.transaction, write);
  return pieces;
}

bool ServerChannel::copy_in(const Packet& packet, std::uint64_t offset, std::span<std::byte> out) {
  const auto pieces = reach(packet, offset, out.size(), false);
  if (!pieces) return false;
  for (const PagePiece& piece : *pieces) {
    partition_.memory().read(*partition_.gpa_map().ram({piece.pfn}), piece.offset,
                             out.first(piece.bytes));
    out = out.subspan(piece.bytes);
  }
  return true;
}

bool ServerChannel::copy_out(const Packet& packet, std::uint64_t offset,
                             std::span<const std::byte> data) {
  const auto pieces = reach(packet, offset, data.size(), true);
  if (!pieces) return false;
  for (const PagePiece& piece : *pieces) {
    const sim::Frame frame = *partition_.gpa_map().ram({piece.pfn});
    partition_.memory().write(frame, piece.offset, data.first(piece.bytes), traces::Writer::Host);
    partition_.forget_code(frame);
    data = data.subspan(piece.bytes);
  }
  if (plant("vmbus.copies-beside")) {
    const sim::Frame last{partition_.memory().ram_pages() - 1};
    const std::uint64_t stray = packet.transaction;
    partition_.memory().write(last, 0, std::as_bytes(std::span(&stray, 1)), traces::Writer::Host);
  }
  return true;
}

RingFrames ServerChannel::ring_frames() const {
  HVSIM_ASSERT(rings_ != nullptr, "a closed channel has no rings");
  return {relid_, rings_->to_host.frames(), rings_->to_guest.frames()};
}

void ServerChannel::fail(RingError error) { error_ = error; }

void ServerChannel::witness_access(std::span<const PageRun> pages, std::uint32_t gpadl,
                                   std::uint64_t transaction, bool write) const {
  if (!world().detail()) return;
  traces::ev::VmbusAccess event;
  event.partition = partition_.id().value;
  event.relid = relid_;
  event.gpadl = gpadl;
  event.transaction = transaction;
  event.write = write;
  for (const PageRun& run : pages) {
    event.first_gpfn = run.first;
    event.pages = run.pages;
    emit(event);
  }
}

void ServerChannel::witness_check(const SignalCheck& check, bool to_guest, bool by_reader) const {
  traces::ev::RingSignalCheck event;
  event.partition = partition_.id().value;
  event.relid = relid_;
  event.to_guest = to_guest;
  event.by_reader = by_reader;
  event.old_index = check.old_index;
  event.other_index = check.other_index;
  event.mask = check.mask;
  event.pending = check.pending;
  event.signalled = check.signal;
  emit(event);
}

void ServerChannel::witness_packet(const RingReader::Read& read) const {
  traces::ev::RingConsumed event;
  event.partition = partition_.id().value;
  event.relid = relid_;
  event.start = read.start;
  event.end = read.end;
  event.type = static_cast<std::uint16_t>(read.packet->type);
  event.transaction = read.packet->transaction;
  event.completion_requested = read.packet->completion_requested;
  event.hash = read.hash;
  emit(event);
}

ChannelView ServerChannel::view() const {
  ChannelView view;
  view.device = name_;
  view.relid = relid_;
  view.state = state_;
  view.error = error_;
  view.packets_read = packets_;
  if (rings_ == nullptr) return view;
  const auto header = [](const FrameRing& ring) {
    const auto word = [&ring](std::uint32_t offset) {
      std::array<std::byte, 4> bytes;
      ring.read(offset, bytes);
      return std::bit_cast<std::uint32_t>(bytes);
    };
    return ChannelView::Ring{word(ring_header::kWriteIndex), word(ring_header::kReadIndex),
                             word(ring_header::kInterruptMask), word(ring_header::kPendingSendSize),
                             ring.data_bytes()};
  };
  view.to_host = header(rings_->to_host);
  view.to_guest = header(rings_->to_guest);
  return view;
}

}  // namespace vmbus
