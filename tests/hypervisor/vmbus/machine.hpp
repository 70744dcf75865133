// A host with one VM that a model guest plays, for tests of VMBus and of the VSPs. Two machines of
// one world are a source and a target.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hypervisor/core/hypervisor.hpp"
#include "hypervisor/core/msrs.hpp"
#include "hypervisor/core/partition.hpp"
#include "hypervisor/vmbus/guest/bus.hpp"
#include "hypervisor/vmbus/server.hpp"
#include "sim/kernel/world.hpp"
#include "sim/memory/guest_memory.hpp"

namespace test {

/// Copies of all events of one type, in order. Text and bytes fields must not be looked at later.
template <class E>
class Collected final : public traces::Observer {
 public:
  explicit Collected(traces::Recorder& recorder) : recorder_(recorder) {
    traces::EventSet types;
    types.set(static_cast<std::size_t>(E::kType));
    recorder_.attach(*this, types);
  }
  ~Collected() { recorder_.detach(*this); }
  void on_event(const traces::Event& event) override {
    seen.push_back(*event.as<E>());
    indices.push_back(event.index);
    times.push_back(event.time);
  }
  std::vector<E> seen;
  std::vector<std::uint64_t> indices;
  std::vector<traces::Time> times;

 private:
  traces::Recorder& recorder_;
};

/// Records what its bus says and forwards interrupts.
class Guest : public hv::ModelGuest, public vmbus::guest::BusClient {
 public:
  void interrupt(std::uint8_t vector) override { bus->on_interrupt(vector); }
  void run() override { bus->run(); }
  void suspend() override { bus->suspend(); }
  std::vector<std::byte> save() const override {
    traces::ByteWriter out;
    bus->save(out);
    return out.take();
  }
  bool restore(std::span<const std::byte> state) override {
    traces::ByteReader in(state);
    return bus->restore(in) && in.at_end();
  }

  void refused() override { ++refusals; }
  void offered(const vmbus::guest::OfferInfo& offer) override { offers.push_back(offer); }
  void offers_complete() override { ++complete; }
  void rescinded(std::uint32_t relid) override { gone.push_back(relid); }
  void opened(std::uint32_t relid, bool success) override {
    (success ? open : not_opened).push_back(relid);
  }
  void closed(std::uint32_t relid) override { shut.push_back(relid); }
  void unloaded() override { ++unloads; }
  void readable(std::uint32_t relid) override {
    ++doorbells;
    if (!reads) return;
    while (auto packet = bus->receive(relid)) received.push_back(std::move(*packet));
  }
  void writable(std::uint32_t) override { ++rooms; }

  std::unique_ptr<vmbus::guest::Bus> bus;
  bool reads = true;
  int refusals = 0, complete = 0, unloads = 0, doorbells = 0, rooms = 0;
  std::vector<vmbus::guest::OfferInfo> offers;
  std::vector<std::uint32_t> open, not_opened, shut, gone;
  std::vector<vmbus::Packet> received;
};

struct World {
  explicit World(std::set<std::string, std::less<>> plants = {})
      : world(sim::WorldConfig{.seed = 1, .plants = std::move(plants)}, recorder) {}
  void run_for(sim::Duration duration) { world.run_until(world.now() + duration); }
  void run() { run_for({20'000'000}); }
  traces::Recorder recorder;
  sim::World world;
};

class Machine {
 public:
  static constexpr std::uint64_t kPages = 1024;

  Machine(World& world, const std::string& name, Guest& guest, std::uint32_t vm = 1,
          vmbus::ServerConfig server_config = {},
          std::vector<vmbus::Version> versions = vmbus::guest::BusConfig{}.versions)
      : world_(world), host(world.world.add_node(name, "host")), hypervisor(host) {
    sim::GuestMemoryConfig memory_config;
    memory_config.backing = sim::Backing::Versions;
    memory_config.ram_pages = kPages;
    memory_config.vm = vm;
    memory_config.partition = hypervisor.next_partition_id().value;
    memory = std::make_unique<sim::GuestMemory>(host, memory_config);
    hv::PartitionConfig config;
    config.vm = vm;
    config.vp_count = 2;
    config.privileges.hypercall = hv::privilege::kPostMessages | hv::privilege::kSignalEvents;
    const auto root = hypervisor.root();
    const auto created = hypervisor.create_partition(root, config, *memory);
    hypervisor.deposit_memory(root, created.id, 64);
    hypervisor.initialize_partition(root, created.id);
    partition = hypervisor.find(created.id);
    partition->map_gpa_pages({0}, kPages, {0}, {true, true, true});
    vmbus::guest::BusConfig bus_config;
    bus_config.message_page = {kPages - 1};
    bus_config.event_page = {kPages - 2};
    bus_config.interrupt_page = {kPages - 3};
    bus_config.versions = std::move(versions);
    guest.bus = std::make_unique<vmbus::guest::Bus>(*partition, bus_config, guest);
    partition->create_model_vp({0}, guest);
    server = std::make_unique<vmbus::Server>(*partition, server_config);
  }

  void boot() {
    partition->resume("boot");
    server->resume();
  }

  /// Suspends, drains, saves everything but memory.
  std::vector<std::byte> suspend_and_save() {
    suspend_and_drain();
    traces::ByteWriter out;
    traces::ByteWriter part;
    partition->save(part);
    out.block(part.bytes());
    traces::ByteWriter bus;
    server->save(bus);
    out.block(bus.bytes());
    return out.take();
  }
  void suspend_and_drain() {
    partition->suspend("test");
    host.spawn("quiesce", 0, server->quiesce());
    while (host.running("quiesce")) world_.run_for({100'000});
  }
  bool restore(std::span<const std::byte> state, const sim::GuestMemory& from) {
    memory->import_pages(from.export_pages(from.populated()));
    traces::ByteReader in(state);
    traces::ByteReader part(in.block());
    traces::ByteReader bus(in.block());
    return partition->restore(part) == hv::Status::Success && server->restore(bus) && bus.at_end();
  }

  std::uint32_t word(sim::Gpa gpa) const {
    std::uint32_t value = 0;
    partition->read(gpa, std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  /// As the guest's CPU would write it.
  void guest_write(sim::Gpa gpa, std::span<const std::byte> data) {
    while (!data.empty()) {
      const std::size_t now =
          std::min<std::size_t>(data.size(), sim::kPageSize - sim::offset_in_page(gpa));
      memory->write({sim::page_of(gpa).value}, sim::offset_in_page(gpa), data.first(now),
                    traces::Writer::Guest);
      data = data.subspan(now);
      gpa = gpa + now;
    }
  }
  void guest_write(sim::Gpa gpa, std::uint32_t value) {
    guest_write(gpa, std::as_bytes(std::span(&value, 1)));
  }

 private:
  World& world_;

 public:
  sim::Node& host;
  hv::Hypervisor hypervisor;
  std::unique_ptr<sim::GuestMemory> memory;
  hv::Partition* partition = nullptr;
  std::unique_ptr<vmbus::Server> server;
};

/// A device that answers every packet with its payload, as a completion when one is asked for.
class EchoDevice final : public vmbus::Device {
 public:
  explicit EchoDevice(std::uint8_t number = 1) : number_(number) {}

  vmbus::Offer offer() const override {
    vmbus::Offer offer;
    offer.interface_id = {0x11111111, 0x2222, 0x3333, {4, 4, 4, 4, 4, 4, 4, 4}};
    offer.instance_id = {number_, 0, 0, {}};
    return offer;
  }
  void opened(vmbus::Channel& channel) override {
    ++opens;
    this->channel = &channel;
  }
  void closed() override {
    ++closes;
    channel = nullptr;
    queue.clear();
  }
  void readable() override {
    ++looks;
    if (reads && !quiesced) drain();
  }
  void writable() override {
    ++rooms;
    flush();
  }
  void drain() {
    while (channel != nullptr && !quiesced) {
      auto packet = channel->read();
      if (!packet) return;
      taken.push_back(*packet);
      if (answers) queue.push_back(std::move(*packet));
      flush();
    }
  }
  void flush() {
    while (channel != nullptr && !queue.empty()) {
      vmbus::PacketOut out;
      if (queue.front().completion_requested) out.type = vmbus::PacketType::Completion;
      out.transaction = queue.front().transaction;
      out.payload = queue.front().payload;
      if (!channel->write(out)) return;
      queue.erase(queue.begin());
    }
  }
  void quiesce() override { quiesced = true; }
  bool idle() const override { return true; }
  sim::Signal& idle_signal() override { return idle_signal_; }
  void resume() override { quiesced = false; }
  void save(traces::ByteWriter& out) const override { out.put<std::uint32_t>(state); }
  bool restore(traces::ByteReader& in, vmbus::Channel* restored) override {
    channel = restored;
    state = in.get<std::uint32_t>();
    return in.ok();
  }
  void witness(traces::DigestStream& out) const override { out.add_u64(state); }

  vmbus::Channel* channel = nullptr;
  bool quiesced = false, answers = true, reads = true;
  int opens = 0, closes = 0, looks = 0, rooms = 0;
  std::uint32_t state = 0;
  std::vector<vmbus::Packet> taken, queue;

 private:
  std::uint8_t number_;
  sim::Signal idle_signal_;
};

inline std::vector<std::byte> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

}  // namespace test
