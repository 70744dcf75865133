// The program `worker` as a model: no instructions, the same day. It connects to VMBus, opens its
// disk and its heartbeat, dirties memory at a rate, writes, flushes and reads back, and checks all
// that it finds. Rings, messages, data and counters are real bytes of its memory; the pages of the
// working set are content versions, which is what makes it cheap.
//
// What differs from the program: its instructions take no time, and neighbouring pages are dirtied
// together (memory_work.hpp).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hypervisor/core/partition.hpp"
#include "hypervisor/vmbus/guest/bus.hpp"
#include "hypervisor/vsp/guest/heartbeat_client.hpp"
#include "hypervisor/vsp/guest/storvsc.hpp"
#include "scenarios/guests/model/alarm.hpp"
#include "scenarios/guests/model/console.hpp"
#include "scenarios/guests/model/disk_work.hpp"
#include "scenarios/guests/model/memory_work.hpp"
#include "scenarios/guests/model/pages.hpp"
#include "sim/kernel/node.hpp"

namespace guests {

/// The parameters of guest_boot_info, with every default filled in.
struct WorkerPlan {
  MemoryPlan memory;
  std::uint64_t dirty_pages_per_ms = 0;
  DiskPlan disk;
  std::uint64_t stop_after = 0;  ///< 100 ns after work began; 0: never
};

/// Plays VP 0 of a partition with version-backed memory of more than GUEST_IMAGE_END_PAGE pages.
class WorkerModel final : public hv::ModelGuest,
                          private vmbus::guest::BusClient,
                          private vsp::guest::StorVscClient {
 public:
  WorkerModel(hv::Partition& partition, const WorkerPlan& plan);

  void interrupt(std::uint8_t vector) override;
  void run() override;
  void suspend() override;
  std::vector<std::byte> save() const override;
  bool restore(std::span<const std::byte> state) override;

  // What it has done so far, for tests.
  const DiskWork& disk() const { return disk_; }
  const MemoryWork& memory() const { return memory_; }
  const vsp::guest::HeartbeatClient& heartbeat() const { return heartbeat_; }
  bool ended() const { return console_.ended(); }

 private:
  enum class Phase : std::uint8_t {
    Off,
    Connecting,
    OpeningDisk,
    Handshake,
    Inquiry,
    Capacity,
    OpeningHeartbeat,
    Working,
  };

  // -- BusClient --
  void refused() override;
  void offers_complete() override;
  void rescinded(std::uint32_t relid) override;
  void opened(std::uint32_t relid, bool success) override;
  void readable(std::uint32_t relid) override;
  void writable(std::uint32_t relid) override;
  // -- StorVscClient --
  void storage_ready() override;
  void storage_refused(std::uint32_t status) override;
  void completed(const vsp::guest::Completion& completion) override;
  void unasked(std::uint64_t transaction) override;

  void boot();
  void open_heartbeat();
  void ask_disk(std::vector<std::uint8_t> cdb, std::uint32_t bytes);
  void disk_described(const vsp::guest::Completion& completion);
  void begin_work();
  void work();
  void finish();
  void report_milestones();
  std::uint64_t clock();
  void tick();
  void arm_tick();

  hv::Partition& partition_;
  WorkerPlan plan_;
  GuestPages pages_;
  Console console_;
  vmbus::guest::Bus bus_;
  vsp::guest::StorVsc storage_;
  vsp::guest::HeartbeatClient heartbeat_;
  Alarm alarm_;
  DiskWork disk_;
  MemoryWork memory_;
  sim::Timer tick_timer_;
  bool running_ = false;

  Phase phase_ = Phase::Off;
  std::uint32_t storage_relid_ = 0;
  std::uint32_t heartbeat_relid_ = 0;
  bool has_disk_ = false;
  std::uint64_t disk_blocks_ = 0;
  std::int64_t start_ns_ = 0;  ///< guest time at which work began
  std::uint64_t start_ = 0;    ///< the same on the guest's clock, 100 ns
  std::uint64_t tick_ = 0;     ///< the next tick of the memory pattern to end
  std::uint64_t last_clock_ = 0;
  std::uint64_t milestone_ = 1;
};

}  // namespace guests
