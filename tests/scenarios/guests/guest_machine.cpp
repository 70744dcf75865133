#include "tests/scenarios/guests/guest_machine.hpp"

#include <algorithm>
#include <charconv>

#include "scenarios/guests/images.hpp"
#include "scenarios/guests/loader.hpp"
#include "sim/cpu/engine.hpp"
#include "traces/assert.hpp"

namespace guests_test {

namespace {

constexpr std::uint32_t kVm = 1;
constexpr sim::Duration kSlice{1'000'000};  // how soon the end of a guest is noticed

sim::Task<> read_into(storage::VirtualDisk& disk, sim::Lba lba, std::vector<std::byte>& out) {
  co_await disk.read(lba, out);
}

}  // namespace

GuestMachine::GuestMachine(MachineConfig config) : config_(std::move(config)) {
  traces::EventSet events;
  events.set(static_cast<std::size_t>(traces::ev::HeartbeatSent::kType));
  events.set(static_cast<std::size_t>(traces::ev::HeartbeatReceived::kType));
  events.set(static_cast<std::size_t>(traces::ev::DiskFlushed::kType));
  recorder_.attach(*this, events);
  sim::WorldConfig world;
  world.seed = config_.seed;
  world_ = std::make_unique<sim::World>(world, recorder_);
  host_ = &world_->add_node("alpha", "host");
  build_partition();
  build_devices();
  load();
  resume();
}

GuestMachine::~GuestMachine() {
  vmbus_.reset();
  partition_->set_intercept_handler(nullptr);
}

void GuestMachine::build_partition() {
  hypervisor_ = std::make_unique<hv::Hypervisor>(*host_);
  sim::GuestMemoryConfig memory;
  memory.ram_pages = config_.ram_pages;
  memory.vm = kVm;
  memory_ = std::make_unique<sim::GuestMemory>(*host_, memory);
  hv::PartitionConfig partition;
  partition.vm = kVm;
  partition.privileges = config_.privileges;
  const hv::PartitionId root = hypervisor_->root();
  const auto created = hypervisor_->create_partition(root, partition, *memory_);
  HVSIM_ASSERT(created.status == hv::Status::Success, "a child partition");
  hypervisor_->deposit_memory(root, created.id, 64);
  hypervisor_->initialize_partition(root, created.id);
  partition_ = hypervisor_->find(created.id);
  partition_->map_gpa_pages({0}, config_.ram_pages, {0}, {true, true, true});
  partition_->set_intercept_handler(this);
  partition_->create_vp({0}, [this](sim::CpuBus& bus, hv::VpIndex) {
    sim::CpuConfig cpu;
    cpu.storage = memory_->storage();
    cpu.frames = memory_->frames();
    return sim::make_unicorn_cpu(cpu, bus);
  });
}

void GuestMachine::build_devices() {
  vmbus::ServerConfig server;
  server.highest = config_.vmbus_version;
  vmbus_ = std::make_unique<vmbus::Server>(*partition_, server);
  vsp::HeartbeatConfig heartbeat;
  heartbeat.vm = kVm;
  heartbeat.interval = config_.heartbeat_interval;
  heartbeat_ = std::make_unique<vsp::Heartbeat>(*partition_, heartbeat);
  vmbus_->add_device("heartbeat", *heartbeat_);
  vsp::StorVspConfig storage;
  storage.vm = kVm;
  storage.instance = vmbus::kScsiInterface;
  storvsp_ = std::make_unique<vsp::StorVsp>(*host_, storage);
  if (config_.with_disk) {
    sim::DiskConfig disk;
    disk.name = "lun0";
    disk.number = 1;
    disk.sectors = config_.disk_sectors;
    disk_ = std::make_unique<sim::SharedDisk>(world_->add_node("san", "storage"), disk);
    handle_ = std::make_unique<storage::SharedDiskHandle>(*host_, *disk_);
    HVSIM_ASSERT(handle_->open(), "nobody else has the disk");
    storvsp_->attach(0, *handle_);
  }
  vmbus_->add_device("scsi0", *storvsp_);
}

void GuestMachine::load() {
  const auto loaded =
      guests::load_guest(guests::image(config_.program), config_.parameters, config_.ram_pages,
                         [this](sim::Gpa gpa, std::span<const std::byte> bytes) {
                           return partition_->write(gpa, bytes);
                         });
  HVSIM_ASSERT(loaded.registers.has_value(), "our own image loads");
  partition_->vp({0})->cpu()->set_registers(*loaded.registers);
}

void GuestMachine::resume() {
  partition_->resume("test");
  vmbus_->resume();
}

void GuestMachine::run_for(sim::Duration duration) {
  const sim::Time end = world_->now() + duration;
  while (!exit_code_ && stopped_.empty() && world_->now() < end) {
    world_->run_until(std::min(end, world_->now() + kSlice));
  }
}

bool GuestMachine::said(std::string_view beginning) const {
  for (const std::string& line : lines_) {
    if (line.starts_with(beginning)) return true;
  }
  return false;
}

std::optional<std::uint64_t> GuestMachine::number_after(std::string_view beginning) const {
  for (const std::string& line : lines_) {
    if (!line.starts_with(beginning)) continue;
    const std::size_t blank = line.rfind(' ');
    std::uint64_t value = 0;
    const char* end = line.data() + line.size();
    const auto result = std::from_chars(line.data() + blank + 1, end, value);
    if (result.ec == std::errc{} && result.ptr == end) return value;
  }
  return std::nullopt;
}

std::string GuestMachine::transcript() const {
  std::string text;
  for (const std::string& line : lines_) text += line + "\n";
  if (!line_.empty()) text += line_ + " (unfinished)\n";
  if (!stopped_.empty()) text += "stopped: " + stopped_ + "\n";
  return text;
}

std::vector<std::byte> GuestMachine::read_disk(std::uint64_t lba, std::uint64_t sectors) {
  std::vector<std::byte> out(sectors * sim::kSectorSize);
  host_->spawn("test.read", read_into(*handle_, sim::Lba{lba}, out));
  world_->run_until(world_->now() + sim::Duration{1'000'000'000});
  return out;
}

std::uint32_t GuestMachine::port_in(hv::VpIndex, std::uint16_t, unsigned) { return ~0u; }

void GuestMachine::port_out(hv::VpIndex, std::uint16_t port, unsigned, std::uint32_t value) {
  if (port == GUEST_PORT_EXIT) {
    exit_code_ = value;
  } else if (port == GUEST_PORT_CONSOLE && static_cast<char>(value) == '\n') {
    lines_.push_back(std::move(line_));
    line_.clear();
  } else if (port == GUEST_PORT_CONSOLE) {
    line_.push_back(static_cast<char>(value));
  }
}

bool GuestMachine::owns_mmio(sim::Gpfn) { return false; }
std::uint64_t GuestMachine::mmio_read(hv::VpIndex, sim::Gpa, unsigned) { return ~0ull; }
void GuestMachine::mmio_write(hv::VpIndex, sim::Gpa, unsigned, std::uint64_t) {}

void GuestMachine::vp_stopped(hv::VpIndex, const char* reason) { stopped_ = reason; }

void GuestMachine::on_event(const traces::Event& event) {
  heartbeats_sent_ += event.type == traces::ev::HeartbeatSent::kType;
  heartbeats_answered_ += event.type == traces::ev::HeartbeatReceived::kType;
  flushes_ += event.type == traces::ev::DiskFlushed::kType;
}

}  // namespace guests_test
