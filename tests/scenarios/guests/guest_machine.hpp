// One host with one VM that runs a real guest program: what the tests of guests share. Wired by
// hand, so that a guest that fails says something about the stack and not about a runner.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hypervisor/core/hypervisor.hpp"
#include "hypervisor/core/virtual_processor.hpp"
#include "hypervisor/storage/virtual_disk.hpp"
#include "hypervisor/vmbus/server.hpp"
#include "hypervisor/vsp/heartbeat.hpp"
#include "hypervisor/vsp/storvsp.hpp"
#include "scenarios/guests/boot_info.h"
#include "sim/disk/shared_disk.hpp"
#include "sim/kernel/world.hpp"
#include "sim/memory/guest_memory.hpp"
#include "traces/record.hpp"

namespace guests_test {

struct MachineConfig {
  std::string program = "hello";
  guest_boot_info parameters{};
  std::uint64_t ram_pages = 8192;
  std::uint64_t disk_sectors = 32768;
  bool with_disk = true;
  std::uint64_t seed = 1;
  hv::Privileges privileges{0x0000026E, 0x00000030};
  vmbus::Version vmbus_version = vmbus::Version::V2_4;
  sim::Duration heartbeat_interval{20'000'000};
};

class GuestMachine final : hv::InterceptHandler, traces::Observer {
 public:
  explicit GuestMachine(MachineConfig config);
  ~GuestMachine() override;

  /// Runs for so much more time, or until the guest ends itself.
  void run_for(sim::Duration duration);
  /// Holds the VM in place, as a migration's blackout would.
  void suspend() { partition_->suspend("test"); }
  void resume();

  const std::vector<std::string>& lines() const { return lines_; }
  /// True when a line begins so.
  bool said(std::string_view beginning) const;
  /// The number at the end of the line that begins so; nullopt when there is none.
  std::optional<std::uint64_t> number_after(std::string_view beginning) const;
  std::optional<std::uint32_t> exit_code() const { return exit_code_; }
  const std::string& stopped() const { return stopped_; }
  std::string transcript() const;

  std::uint64_t heartbeats_sent() const { return heartbeats_sent_; }
  std::uint64_t heartbeats_answered() const { return heartbeats_answered_; }
  std::uint64_t flushes() const { return flushes_; }
  traces::Digest hash() const { return recorder_.hash(); }
  hv::Partition& partition() { return *partition_; }
  vsp::Heartbeat& heartbeat() { return *heartbeat_; }
  sim::SharedDisk& disk() { return *disk_; }
  sim::World& world() { return *world_; }
  sim::GuestMemory& memory() { return *memory_; }
  /// The disk's content as a host reads it.
  std::vector<std::byte> read_disk(std::uint64_t lba, std::uint64_t sectors);

 private:
  void build_partition();
  void build_devices();
  void load();

  std::uint32_t port_in(hv::VpIndex vp, std::uint16_t port, unsigned bytes) override;
  void port_out(hv::VpIndex vp, std::uint16_t port, unsigned bytes, std::uint32_t value) override;
  bool owns_mmio(sim::Gpfn page) override;
  std::uint64_t mmio_read(hv::VpIndex vp, sim::Gpa gpa, unsigned bytes) override;
  void mmio_write(hv::VpIndex vp, sim::Gpa gpa, unsigned bytes, std::uint64_t value) override;
  void vp_stopped(hv::VpIndex vp, const char* reason) override;
  void on_event(const traces::Event& event) override;

  MachineConfig config_;
  traces::Recorder recorder_;
  std::unique_ptr<sim::World> world_;
  sim::Node* host_ = nullptr;
  std::unique_ptr<sim::SharedDisk> disk_;
  std::unique_ptr<storage::SharedDiskHandle> handle_;
  std::unique_ptr<hv::Hypervisor> hypervisor_;
  std::unique_ptr<sim::GuestMemory> memory_;
  hv::Partition* partition_ = nullptr;
  std::unique_ptr<vsp::Heartbeat> heartbeat_;
  std::unique_ptr<vsp::StorVsp> storvsp_;
  std::unique_ptr<vmbus::Server> vmbus_;

  std::string line_;
  std::vector<std::string> lines_;
  std::optional<std::uint32_t> exit_code_;
  std::string stopped_;
  std::uint64_t heartbeats_sent_ = 0, heartbeats_answered_ = 0, flushes_ = 0;
};

}  // namespace guests_test
