// SynIC, interrupts, posting and rings of the guest's bus.
#include "hypervisor/vmbus/guest/bus.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "hypervisor/core/msrs.hpp"
#include "hypervisor/core/virtual_processor.hpp"
#include "hypervisor/vmbus/guest/bus_rings.hpp"
#include "hypervisor/vmbus/protocol.hpp"
#include "traces/assert.hpp"

namespace vmbus::guest {
namespace {

/// One slot of the message page and of the event page (spec B.7).
constexpr std::uint32_t kSlotBytes = 256;
constexpr std::uint32_t kSlot = protocol::kSint * kSlotBytes;
constexpr std::uint32_t kPayloadAt = 16;
constexpr std::uint8_t kMessagePending = 1;
constexpr std::uint64_t kAutoEoi = 1u << 17;

constexpr sim::Duration kRetry{100'000};
/// Linux's first GPADL handle (spec C.3).
constexpr std::uint32_t kFirstGpadl = 0xE1E10;

}  // namespace

Bus::Channel::Channel() = default;
Bus::Channel::Channel(Channel&&) noexcept = default;
Bus::Channel::~Channel() = default;

Bus::Bus(hv::Partition& partition, BusConfig config, BusClient& client)
    : partition_(partition),
      config_(std::move(config)),
      client_(client),
      retry_(partition.node(), "guest.vmbus.retry", partition.place() << 16 | config_.vp.value,
             [this] { flush(); }),
      next_gpadl_(kFirstGpadl) {
  HVSIM_ASSERT(!config_.versions.empty(), "a bus offers at least one version");
}

Bus::~Bus() = default;

void Bus::switch_synic_on() {
  hv::VirtualProcessor* vp = partition_.vp(config_.vp);
  HVSIM_ASSERT(vp != nullptr, "a bus belongs to a virtual processor");
  // x2APIC mode, software-enabled: without it no interrupt arrives.
  constexpr std::uint64_t kX2Apic = 0xC00;
  constexpr std::uint32_t kSpurious = 0x80F;
  constexpr std::uint64_t kSoftwareEnable = 0x1FF;
  vp->wrmsr(hv::msr::kApicBase, vp->rdmsr(hv::msr::kApicBase).value_or(0) | kX2Apic);
  vp->wrmsr(kSpurious, kSoftwareEnable);
  const auto page = [](sim::Gpfn gpfn) { return sim::base_of(gpfn).value | hv::msr::kPageEnable; };
  vp->wrmsr(hv::msr::kSimp, page(config_.message_page));
  vp->wrmsr(hv::msr::kSiefp, page(config_.event_page));
  vp->wrmsr(hv::msr::kSint0 + protocol::kSint, config_.vector | kAutoEoi);
  vp->wrmsr(hv::msr::kScontrol, 1);
}

void Bus::on_interrupt(std::uint8_t vector) {
  if (vector != config_.vector) return;
  drain_messages();
  drain_events();
}

void Bus::run() {
  running_ = true;
  flush();
}

void Bus::suspend() {
  running_ = false;
  retry_.disarm();
}

/// Copy, free the slot, and only then look whether more is waiting: the other order loses the
/// wake-up of a message that arrives in between (TLFS 14.8.3).
void Bus::drain_messages() {
  while (true) {
    std::array<std::byte, kSlotBytes> slot;
    read(config_.message_page, kSlot, slot);
    std::uint32_t type = 0;
    std::memcpy(&type, slot.data(), sizeof(type));
    if (type == 0) return;
    constexpr std::uint32_t kFree = 0;
    write(config_.message_page, kSlot, std::as_bytes(std::span(&kFree, 1)));
    std::byte flags{};
    read(config_.message_page, kSlot + 5, std::span(&flags, 1));
    if ((std::to_integer<std::uint8_t>(flags) & kMessagePending) != 0) {
      partition_.vp(config_.vp)->wrmsr(hv::msr::kEom, 0);
    }
    const auto bytes =
        std::min<std::size_t>(std::to_integer<std::size_t>(slot[4]), slot.size() - kPayloadAt);
    if (type == protocol::kSynicMessageType) {
      handle(std::span(slot).subspan(kPayloadAt, bytes));
    }
  }
}

void Bus::drain_events() {
  const bool by_page = version_ != Version{} && version_ < Version::V2_4;
  by_page ? drain_interrupt_page() : drain_flags(config_.event_page, kSlot, kSlotBytes / 4);
}

/// One flag says that the host's half of the page has news.
void Bus::drain_interrupt_page() {
  std::uint32_t flags = 0;
  const auto bytes = std::as_writable_bytes(std::span(&flags, 1));
  read(config_.event_page, kSlot, bytes);
  if ((flags & 1) == 0) return;
  flags = 0;
  write(config_.event_page, kSlot, bytes);
  drain_flags(*config_.interrupt_page, 0, (protocol::kMaxRelid + 1) / 32);
}

void Bus::drain_flags(sim::Gpfn page, std::uint32_t offset, std::uint32_t words) {
  std::vector<std::uint32_t> flags(words);
  read(page, offset, std::as_writable_bytes(std::span(flags)));
  for (std::uint32_t word = 0; word < flags.size(); ++word) {
    if (flags[word] == 0) continue;
    constexpr std::uint32_t kNone = 0;
    write(page, offset + 4 * word, std::as_bytes(std::span(&kNone, 1)));
    for (std::uint32_t bit = 0; bit < 32; ++bit) {
      if ((flags[word] >> bit & 1) != 0) service(32 * word + bit);
    }
  }
}

void Bus::service(std::uint32_t relid) {
  Channel* found = channel(relid);
  // The doorbell may be quicker than the answer to OPENCHANNEL; then the answer makes us look.
  if (found == nullptr || found->state != ChannelState::Open) return;
  if (std::exchange(found->waiting_for_room, false)) client_.writable(relid);
  client_.readable(relid);
}

void Bus::post(std::span<const std::byte> message) {
  outbox_.emplace_back(message.begin(), message.end());
  if (outbox_.size() == 1) flush();
}

void Bus::flush() {
  while (running_ && !outbox_.empty()) {
    const hv::Status status =
        partition_.guest_post_message({connection_}, protocol::kSynicMessageType, outbox_.front());
    if (status == hv::Status::InsufficientBuffers) {
      retry_.arm(partition_.node().now() + kRetry);
      return;
    }
    outbox_.pop_front();
    if (status == hv::Status::InvalidConnectionId && state_ == State::Connecting) {
      // Nobody listens there: this version's connection does not exist on this host.
      ++attempt_;
      try_version();
      return;
    }
  }
}

void Bus::signal(const Channel& channel) {
  if (version_ == Version::V0_13) {
    const std::uint32_t relid = channel.offer.relid;
    const std::uint32_t at = protocol::kInterruptPageHalf + relid / 8;
    std::byte bits{};
    read(*config_.interrupt_page, at, std::span(&bits, 1));
    bits |= std::byte{1} << relid % 8;
    write(*config_.interrupt_page, at, std::span(&bits, 1));
    static_cast<void>(partition_.guest_signal_event({protocol::kEventConnection}, 0));
    return;
  }
  static_cast<void>(partition_.guest_signal_event({channel.offer.connection_id}, 0));
}

bool Bus::send(std::uint32_t relid, const PacketOut& packet) {
  Channel* found = channel(relid);
  if (found == nullptr || found->rings == nullptr || found->failed) return false;
  const auto written = found->rings->writer.write(packet);
  if (written.error != RingError::None) {
    found->failed = true;
    return false;
  }
  if (!written.fits) {
    found->waiting_for_room = true;
    return false;
  }
  if (written.check.signal) signal(*found);
  return true;
}

std::optional<Packet> Bus::receive(std::uint32_t relid) {
  Channel* found = channel(relid);
  if (found == nullptr || found->rings == nullptr || found->failed) return std::nullopt;
  while (true) {
    if (!found->masked) {
      found->rings->reader.mask();
      found->masked = true;
    }
    auto read = found->rings->reader.read();
    if (read.error != RingError::None) {
      found->failed = true;
      return std::nullopt;
    }
    if (read.packet) {
      if (read.check.signal) signal(*found);
      return std::move(read.packet);
    }
    found->masked = false;
    if (!found->rings->reader.unmask()) return std::nullopt;
  }
}

bool Bus::failed(std::uint32_t relid) const {
  const Channel* found = channel(relid);
  return found != nullptr && found->failed;
}

Bus::Channel* Bus::channel(std::uint32_t relid) {
  const auto it = channels_.find(relid);
  return it == channels_.end() ? nullptr : &it->second;
}

const Bus::Channel* Bus::channel(std::uint32_t relid) const {
  const auto it = channels_.find(relid);
  return it == channels_.end() ? nullptr : &it->second;
}

const OfferInfo* Bus::find(const Guid& interface_id) const {
  for (const auto& [relid, entry] : channels_) {
    if (entry.offer.interface_id == interface_id) return &entry.offer;
  }
  return nullptr;
}

std::vector<OfferInfo> Bus::offers() const {
  std::vector<OfferInfo> all;
  for (const auto& [relid, entry] : channels_) all.push_back(entry.offer);
  return all;
}

std::optional<Bus::ChannelState> Bus::channel_state(std::uint32_t relid) const {
  const Channel* found = channel(relid);
  if (found == nullptr) return std::nullopt;
  return found->state;
}

bool Bus::make_rings(Channel& channel) {
  std::vector<sim::Frame> host, guest;
  for (std::uint32_t i = 0; i < channel.to_host_pages + channel.to_guest_pages; ++i) {
    const auto frame = partition_.gpa_map().ram(channel.first + i);
    if (!frame) return false;
    (i < channel.to_host_pages ? host : guest).push_back(*frame);
  }
  channel.rings = std::make_unique<Rings>(partition_.memory(), std::move(host), std::move(guest));
  return true;
}

/// Fresh rings: empty, unmasked, and able to say that a writer waits for room.
void Bus::clear_rings(Channel& channel) {
  const std::vector<std::byte> zeros(sim::kPageSize);
  constexpr std::uint32_t kPendingSupported = 1;
  for (FrameRing* ring : {&channel.rings->to_host, &channel.rings->to_guest}) {
    ring->write(0, zeros);
    ring->write(ring_header::kFeatureBits, std::as_bytes(std::span(&kPendingSupported, 1)));
  }
}

void Bus::read(sim::Gpfn page, std::uint32_t offset, std::span<std::byte> out) const {
  const auto entry = partition_.gpa_map().lookup(page);
  HVSIM_ASSERT(entry, "a bus touches pages that its guest has");
  partition_.memory().read(entry->frame, offset, out);
}

void Bus::write(sim::Gpfn page, std::uint32_t offset, std::span<const std::byte> data) {
  const auto entry = partition_.gpa_map().lookup(page);
  HVSIM_ASSERT(entry, "a bus touches pages that its guest has");
  partition_.memory().write(entry->frame, offset, data, traces::Writer::Guest);
}

}  // namespace vmbus::guest
