// The worker process of one VM in the parent partition: it puts partition, processors, VMBus and
// devices together from a configuration, and saves and restores them as one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hypervisor/core/hypervisor.hpp"
#include "hypervisor/migration/switches.hpp"
#include "hypervisor/migration/vm_config.hpp"
#include "hypervisor/storage/virtual_disk.hpp"
#include "hypervisor/vmbus/server.hpp"
#include "hypervisor/vsp/chipset/chipset.hpp"
#include "hypervisor/vsp/heartbeat.hpp"
#include "hypervisor/vsp/netvsp.hpp"
#include "hypervisor/vsp/storvsp.hpp"
#include "sim/memory/guest_memory.hpp"

namespace vsp {
class KeyValue;
class ShutdownComponent;
class Vss;
}  // namespace vsp

namespace migration {

struct SavedVm;

/// What the host's environment offers to worker processes: engines, guest images, disks. Owned by
/// whoever wires the world; it outlives every host.
class Environment {
 public:
  virtual ~Environment() = default;
  virtual std::unique_ptr<sim::Cpu> make_cpu(const VmConfig& config, sim::GuestMemory& memory,
                                             sim::CpuBus& bus, hv::VpIndex vp) = 0;
  virtual std::unique_ptr<hv::ModelGuest> make_model(const VmConfig& config,
                                                     hv::Partition& partition, hv::VpIndex vp) = 0;
  /// Loads the guest's image and sets VP 0 to its entry.
  virtual void boot(const VmConfig& config, hv::Partition& partition) = 0;
  /// nullptr when the host cannot reach a disk of that name.
  virtual sim::SharedDisk* disk(sim::Node& host, std::string_view name) = 0;
  /// Configuration files live on shared storage: a restarted host finds its VMs there. nullptr
  /// when there is none.
  virtual const VmConfig* configuration(std::uint32_t vm) = 0;
  /// The VM's configuration file is this from now on.
  virtual void reconfigure(const VmConfig& config) = 0;
  /// The saved state that a VM which is not running has; nullptr when it is simply off. Saved
  /// states lie on shared storage too.
  virtual const SavedVm* saved_state(std::uint32_t vm) = 0;
  /// The VM runs from its saved state now, which is gone with that.
  virtual void drop_saved_state(std::uint32_t vm) = 0;
  virtual void keep_saved_state(SavedVm saved) = 0;
};

/// Guest port that takes a byte of debug output, and the one that ends the guest (isa-debug-exit).
inline constexpr std::uint16_t kDebugPort = 0xE9;
inline constexpr std::uint16_t kExitPort = 0xF4;

class WorkerProcess final : hv::InterceptHandler {
 public:
  enum class Failure : std::uint8_t { None, NoMemory, NoDisk, DiskOwned, BadState };

  WorkerProcess(hv::Hypervisor& hypervisor, Environment& environment, Switches& switches,
                VmConfig config);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;

  /// Creates the partition in Active state with suspended VPs and closed disks.
  Failure build();
  /// Destroys the partition (finalize, withdraw, delete). The object is empty afterwards.
  void destroy();
  bool built() const { return partition_ != nullptr; }

  bool open_disks();  ///< false when a disk belongs to somebody else; then none is open
  void close_disks();
  bool disks_open() const;
  void seize_disks();  ///< opens them away from a host that never committed
  std::uint32_t open_disk_count() const;
  bool devices_idle() const { return storvsp_->idle(); }  ///< no request is outstanding

  void boot() { environment_.boot(config_, *partition_); }
  void resume(const char* reason);   ///< VPs, timers, devices, one doorbell per open channel
  void suspend(const char* reason);  ///< VPs only, at this instant
  sim::Task<> quiesce();             ///< devices: nothing taken any more, what is outstanding ends

  /// Disks of the running VM come and go (spec D.1). The lowest free LUN is taken.
  Failure plug_disk(const std::string& name);
  /// False when the VM has no such disk. Nothing may destroy this object meanwhile.
  sim::Task<bool> unplug_disk(std::string name);

  /// A guest that hangs executes nothing, while its VM counts as running and its time goes on. It
  /// travels with the VM, until let_go().
  void hang();
  void let_go();
  bool hung() const;

  /// Everything but memory. Suspended and quiesced.
  std::vector<std::byte> save() const;
  bool restore(std::span<const std::byte> state);  ///< untrusted bytes
  void emit_digests(traces::DigestPoint point) const;

  const VmConfig& config() const { return config_; }
  hv::Partition& partition() const { return *partition_; }
  sim::GuestMemory& memory() const { return *memory_; }
  std::shared_ptr<sim::GuestMemory> shared_memory() const { return memory_; }
  const vsp::Heartbeat& heartbeat() const { return *heartbeat_; }
  const vmbus::Server& vmbus() const { return *vmbus_; }
  /// nullptr when the VM is not offered the service.
  vsp::KeyValue* key_value() const;
  vsp::ShutdownComponent* shutdown() const;
  vsp::Vss* vss() const;
  /// Why the guest ended, "" while it goes on. Travels with the VM.
  const std::string& ended() const { return ended_; }
  /// Called when the guest ended itself or can never run again.
  void on_stopped(std::function<void(const std::string& reason)> call) { stopped_ = call; }

 private:
  std::uint32_t port_in(hv::VpIndex vp, std::uint16_t port, unsigned bytes) override;
  void port_out(hv::VpIndex vp, std::uint16_t port, unsigned bytes, std::uint32_t value) override;
  bool owns_mmio(sim::Gpfn page) override;
  std::uint64_t mmio_read(hv::VpIndex vp, sim::Gpa gpa, unsigned bytes) override;
  void mmio_write(hv::VpIndex vp, sim::Gpa gpa, unsigned bytes, std::uint64_t value) override;
  void vp_stopped(hv::VpIndex vp, const char* reason) override;
  bool create_processors();
  void add_board();
  void add_services();
  void add_nics();

  hv::Hypervisor& hypervisor_;
  Environment& environment_;
  Switches& switches_;
  VmConfig config_;
  std::shared_ptr<sim::GuestMemory> memory_;
  hv::PartitionId id_{};
  hv::Partition* partition_ = nullptr;
  std::vector<std::unique_ptr<hv::ModelGuest>> models_;
  std::map<std::uint8_t, std::unique_ptr<storage::SharedDiskHandle>> disks_;  ///< by LUN
  std::unique_ptr<vsp::Chipset> chipset_;                                     ///< Board::Pc only
  std::unique_ptr<vsp::StorVsp> storvsp_;
  std::unique_ptr<vsp::Heartbeat> heartbeat_;
  struct Services;
  std::unique_ptr<Services> services_;  ///< the other integration components
  struct Nic {
    vsp::VirtualSwitch* attached = nullptr;
    vsp::SwitchPort* port = nullptr;
    std::unique_ptr<vsp::NetVsp> adapter;
  };
  std::vector<Nic> nics_;
  std::unique_ptr<vmbus::Server> vmbus_;
  void end(std::string reason);
  void say(char character);

  std::string debug_line_;
  std::string ended_;
  std::function<void(const std::string&)> stopped_;
};

}  // namespace migration
