#include "hypervisor/vsp/virtual_switch.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "sim/kernel/world.hpp"
#include "traces/assert.hpp"
#include "traces/digest.hpp"

namespace vsp {

using traces::SwitchDrop;

namespace {

constexpr std::uint32_t kUplink = 0;
/// Addresses that a switch remembers; frames for further ones are flooded.
constexpr std::size_t kMaxAddresses = 4096;
/// An announcement may be lost, as any frame, so it is made this often.
constexpr unsigned kAnnouncements = 3;
constexpr sim::Duration kAnnouncementInterval{100'000'000};

/// A reverse ARP request (RFC 903): nobody answers it, every switch on its way learns from it.
sim::EthernetFrame announcement_of(const sim::MacAddress& mac) {
  std::vector<std::byte> frame(sim::kEthernetMinimum);
  const auto put = [&frame](std::size_t at, std::initializer_list<unsigned> bytes) {
    for (const unsigned byte : bytes) frame[at++] = static_cast<std::byte>(byte);
  };
  const auto put_mac = [&frame](std::size_t at, const sim::MacAddress& address) {
    std::memcpy(frame.data() + at, address.bytes.data(), address.bytes.size());
  };
  put_mac(0, sim::kBroadcastMac);
  put_mac(6, mac);
  put(12, {0x80, 0x35});                 // RARP
  put(14, {0, 1, 0x08, 0, 6, 4, 0, 3});  // Ethernet, IPv4, lengths, "request reverse"
  put_mac(22, mac);                      // sender; its IP address stays 0
  put_mac(32, mac);                      // target; likewise
  return sim::make_frame(std::move(frame));
}

}  // namespace

class VirtualSwitch::Port final : public SwitchPort {
 public:
  Port(VirtualSwitch& owner, std::uint32_t number, const SwitchPortConfig& config)
      : owner(owner), number(number), config(config) {}
  void attach(PortClient* now) override { client = now; }
  bool link_up() const override { return up; }
  void send(sim::EthernetFrame frame) override {
    if (up) owner.accept(std::move(frame), number);
  }
  void stand_still() override {
    still = true;
    owner.turn();
  }
  void go_on() override {
    if (std::exchange(still, false)) owner.send_announcements();
  }
  void announce() override { owner.announce(number); }
  void deliver() {
    std::vector<sim::EthernetFrame> frames = std::exchange(batch, {});
    if (client != nullptr && up) client->received(frames);
    // The same storage again.
    frames.clear();
    if (batch.empty()) batch = std::move(frames);
  }

  VirtualSwitch& owner;
  std::uint32_t number;
  SwitchPortConfig config;
  PortClient* client = nullptr;
  bool up = true;
  bool still = false;
  std::vector<sim::EthernetFrame> batch;  ///< of the turn in hand
};

VirtualSwitch::VirtualSwitch(sim::Node& host, VirtualSwitchConfig config)
    : host_(host),
      config_(std::move(config)),
      turn_(host, "vsp.switch", traces::hash64_of(config_.name), [this] { turn(); }),
      announce_(host, "vsp.switch.announce", traces::hash64_of(config_.name),
                [this] { send_announcements(); }) {}

VirtualSwitch::~VirtualSwitch() = default;

void VirtualSwitch::connect_uplink(sim::Network& network, const std::string& ethernet) {
  HVSIM_ASSERT(uplink_ == nullptr, "a virtual switch has one uplink");
  uplink_ = network.attach_station(host_, ethernet, *this);
}

SwitchPort& VirtualSwitch::connect(const SwitchPortConfig& config) {
  const std::uint32_t number = next_port_++;
  auto& port = ports_[number];
  port = std::make_unique<Port>(*this, number, config);
  traces::ev::SwitchPort event;
  event.name = config_.name;
  event.port = number;
  event.vm = config.vm;
  event.mac = config.mac.number();
  event.connected = true;
  emit(event);
  return *port;
}

void VirtualSwitch::disconnect(SwitchPort& port) {
  const std::uint32_t number = static_cast<Port&>(port).number;
  const auto found = ports_.find(number);
  HVSIM_ASSERT(found != ports_.end(), "a port is disconnected once");
  HVSIM_ASSERT(found->second->client == nullptr, "the adapter goes before its port");
  traces::ev::SwitchPort event;
  event.name = config_.name;
  event.port = number;
  event.vm = found->second->config.vm;
  event.mac = found->second->config.mac.number();
  event.connected = false;
  emit(event);
  forget(number);
  ports_.erase(found);
}

void VirtualSwitch::set_link(SwitchPort& port, bool up) {
  auto& which = static_cast<Port&>(port);
  if (which.up == up) return;
  which.up = up;
  if (!up) forget(which.number);
  if (which.client != nullptr) which.client->link_changed(up);
}

void VirtualSwitch::forget(std::uint32_t port) {
  std::erase_if(addresses_, [port](const auto& entry) { return entry.second.port == port; });
  std::erase_if(announcements_, [port](const Announcement& a) { return a.port == port; });
}

void VirtualSwitch::arrived(std::span<const sim::EthernetFrame> frames) {
  for (const sim::EthernetFrame& frame : frames) accept(frame, kUplink);
}

void VirtualSwitch::accept(sim::EthernetFrame frame, std::uint32_t port) {
  if (frame->size() < sim::kEthernetHeader) return dropped(SwitchDrop::Runt, port, frame);
  if (queue_.size() >= config_.queue_frames) return dropped(SwitchDrop::QueueFull, port, frame);
  queue_.push_back({std::move(frame), port});
  if (!turn_.armed()) turn_.arm(std::max(host_.now() + config_.latency, busy_until_));
}

/// Forwards what waits.
void VirtualSwitch::turn() {
  turn_.disarm();
  const std::deque<Waiting> all = std::exchange(queue_, {});
  busy_until_ = std::max(busy_until_, host_.now()) +
                config_.frame_cost * static_cast<std::int64_t>(all.size());
  for (const Waiting& waiting : all) forward(waiting);
  for (const auto& [number, port] : ports_) {
    if (!port->batch.empty()) port->deliver();
  }
}

void VirtualSwitch::forward(const Waiting& waiting) {
  const sim::EthernetFrame& frame = waiting.frame;
  const sim::MacAddress from = sim::source_of(*frame), to = sim::destination_of(*frame);
  if (waiting.port != kUplink) {
    const auto port = ports_.find(waiting.port);
    if (port == ports_.end()) return dropped(SwitchDrop::Nobody, waiting.port, frame);
    const SwitchPortConfig& config = port->second->config;
    if (from != config.mac && !config.allow_spoofing &&
        !host_.world().plant(host_, "vswitch.lets-forged-pass")) {
      return dropped(SwitchDrop::Spoofed, waiting.port, frame);
    }
  }
  learn(from, waiting.port);
  if (!to.group()) {
    if (const auto known = port_of(to)) {
      if (*known == waiting.port) return dropped(SwitchDrop::Nobody, waiting.port, frame);
      return hand_to(*known, frame);
    }
  }
  if (waiting.port != kUplink) hand_to(kUplink, frame);
  for (const auto& [number, port] : ports_) {
    if (number != waiting.port) port->batch.push_back(frame);
  }
}

void VirtualSwitch::hand_to(std::uint32_t port, const sim::EthernetFrame& frame) {
  if (port == kUplink) {
    if (uplink_ != nullptr) uplink_->send(frame);
    return;
  }
  ports_.at(port)->batch.push_back(frame);
}

void VirtualSwitch::learn(const sim::MacAddress& mac, std::uint32_t port) {
  if (mac.group()) return;
  auto found = addresses_.find(mac.number());
  const sim::Time now = host_.now();
  if (found == addresses_.end()) {
    if (addresses_.size() >= kMaxAddresses) {
      std::erase_if(addresses_, [&](const auto& entry) {
        return now - entry.second.seen > config_.address_age;
      });
      if (addresses_.size() >= kMaxAddresses) return;
    }
    found = addresses_.emplace(mac.number(), Address{port, now}).first;
  } else {
    const bool news = found->second.port != port || now - found->second.seen > config_.address_age;
    found->second = {port, now};
    if (!news) return;
  }
  traces::ev::SwitchLearned event;
  event.name = config_.name;
  event.mac = mac.number();
  event.port = port;
  emit(event);
}

std::optional<std::uint32_t> VirtualSwitch::port_of(const sim::MacAddress& mac) const {
  const auto found = addresses_.find(mac.number());
  if (found == addresses_.end()) return std::nullopt;
  if (host_.now() - found->second.seen > config_.address_age) return std::nullopt;
  return found->second.port;
}

void VirtualSwitch::announce(std::uint32_t port) {
  std::erase_if(announcements_, [port](const Announcement& a) { return a.port == port; });
  announcements_.push_back({port, kAnnouncements, host_.now()});
  send_announcements();
}

void VirtualSwitch::send_announcements() {
  sim::Time next = sim::kNever;
  for (Announcement& announcement : announcements_) {
    const Port& port = *ports_.at(announcement.port);
    // Its VM may be on another host before it would be sent (NV-5).
    if (port.still) continue;
    if (announcement.next <= host_.now()) {
      const SwitchPortConfig& config = port.config;
      traces::ev::SwitchAnnounced event;
      event.name = config_.name;
      event.vm = config.vm;
      event.mac = config.mac.number();
      emit(event);
      if (!host_.world().plant(host_, "vswitch.mute-announcement")) {
        accept(announcement_of(config.mac), announcement.port);
      }
      announcement.next = host_.now() + kAnnouncementInterval;
      --announcement.left;
    }
    if (announcement.left != 0) next = std::min(next, announcement.next);
  }
  std::erase_if(announcements_, [](const Announcement& a) { return a.left == 0; });
  announce_.arm(next);
}

void VirtualSwitch::dropped(SwitchDrop reason, std::uint32_t port,
                            const sim::EthernetFrame& frame) {
  if (!host_.world().detail()) return;
  traces::ev::SwitchDropped event;
  event.name = config_.name;
  event.port = port;
  event.reason = reason;
  event.hash = traces::hash64_of(*frame);
  emit(event);
}

}  // namespace vsp
