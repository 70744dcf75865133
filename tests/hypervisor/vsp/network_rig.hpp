// A machine with a network adapter, a port that remembers what it was given, and a guest with a
// driver.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hypervisor/vsp/guest/netvsc.hpp"
#include "hypervisor/vsp/netvsp.hpp"
#include "tests/hypervisor/vmbus/machine.hpp"

namespace test {

inline const sim::MacAddress kMacA{{0x00, 0x15, 0x5D, 0, 0, 0xA}};
inline const sim::MacAddress kMacB{{0x00, 0x15, 0x5D, 0, 0, 0xB}};

/// A frame of that length whose bytes depend on `number`.
inline std::vector<std::byte> frame_of(const sim::MacAddress& to, const sim::MacAddress& from,
                                       std::uint32_t number, std::size_t bytes = 100) {
  std::vector<std::byte> frame(bytes);
  std::memcpy(frame.data(), to.bytes.data(), 6);
  std::memcpy(frame.data() + 6, from.bytes.data(), 6);
  frame[12] = std::byte{0x88};
  frame[13] = std::byte{0xB5};  // for local experiments, IEEE 802
  for (std::size_t i = 14; i < bytes; ++i) {
    frame[i] = static_cast<std::byte>((number + i * (number | 1)) & 0xFF);
  }
  if (bytes >= 18) std::memcpy(frame.data() + 14, &number, 4);
  return frame;
}

inline std::uint32_t number_of(std::span<const std::byte> frame) {
  std::uint32_t number = 0;
  if (frame.size() >= 18) std::memcpy(&number, frame.data() + 14, 4);
  return number;
}

/// Takes what the adapter sends and hands it what a test wants it to get.
class TestPort final : public vsp::SwitchPort {
 public:
  void attach(vsp::PortClient* client) override { this->client = client; }
  bool link_up() const override { return up; }
  void send(sim::EthernetFrame frame) override { sent.push_back(std::move(frame)); }
  void stand_still() override { ++flushes; }
  void go_on() override {}
  void announce() override { ++announcements; }
  void give(std::vector<std::vector<std::byte>> frames) {
    std::vector<sim::EthernetFrame> all;
    for (auto& frame : frames) all.push_back(sim::make_frame(std::move(frame)));
    client->received(all);
  }
  void set_link(bool now) {
    up = now;
    client->link_changed(now);
  }

  vsp::PortClient* client = nullptr;
  bool up = true;
  int flushes = 0, announcements = 0;
  std::vector<sim::EthernetFrame> sent;
};

/// Opens the adapter that it is offered.
class NetworkGuest final : public Guest, public vsp::guest::NetVscClient {
 public:
  void offers_complete() override {
    const auto* nic = bus->find(vmbus::kNicInterface);
    if (nic != nullptr) bus->open(relid = nic->relid, {16}, ring_pages, ring_pages);
  }
  void opened(std::uint32_t relid, bool success) override {
    Guest::opened(relid, success);
    if (success && handshake) net->opened(relid);
  }
  void lent(std::uint32_t, std::uint32_t gpadl, bool success) override {
    gpadls.push_back(success ? gpadl : 0);
    if (handshake) net->lent(gpadl, success);
  }
  void returned(std::uint32_t gpadl) override { taken_back.push_back(gpadl); }
  void readable(std::uint32_t relid) override {
    if (!looks) return;
    if (handshake) return net->readable();
    Guest::readable(relid);
  }
  void writable(std::uint32_t relid) override {
    Guest::writable(relid);
    if (handshake) net->writable();
  }
  void net_ready() override { ++ready; }
  void net_refused(std::uint32_t status) override { refused_with = status; }
  void frame(std::span<const std::byte> bytes, std::optional<std::uint16_t> vlan) override {
    frames.emplace_back(bytes.begin(), bytes.end());
    vlans.push_back(vlan);
  }
  void frames_sent(vsp::nvsp::Status status) override { sent.push_back(status); }
  void indicated(vsp::rndis::Status status) override { indications.push_back(status); }
  void unasked(std::uint64_t transaction) override { unknown.push_back(transaction); }
  std::vector<std::byte> save() const override {
    traces::ByteWriter out;
    bus->save(out);
    net->save(out);
    out.put(relid);
    return out.take();
  }
  bool restore(std::span<const std::byte> state) override {
    traces::ByteReader in(state);
    const bool good = bus->restore(in) && net->restore(in);
    relid = in.get<std::uint32_t>();
    return good && in.ok() && in.at_end();
  }

  std::unique_ptr<vsp::guest::NetVsc> net;
  bool handshake = true;  ///< false: the test speaks for itself
  bool looks = true;      ///< false: nothing is taken out of the ring
  std::uint32_t ring_pages = 8;
  std::uint32_t relid = 0;
  int ready = 0;
  std::optional<std::uint32_t> refused_with;
  std::vector<std::vector<std::byte>> frames;
  std::vector<std::optional<std::uint16_t>> vlans;
  std::vector<vsp::nvsp::Status> sent;
  std::vector<vsp::rndis::Status> indications;
  std::vector<std::uint64_t> unknown;
  std::vector<std::uint32_t> gpadls, taken_back;
};

/// One host with its VM and its adapter.
struct NetworkHost {
  static constexpr std::uint64_t kReceive = 200, kSend = 400, kControl = 500;

  NetworkHost(World& world, const std::string& name, vsp::SwitchPort& port,
              vsp::NetVspConfig config = {}, vsp::guest::NetVscConfig guest_config = {})
      : world(world),
        machine(world, name, guest, config.vm == 0 ? 1 : config.vm),
        netvsp(machine.host, fill(config), port) {
    guest_config.receive_first = {kReceive};
    guest_config.send_first = {kSend};
    guest_config.control_page = {kControl};
    guest.net =
        std::make_unique<vsp::guest::NetVsc>(*machine.partition, *guest.bus, guest_config, guest);
    machine.server->add_device("nic", netvsp);
  }
  ~NetworkHost() { machine.server.reset(); }
  static vsp::NetVspConfig fill(vsp::NetVspConfig config) {
    if (config.vm == 0) config.vm = 1;
    if (config.mac == sim::MacAddress{}) config.mac = kMacA;
    config.instance = {8, 8, 8, {}};
    return config;
  }
  void boot() {
    machine.boot();
    guest.bus->connect();
    world.run();
  }
  bool send(std::vector<std::byte> frame, std::optional<std::uint16_t> vlan = {}) {
    const bool taken = guest.net->send(frame, vlan);
    guest.net->flush();
    return taken;
  }

  World& world;
  NetworkGuest guest;
  Machine machine;
  vsp::NetVsp netvsp;
};

struct NetworkRig {
  explicit NetworkRig(vsp::NetVspConfig config = {}, vsp::guest::NetVscConfig guest = {},
                      std::set<std::string, std::less<>> plants = {})
      : world(std::move(plants)), host(world, "host", port, config, guest) {}
  World world;
  TestPort port;
  NetworkHost host;
};

}  // namespace test
