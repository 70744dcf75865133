// How many Ethernet frames a wall second carries between two model guests: from one guest's driver
// through ring, VSP, virtual switch, and, where the hosts are two, their uplinks and a physical
// switch, into the other guest's receive buffer and back as a completion. Bound: 200 000.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "hypervisor/core/hypervisor.hpp"
#include "hypervisor/core/msrs.hpp"
#include "hypervisor/vsp/guest/netvsc.hpp"
#include "hypervisor/vsp/netvsp.hpp"
#include "hypervisor/vsp/virtual_switch.hpp"
#include "sim/memory/guest_memory.hpp"
#include "traces/assert.hpp"

namespace {

constexpr std::uint64_t kPages = 2048;
constexpr std::size_t kFrameBytes = 1514;

sim::MacAddress mac_of(std::uint32_t vm) {
  return {{0x00, 0x15, 0x5D, 0, 0, static_cast<std::uint8_t>(vm)}};
}

/// Sends as long as it has sections, and counts what comes.
class Guest final : public hv::ModelGuest,
                    public vmbus::guest::BusClient,
                    public vsp::guest::NetVscClient {
 public:
  void interrupt(std::uint8_t vector) override { bus->on_interrupt(vector); }
  void run() override { bus->run(); }
  void suspend() override { bus->suspend(); }
  std::vector<std::byte> save() const override { return {}; }
  bool restore(std::span<const std::byte>) override { return false; }

  void offers_complete() override {
    const auto* nic = bus->find(vmbus::kNicInterface);
    bus->open(nic->relid, {16}, 32, 32);
  }
  void opened(std::uint32_t relid, bool success) override {
    HVSIM_ASSERT(success, "the adapter's channel opens");
    net->opened(relid);
  }
  void lent(std::uint32_t, std::uint32_t gpadl, bool success) override {
    net->lent(gpadl, success);
  }
  void readable(std::uint32_t) override {
    net->readable();
    send();
  }
  void writable(std::uint32_t) override {
    net->writable();
    send();
  }
  void net_ready() override { send(); }
  void frame(std::span<const std::byte>, std::optional<std::uint16_t>) override { ++received; }
  void send() {
    if (!sends || !net->ready()) return;
    while (net->send(packet)) {
    }
    net->flush();
  }

  std::unique_ptr<vmbus::guest::Bus> bus;
  std::unique_ptr<vsp::guest::NetVsc> net;
  std::vector<std::byte> packet;
  bool sends = false;
  std::uint64_t received = 0;
};

class Vm {
 public:
  Vm(sim::Node& host, hv::Hypervisor& hypervisor, vsp::VirtualSwitch& vswitch, std::uint32_t vm) {
    sim::GuestMemoryConfig memory_config;
    memory_config.backing = sim::Backing::Bytes;
    memory_config.ram_pages = kPages;
    memory_config.vm = vm;
    memory_config.partition = hypervisor.next_partition_id().value;
    memory_ = std::make_unique<sim::GuestMemory>(host, memory_config);
    hv::PartitionConfig config;
    config.vm = vm;
    config.vp_count = 1;
    config.privileges.hypercall = hv::privilege::kPostMessages | hv::privilege::kSignalEvents;
    const auto created = hypervisor.create_partition(hypervisor.root(), config, *memory_);
    hypervisor.deposit_memory(hypervisor.root(), created.id, 64);
    hypervisor.initialize_partition(hypervisor.root(), created.id);
    partition_ = hypervisor.find(created.id);
    partition_->map_gpa_pages({0}, kPages, {0}, {true, true, true});
    vmbus::guest::BusConfig bus;
    bus.message_page = {kPages - 1};
    bus.event_page = {kPages - 2};
    guest.bus = std::make_unique<vmbus::guest::Bus>(*partition_, bus, guest);
    vsp::guest::NetVscConfig net;
    net.receive_first = {256};
    net.receive_pages = 1024;
    net.send_first = {1300};
    net.send_pages = 256;
    net.control_page = {1600};
    guest.net = std::make_unique<vsp::guest::NetVsc>(*partition_, *guest.bus, net, guest);
    partition_->create_model_vp({0}, guest);
    server_ = std::make_unique<vmbus::Server>(*partition_, vmbus::ServerConfig{});
    vsp::NetVspConfig nic;
    nic.vm = vm;
    nic.mac = mac_of(vm);
    port_ = &vswitch.connect({.vm = vm, .mac = nic.mac});
    device_ = std::make_unique<vsp::NetVsp>(host, nic, *port_);
    server_->add_device("nic", *device_);
    partition_->resume("boot");
    server_->resume();
    guest.bus->connect();
  }
  ~Vm() { server_.reset(); }

  Guest guest;

 private:
  std::unique_ptr<sim::GuestMemory> memory_;
  hv::Partition* partition_ = nullptr;
  vsp::SwitchPort* port_ = nullptr;
  std::unique_ptr<vsp::NetVsp> device_;
  std::unique_ptr<vmbus::Server> server_;
};

struct Host {
  Host(sim::World& world, const std::string& name)
      : node(world.add_node(name, "host")), hypervisor(node), vswitch(node, {.name = "external"}) {}
  sim::Node& node;
  hv::Hypervisor hypervisor;
  vsp::VirtualSwitch vswitch;
};

/// range(0): hosts.
void frames(benchmark::State& state) {
  traces::Recorder recorder;
  recorder.set_detail(false);
  sim::World world({.seed = 1}, recorder);
  sim::Network network(world);
  sim::Node& core = world.add_node("core", "switch");
  Host alpha(world, "alpha"), beta(world, "beta");
  for (Host* host : {&alpha, &beta}) {
    network.add_link(
        {.name = host->node.name(), .bits_per_second = 40'000'000'000, .network = "lan"},
        host->node, core);
    host->vswitch.connect_uplink(network, "lan");
  }
  Host& far = state.range(0) == 1 ? alpha : beta;
  Vm sender(alpha.node, alpha.hypervisor, alpha.vswitch, 1);
  Vm receiver(far.node, far.hypervisor, far.vswitch, 2);
  sender.guest.packet.resize(kFrameBytes);
  std::memcpy(sender.guest.packet.data(), mac_of(2).bytes.data(), 6);
  std::memcpy(sender.guest.packet.data() + 6, mac_of(1).bytes.data(), 6);
  world.run_until(world.now() + sim::Duration{50'000'000});
  HVSIM_ASSERT(sender.guest.net->ready() && receiver.guest.net->ready(), "both adapters are up");
  sender.guest.sends = true;
  // The receiver says something, so that nobody floods.
  receiver.guest.packet = sender.guest.packet;
  std::memcpy(receiver.guest.packet.data(), mac_of(1).bytes.data(), 6);
  std::memcpy(receiver.guest.packet.data() + 6, mac_of(2).bytes.data(), 6);
  receiver.guest.net->send(receiver.guest.packet);
  receiver.guest.net->flush();
  sender.guest.send();
  std::uint64_t before = receiver.guest.received;
  for (auto _ : state) world.run_until(world.now() + sim::Duration{1'000'000});
  const std::uint64_t carried = receiver.guest.received - before;
  HVSIM_ASSERT(carried > 0, "frames arrive");
  state.SetItemsProcessed(static_cast<std::int64_t>(carried));
}
BENCHMARK(frames)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
