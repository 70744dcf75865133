#include "hypervisor/migration/worker_process.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "hypervisor/core/msrs.hpp"
#include "hypervisor/core/virtual_processor.hpp"
#include "hypervisor/vsp/key_value.hpp"
#include "hypervisor/vsp/shutdown.hpp"
#include "hypervisor/vsp/time_sync.hpp"
#include "hypervisor/vsp/vss.hpp"
#include "traces/assert.hpp"

namespace migration {

namespace {

constexpr std::uint32_t kStateMagic = 0x53565648;  // "HVVS"
constexpr std::uint32_t kStateVersion = 1;
constexpr std::uint8_t kHung = 1;   // closes the state of a VM whose guest hangs
constexpr std::uint8_t kClock = 2;  // the chosen register of the clock follows
constexpr std::size_t kMaxDebugLine = 240;
constexpr std::uint64_t kPoolPages = 16;  // deposited for the partition's own structures
// TLFS 4.2.2: what a VMBus guest needs on top of the child defaults (spec B.6).
constexpr std::uint32_t kPostMessagesAndSignalEvents = 0x30;

hv::PartitionConfig partition_config(const VmConfig& config) {
  hv::PartitionConfig result;
  result.vm = config.number;
  result.vp_count = config.processors;
  result.generation = config.generation;
  result.privileges.hypercall = kPostMessagesAndSignalEvents;
  result.time = config.time;
  if (config.board == Board::Pc) {
    result.privileges.msr |= hv::privilege::kVpRuntime | hv::privilege::kApicMsrs |
                             hv::privilege::kReset | hv::privilege::kFrequencyMsrs;
    result.privileges.features |= hv::privilege::kDirectTimers;
  }
  return result;
}

vmbus::Guid scsi_instance(std::uint32_t vm) {
  vmbus::Guid guid = vmbus::kScsiInterface;
  guid.data1 = vm;
  return guid;
}

vmbus::Guid nic_instance(std::uint32_t vm, std::size_t index) {
  vmbus::Guid guid = vmbus::kNicInterface;
  guid.data1 = vm;
  guid.data2 = static_cast<std::uint16_t>(index);
  return guid;
}

}  // namespace

struct WorkerProcess::Services {
  std::optional<vsp::TimeSync> time_sync;
  std::optional<vsp::ShutdownComponent> shutdown;
  std::optional<vsp::KeyValue> key_value;
  std::optional<vsp::Vss> vss;
};

WorkerProcess::WorkerProcess(hv::Hypervisor& hypervisor, Environment& environment,
                             Switches& switches, VmConfig config)
    : hypervisor_(hypervisor),
      environment_(environment),
      switches_(switches),
      config_(std::move(config)) {}

WorkerProcess::~WorkerProcess() = default;

WorkerProcess::Failure WorkerProcess::build() {
  sim::Node& host = hypervisor_.node();
  for (std::size_t lun = 0; lun < config_.disks.size(); ++lun) {
    if (config_.disks[lun].empty()) continue;
    sim::SharedDisk* disk = environment_.disk(host, config_.disks[lun]);
    if (disk == nullptr) return Failure::NoDisk;
    disks_.emplace(static_cast<std::uint8_t>(lun),
                   std::make_unique<storage::SharedDiskHandle>(host, *disk));
  }
  const hv::PartitionId root = hypervisor_.root();
  sim::GuestMemoryConfig memory;
  memory.backing = config_.engine == Engine::Model ? sim::Backing::Versions : sim::Backing::Bytes;
  memory.ram_pages = config_.memory_pages;
  memory.vm = config_.number;
  memory.partition = hypervisor_.next_partition_id().value;
  memory_ = std::make_shared<sim::GuestMemory>(host, memory);
  const auto created = hypervisor_.create_partition(root, partition_config(config_), *memory_);
  if (created.status != hv::Status::Success) return Failure::NoMemory;
  id_ = created.id;
  partition_ = hypervisor_.find(id_);
  hypervisor_.deposit_memory(root, id_, kPoolPages);
  if (hypervisor_.initialize_partition(root, id_) != hv::Status::Success) return Failure::NoMemory;
  const sim::Rights all{true, true, true};
  partition_->map_gpa_pages(sim::Gpfn{0}, config_.memory_pages, sim::Frame{0}, all);
  partition_->set_intercept_handler(this);
  if (!create_processors()) return Failure::NoMemory;

  vmbus_ = std::make_unique<vmbus::Server>(
      *partition_, vmbus::ServerConfig{vmbus::newest_version(config_.generation)});
  heartbeat_ = std::make_unique<vsp::Heartbeat>(
      *partition_, vsp::HeartbeatConfig{config_.number, config_.heartbeat_interval, 3});
  vmbus_->add_device("heartbeat", *heartbeat_);
  vsp::StorVspConfig storage;
  storage.vm = config_.number;
  storage.highest = vsp::newest_storage_version(config_.generation);
  storage.instance = scsi_instance(config_.number);
  storvsp_ = std::make_unique<vsp::StorVsp>(host, storage);
  for (const auto& [lun, disk] : disks_) storvsp_->attach(lun, *disk);
  vmbus_->add_device("scsi0", *storvsp_);
  if (config_.board == Board::Pc) add_board();
  add_services();
  add_nics();
  return Failure::None;
}

void WorkerProcess::add_board() {
  chipset_ = std::make_unique<vsp::Chipset>(*partition_);
  chipset_->on_serial([this](std::uint8_t byte) { say(static_cast<char>(byte)); });
  chipset_->on_power_off([this] { end("the guest switched itself off"); });
}

void WorkerProcess::add_services() {
  const std::uint8_t wanted = config_.board == Board::Pc ? service::kAll : config_.services;
  services_ = std::make_unique<Services>();
  const std::uint32_t vm = config_.number;
  if (wanted & service::kTimeSync) {
    vmbus_->add_device("timesync",
                       services_->time_sync.emplace(*partition_, vsp::TimeSyncConfig{.vm = vm}));
  }
  if (wanted & service::kShutdown) {
    vmbus_->add_device("shutdown",
                       services_->shutdown.emplace(*partition_, vsp::ShutdownConfig{.vm = vm}));
  }
  if (wanted & service::kKeyValue) {
    vmbus_->add_device("kvp",
                       services_->key_value.emplace(*partition_, vsp::KeyValueConfig{.vm = vm}));
  }
  if (wanted & service::kVss) {
    vmbus_->add_device("vss", services_->vss.emplace(*partition_, vsp::VssConfig{.vm = vm}));
  }
}

vsp::KeyValue* WorkerProcess::key_value() const {
  return services_->key_value ? &*services_->key_value : nullptr;
}
vsp::ShutdownComponent* WorkerProcess::shutdown() const {
  return services_->shutdown ? &*services_->shutdown : nullptr;
}
vsp::Vss* WorkerProcess::vss() const { return services_->vss ? &*services_->vss : nullptr; }

void WorkerProcess::add_nics() {
  for (std::size_t index = 0; index < config_.nics.size(); ++index) {
    const NicConfig& spec = config_.nics[index];
    vsp::NetVspConfig config;
    config.vm = config_.number;
    config.highest = vsp::nvsp::newest_version(config_.generation);
    config.mac = spec.mac;
    config.instance = nic_instance(config_.number, index);
    Nic nic;
    nic.attached = &switches_.uplinked_to(spec.network);
    nic.port = &nic.attached->connect({.vm = config_.number, .mac = spec.mac});
    nic.adapter = std::make_unique<vsp::NetVsp>(hypervisor_.node(), config, *nic.port);
    vmbus_->add_device("nic" + std::to_string(index), *nic.adapter);
    nics_.push_back(std::move(nic));
  }
}

bool WorkerProcess::create_processors() {
  for (std::uint32_t index = 0; index < config_.processors; ++index) {
    const hv::VpIndex vp{index};
    hv::Status status;
    if (config_.engine == Engine::Model) {
      models_.push_back(environment_.make_model(config_, *partition_, vp));
      status = partition_->create_model_vp(vp, *models_.back());
    } else {
      status = partition_->create_vp(vp, [this](sim::CpuBus& bus, hv::VpIndex which) {
        return environment_.make_cpu(config_, *memory_, bus, which);
      });
    }
    if (status != hv::Status::Success) return false;
  }
  return true;
}

void WorkerProcess::destroy() {
  vmbus_.reset();
  services_.reset();
  for (Nic& nic : nics_) {
    nic.adapter.reset();
    nic.attached->disconnect(*nic.port);
  }
  nics_.clear();
  chipset_.reset();
  storvsp_.reset();
  heartbeat_.reset();
  if (!hypervisor_.node().world().plant(hypervisor_.node(), "worker.keeps-disks")) close_disks();
  if (partition_ != nullptr) {
    partition_->set_intercept_handler(nullptr);
    const hv::Status status = hypervisor_.destroy_partition(hypervisor_.root(), id_);
    HVSIM_ASSERT(status == hv::Status::Success, "a partition of ours can always be destroyed");
  }
  partition_ = nullptr;
  models_.clear();
  disks_.clear();
  memory_.reset();
}

bool WorkerProcess::open_disks() {
  for (auto& [lun, disk] : disks_) {
    if (!disk->open()) {
      close_disks();
      return false;
    }
  }
  return true;
}

void WorkerProcess::close_disks() {
  for (auto& [lun, disk] : disks_) {
    if (disk->is_open()) disk->close();
  }
}

WorkerProcess::Failure WorkerProcess::plug_disk(const std::string& name) {
  sim::Node& host = hypervisor_.node();
  sim::SharedDisk* disk = environment_.disk(host, name);
  if (disk == nullptr) return Failure::NoDisk;
  auto free = std::find(config_.disks.begin(), config_.disks.end(), "");
  constexpr std::size_t kMostDisks = 64;  // of a SCSI controller (spec A13)
  if (free == config_.disks.end()) {
    if (config_.disks.size() >= kMostDisks) return Failure::BadState;
    free = config_.disks.insert(free, "");
  }
  auto handle = std::make_unique<storage::SharedDiskHandle>(host, *disk);
  if (!handle->open()) return Failure::DiskOwned;
  *free = name;
  const auto lun = static_cast<std::uint8_t>(free - config_.disks.begin());
  const auto placed = disks_.emplace(lun, std::move(handle)).first;
  const bool plugged = storvsp_->plug(lun, *placed->second);
  HVSIM_ASSERT(plugged, "a LUN without a disk is free");
  return Failure::None;
}

sim::Task<bool> WorkerProcess::unplug_disk(std::string name) {
  const auto found = std::find(config_.disks.begin(), config_.disks.end(), name);
  if (found == config_.disks.end()) co_return false;
  const auto lun = static_cast<std::uint8_t>(found - config_.disks.begin());
  const bool unplugged = co_await storvsp_->unplug(lun);
  HVSIM_ASSERT(unplugged, "a disk of the configuration is there");
  const auto handle = disks_.find(lun);
  handle->second->close();
  disks_.erase(handle);
  config_.disks[lun].clear();
  co_return true;
}

void WorkerProcess::seize_disks() {
  for (auto& [lun, disk] : disks_) disk->seize();
}

bool WorkerProcess::disks_open() const { return open_disk_count() == disks_.size(); }

std::uint32_t WorkerProcess::open_disk_count() const {
  std::uint32_t open = 0;
  for (const auto& [lun, disk] : disks_) open += disk->is_open() ? 1 : 0;
  return open;
}

void WorkerProcess::resume(const char* reason) {
  partition_->resume(reason);
  vmbus_->resume();
}

void WorkerProcess::suspend(const char* reason) { partition_->suspend(reason); }

sim::Task<> WorkerProcess::quiesce() { co_await vmbus_->quiesce(); }

void WorkerProcess::hang() {
  for (hv::VirtualProcessor* vp : partition_->vps()) vp->hold();
}

void WorkerProcess::let_go() {
  for (hv::VirtualProcessor* vp : partition_->vps()) vp->let_go();
}

bool WorkerProcess::hung() const {
  const auto vps = partition_->vps();
  return std::any_of(vps.begin(), vps.end(), [](const auto* vp) { return vp->held(); });
}

std::vector<std::byte> WorkerProcess::save() const {
  traces::ByteWriter out;
  out.put(kStateMagic);
  out.put(kStateVersion);
  traces::ByteWriter partition;
  const hv::Status status = partition_->save(partition);
  HVSIM_ASSERT(status == hv::Status::Success, "a suspended partition can be saved");
  out.block(partition.bytes());
  traces::ByteWriter bus;
  vmbus_->save(bus);
  out.block(bus.bytes());
  out.text(debug_line_);
  out.text(ended_);
  if (chipset_) chipset_->save(out);
  if (chipset_ && chipset_->clock().selected() != 0) {
    out.put(kClock);
    out.put(chipset_->clock().selected());
  }
  if (hung()) out.put(kHung);
  return out.take();
}

bool WorkerProcess::restore(std::span<const std::byte> state) {
  traces::ByteReader in(state);
  if (in.get<std::uint32_t>() != kStateMagic || in.get<std::uint32_t>() != kStateVersion) {
    return false;
  }
  traces::ByteReader partition(in.block());
  traces::ByteReader bus(in.block());
  debug_line_ = in.text();
  ended_ = in.text();
  if (chipset_ && !chipset_->restore(in)) return false;
  bool hangs = false;
  while (in.ok() && !in.at_end()) {
    const auto mark = in.get<std::uint8_t>();
    if (mark == kClock && chipset_) {
      chipset_->clock().select(in.get<std::uint8_t>());
    } else if (mark == kHung) {
      hangs = true;
    } else {
      return false;
    }
  }
  if (!in.ok() || !in.at_end() || debug_line_.size() > kMaxDebugLine) return false;
  if (partition_->restore(partition) != hv::Status::Success || !vmbus_->restore(bus)) return false;
  if (hangs) hang();
  return true;
}

void WorkerProcess::emit_digests(traces::DigestPoint point) const {
  partition_->emit_digests(point);
  if (point != traces::DigestPoint::End) vmbus_->emit_digest(point);
}

std::uint32_t WorkerProcess::port_in(hv::VpIndex, std::uint16_t port, unsigned bytes) {
  if (chipset_) {
    if (const auto value = chipset_->port_in(port, bytes)) return *value;
  }
  // Port 0xE9 reads as itself, which tells a guest that the debug console is there (as in QEMU).
  return port == kDebugPort ? kDebugPort : 0xFFFFFFFFU;
}

void WorkerProcess::port_out(hv::VpIndex, std::uint16_t port, unsigned bytes, std::uint32_t value) {
  if (chipset_ && chipset_->port_out(port, bytes, value)) return;
  if (port == kExitPort) {
    // The VP stands at its next instruction; whoever is told decides what becomes of the VM.
    end("the guest ended itself with code " + std::to_string(value));
    return;
  }
  if (port == kDebugPort) say(static_cast<char>(value & 0xFF));
}

/// Collects what the guest says into lines; each is an event.
void WorkerProcess::say(char character) {
  if (character == '\r') return;  // of a terminal's line ends
  if (character != '\n' && debug_line_.size() < kMaxDebugLine) {
    debug_line_.push_back(character >= ' ' && character <= '~' ? character : '?');
    return;
  }
  traces::ev::GuestLog line;
  line.vm = config_.number;
  line.partition = id_.value;
  line.line = debug_line_;
  hypervisor_.node().world().emit(hypervisor_.node().id(), line);
  debug_line_.clear();
}

bool WorkerProcess::owns_mmio(sim::Gpfn page) { return chipset_ && chipset_->owns(page); }
std::uint64_t WorkerProcess::mmio_read(hv::VpIndex, sim::Gpa gpa, unsigned bytes) {
  return chipset_ ? chipset_->mmio_read(gpa, bytes) : ~0ULL;
}
void WorkerProcess::mmio_write(hv::VpIndex, sim::Gpa gpa, unsigned bytes, std::uint64_t value) {
  if (chipset_) chipset_->mmio_write(gpa, bytes, value);
}

void WorkerProcess::vp_stopped(hv::VpIndex, const char* reason) { end(reason); }

void WorkerProcess::end(std::string reason) {
  ended_ = std::move(reason);
  if (stopped_) stopped_(ended_);
}

}  // namespace migration
