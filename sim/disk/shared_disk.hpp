// A shared disk: sectors on a medium, a volatile write cache, flush, latency, power loss. Several
// hosts see it; one at a time may own it for writing. Faults are overlays: the pristine content is
// never touched by them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/kernel/world.hpp"

namespace sim {

inline constexpr std::uint32_t kSectorSize = 512;

/// Logical block address in sectors of 512 bytes.
struct Lba {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(Lba, Lba) = default;
};

enum class DiskStatus : std::uint8_t {
  Ok,
  OutOfRange,
  MediumError,  ///< latent sector error
  NotOwner,     ///< the epoch of the request is not the current owner's
  Unavailable,  ///< the disk's node is down, or it cannot be reached
  NoSpace,      ///< thin provisioning: the pool has no room for a new extent
  Reset,        ///< the controller was reset while the request was under way
};

struct DiskConfig {
  std::string name;
  std::uint32_t number = 0;  ///< number in events, from 1
  std::uint64_t sectors = 0;
  Duration read_latency{100'000};
  Duration write_latency{50'000};  ///< into the cache
  Duration flush_latency{500'000};
  std::uint64_t bytes_per_second = 1'000'000'000;
  bool tells_content = false;  ///< its writes are events with their bytes: for few and small ones
};

/// Rules for faults on a disk, all off by default. Which sectors they hit is a function of the
/// world's seed, the sector and the instant since when the rule holds, so that a retry cannot heal
/// a fault.
struct DiskFaults {
  Chance lost_write;  ///< an acknowledged write never reaches cache or medium
  Chance
      torn_on_power_loss;  ///< of sectors in the cache: survives at power loss (each sector alone)
  Chance misdirected_write;  ///< lands on another sector
  Chance latent_error;       ///< a sector that cannot be read until it is written again
  Chance corrupt_read;       ///< a sector that reads as something else, with good status
  Duration extra_latency{};  ///< of every request
  bool full = false;         ///< no extent of 64 KiB that was never written can be written now
  bool keeps_cache = false;  ///< its power stays when its node dies: the cache survives whole
};

struct DiskLayers;

class SharedDisk final : NodeFate {
 public:
  /// The disk lives on a node of its own: killing that node is the loss of its power.
  SharedDisk(Node& node, const DiskConfig& config);
  ~SharedDisk();

  const DiskConfig& config() const { return config_; }
  Node& node() const { return node_; }

  /// Ownership. open() grants to one host at a time: the owner's reopening and, when nobody owns
  /// it, anybody's. Returns the epoch that requests must carry, or nullopt. No latency; emits.
  std::optional<std::uint64_t> open(Node& host);
  void close(Node& host, std::uint64_t epoch);
  /// Takes ownership from a host that is known to be dead or fenced.
  std::uint64_t seize(Node& host);
  std::optional<NodeId> owner() const;

  /// I/O with latency. Completion order of overlapping requests is their issue order.
  Task<DiskStatus> read(Node& host, Lba lba, std::span<std::byte> out);
  /// Acknowledged when the cache has it. `epoch` must be the current owner's.
  Task<DiskStatus> write(Node& host, std::uint64_t epoch, Lba lba, std::vector<std::byte> data);
  /// When it returns Ok every write acknowledged before it was issued is on the medium.
  Task<DiskStatus> flush(Node& host, std::uint64_t epoch);

  /// The sectors that a changed rule chooses go bad now; what earlier rules did to contents stays.
  void set_faults(const DiskFaults& faults) { set_rule({}, faults); }
  /// A rule beside others of other names. Together they have the largest of their chances and the
  /// sum of their latencies.
  void set_rule(const std::string& rule, const DiskFaults& faults);
  void clear_rule(const std::string& rule);
  const DiskFaults& faults() const { return faults_; }
  /// The controller starts anew: what is under way ends with Reset, landed or not. The cache stays.
  void reset_controller();

  /// Puts content on the medium that was there before the world began: no time, no events.
  void preload(Lba lba, std::span<const std::byte> data);
  /// The same for everything that another disk of this size held, its cache included.
  void preload(const DiskLayers& layers);
  /// Whether this disk has every sector of it: what layers from elsewhere must pass before.
  bool fits(const DiskLayers& layers) const;
  DiskLayers contents() const;

  // -- witnesses --
  traces::Digest digest() const;  ///< logical content: medium with the cache on top
  void emit_digest(traces::DigestPoint point) const;
  /// Hashes of all sectors ever written, as disk.sectors(end). Level 1.
  void emit_sectors(traces::SectorCause cause) const;
  /// The same content, whatever faults would make of a read: `visit` is called in ascending order
  /// for runs of sectors that were ever written; all others are zeros.
  void for_each_written(const std::function<void(Lba, std::span<const std::byte>)>& visit) const;

 private:
  void node_killed() override;  // power loss: the cache is decided sector by sector
  void node_restarted() override;
  void node_resumed() override;

  bool in_range(Lba lba, std::size_t bytes) const;
  bool owned_by(std::uint64_t epoch) const;
  /// When a request that is issued now has its data across, and when it is acknowledged.
  struct Slot {
    Time transferred;
    Time done;
  };
  Slot reserve(Duration latency, std::size_t bytes);
  /// Which life of node and controller a request belongs to.
  struct Life {
    std::uint32_t generation;
    std::uint64_t resets;
  };
  Life life() const;
  /// Waits for an instant of a request; not Ok when its life has ended by then.
  Task<DiskStatus> wait_until(Node& host, Time when, Life life);
  void apply_rules();
  void lose_power();
  bool has_room(Lba lba, std::size_t bytes) const;
  void spoil(Lba lba, std::span<std::byte> data);
  DiskStatus land(std::uint64_t epoch, Lba lba, std::span<const std::byte> data);
  void let_stray_write_in();
  void enter_cache(std::uint64_t epoch, Lba lba, std::span<const std::byte> data);
  bool lost(Lba lba);
  std::optional<Lba> misdirected(Lba lba, std::uint64_t sectors);
  bool survives_power_loss(std::uint64_t lba);
  bool unreadable(Lba lba, std::uint64_t sectors);
  void heal(Lba lba, std::uint64_t sectors);
  void fire(std::string_view fault, std::string_view detail) const;
  void emit_write(std::uint64_t epoch, Lba lba, std::span<const std::byte> data) const;
  void emit_content(Lba lba, std::span<const std::byte> data) const;
  void emit_hashes(traces::SectorCause cause, std::uint64_t lba,
                   std::span<const std::byte> data) const;

  struct Impl;
  Node& node_;
  DiskConfig config_;
  DiskFaults faults_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sim
