// How many 4-KiB requests a wall second takes from a guest to its disk and back: from the guest's
// driver as SRBs through the ring, the storage VSP, SCSI and the simulated disk, and as completions
// back. Every second request reads what was written a while before, and looks at it. Bound: 100
// 000.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "hypervisor/core/hypervisor.hpp"
#include "hypervisor/core/msrs.hpp"
#include "hypervisor/vsp/guest/storvsc.hpp"
#include "hypervisor/vsp/storvsp.hpp"
#include "sim/memory/guest_memory.hpp"
#include "traces/assert.hpp"

namespace {

constexpr std::uint64_t kPages = 1024;
constexpr std::uint64_t kBuffers = 512;  // the first page of them
constexpr std::uint32_t kBytes = 4096;
constexpr std::uint32_t kSectors = kBytes / sim::kSectorSize;
constexpr std::uint64_t kBlocks = 16384;  // 64 MiB
constexpr std::uint64_t kOutstanding = 32;
constexpr std::uint64_t kBufferPages = 4 * kOutstanding;  // a slow request keeps its own

/// Request n; each even one is followed by one that reads another block.
std::uint64_t block_of(std::uint64_t n) { return n / 2 * 7919 % kBlocks; }

/// Keeps so many requests with the host and begins one for each that is done. The tag is the number
/// of the request, from 2: pairs of a write and a read.
class Guest final : public hv::ModelGuest,
                    public vmbus::guest::BusClient,
                    public vsp::guest::StorVscClient {
 public:
  void interrupt(std::uint8_t vector) override { bus->on_interrupt(vector); }
  void run() override { bus->run(); }
  void suspend() override { bus->suspend(); }
  std::vector<std::byte> save() const override { return {}; }
  bool restore(std::span<const std::byte>) override { return false; }

  void offers_complete() override {
    bus->open(bus->find(vmbus::kScsiInterface)->relid, {16}, 32, 32);
  }
  void opened(std::uint32_t relid, bool success) override {
    HVSIM_ASSERT(success, "the adapter's channel opens");
    storage->opened(relid);
  }
  void readable(std::uint32_t) override { storage->readable(); }
  void writable(std::uint32_t) override { storage->writable(); }
  void storage_ready() override {
    for (std::uint64_t i = 0; i < kOutstanding; ++i) submit();
  }
  void completed(const vsp::guest::Completion& completion) override {
    HVSIM_ASSERT(completion.good() && completion.bytes == kBytes, "every request is good");
    if (reads(completion.tag)) {
      std::uint64_t seen = 0;
      partition->read(buffer(completion.tag), std::as_writable_bytes(std::span(&seen, 1)));
      HVSIM_ASSERT(seen == block_of(earlier(completion.tag)), "what was written is read");
    }
    ++done;
    submit();
  }

  hv::Partition* partition = nullptr;
  std::unique_ptr<vmbus::guest::Bus> bus;
  std::unique_ptr<vsp::guest::StorVsc> storage;
  std::uint64_t done = 0;

 private:
  /// The write whose block a read wants; long done.
  static std::uint64_t earlier(std::uint64_t n) { return n - 2 * kOutstanding - 1; }
  static bool reads(std::uint64_t n) { return n % 2 == 1 && n > 2 * kOutstanding + 2; }
  static sim::Gpa buffer(std::uint64_t n) { return sim::base_of({kBuffers + n % kBufferPages}); }

  void submit() {
    const std::uint64_t n = next_++;
    vsp::guest::Command command;
    command.tag = n;
    command.buffer.bytes = kBytes;
    command.buffer.pfns = {kBuffers + n % kBufferPages};
    const std::uint64_t block = block_of(reads(n) ? earlier(n) : n);
    if (reads(n)) {
      command.cdb = vsp::guest::read_cdb(block * kSectors, kSectors);
      command.data_in = vsp::protocol::kDataFromDevice;
    } else {
      partition->write(buffer(n), std::as_bytes(std::span(&block, 1)));
      command.cdb = vsp::guest::write_cdb(block * kSectors, kSectors);
      command.data_in = vsp::protocol::kDataToDevice;
    }
    storage->submit(std::move(command));
  }

  std::uint64_t next_ = 2;
};

class Vm {
 public:
  Vm(sim::Node& host, hv::Hypervisor& hypervisor, storage::VirtualDisk& disk)
      : storvsp_(host, {.vm = 1, .highest = vsp::StorageVersion::Win10}) {
    sim::GuestMemoryConfig memory_config;
    memory_config.ram_pages = kPages;
    memory_config.vm = 1;
    memory_config.partition = hypervisor.next_partition_id().value;
    memory_ = std::make_unique<sim::GuestMemory>(host, memory_config);
    hv::PartitionConfig config;
    config.vm = 1;
    config.vp_count = 1;
    config.privileges.hypercall = hv::privilege::kPostMessages | hv::privilege::kSignalEvents;
    const auto created = hypervisor.create_partition(hypervisor.root(), config, *memory_);
    hypervisor.deposit_memory(hypervisor.root(), created.id, 64);
    hypervisor.initialize_partition(hypervisor.root(), created.id);
    hv::Partition& partition = *hypervisor.find(created.id);
    partition.map_gpa_pages({0}, kPages, {0}, {true, true, true});
    vmbus::guest::BusConfig bus;
    bus.message_page = {kPages - 1};
    bus.event_page = {kPages - 2};
    guest.partition = &partition;
    guest.bus = std::make_unique<vmbus::guest::Bus>(partition, bus, guest);
    guest.storage = std::make_unique<vsp::guest::StorVsc>(*guest.bus, guest);
    partition.create_model_vp({0}, guest);
    server_ = std::make_unique<vmbus::Server>(partition, vmbus::ServerConfig{});
    storvsp_.attach(0, disk);
    server_->add_device("scsi", storvsp_);
    partition.resume("boot");
    server_->resume();
    guest.bus->connect();
  }
  ~Vm() { server_.reset(); }

  Guest guest;

 private:
  std::unique_ptr<sim::GuestMemory> memory_;
  vsp::StorVsp storvsp_;
  std::unique_ptr<vmbus::Server> server_;
};

void requests(benchmark::State& state) {
  traces::Recorder recorder;
  recorder.set_detail(false);
  sim::World world({.seed = 1}, recorder);
  sim::Node& array = world.add_node("array", "storage");
  sim::Node& host = world.add_node("host", "host");
  sim::SharedDisk disk(array, {.name = "disk", .number = 1, .sectors = kBlocks * kSectors});
  storage::SharedDiskHandle handle(host, disk);
  handle.open();
  hv::Hypervisor hypervisor(host);
  Vm vm(host, hypervisor, handle);
  world.run_until(world.now() + sim::Duration{50'000'000});
  HVSIM_ASSERT(vm.guest.done > 0, "the guest uses its disk");
  const std::uint64_t before = vm.guest.done;
  for (auto _ : state) world.run_until(world.now() + sim::Duration{1'000'000});
  state.SetItemsProcessed(static_cast<std::int64_t>(vm.guest.done - before));
}
BENCHMARK(requests)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
