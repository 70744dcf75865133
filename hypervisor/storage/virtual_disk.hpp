// What a storage VSP puts a LUN on: blocks with asynchronous reads, writes and flushes. Virtual
// disk formats and SAN LUNs implement it; SharedDiskHandle is a plain disk opened by one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "sim/disk/shared_disk.hpp"
#include "sim/kernel/world.hpp"

namespace storage {

class VirtualDisk {
 public:
  virtual ~VirtualDisk() = default;
  virtual std::uint32_t number() const = 0;   ///< for events
  virtual std::uint64_t sectors() const = 0;  ///< of 512 bytes
  virtual sim::Task<sim::DiskStatus> read(sim::Lba lba, std::span<std::byte> out) = 0;
  virtual sim::Task<sim::DiskStatus> write(sim::Lba lba, std::vector<std::byte> data) = 0;
  virtual sim::Task<sim::DiskStatus> flush() = 0;
};

/// A host's handle on a shared disk. Between close() and open() every request fails NotOwner.
class SharedDiskHandle final : public VirtualDisk {
 public:
  SharedDiskHandle(sim::Node& host, sim::SharedDisk& disk) : host_(host), disk_(disk) {}
  bool open();  ///< false when another host owns the disk
  void close();
  void seize();  ///< opens it away from a host that must not use it any more
  bool is_open() const { return epoch_ != 0; }
  sim::SharedDisk& disk() const { return disk_; }

  std::uint32_t number() const override { return disk_.config().number; }
  std::uint64_t sectors() const override { return disk_.config().sectors; }
  sim::Task<sim::DiskStatus> read(sim::Lba lba, std::span<std::byte> out) override;
  sim::Task<sim::DiskStatus> write(sim::Lba lba, std::vector<std::byte> data) override;
  sim::Task<sim::DiskStatus> flush() override;

 private:
  std::uint64_t piece(const char* point, sim::Lba lba, std::size_t bytes) const;

  sim::Node& host_;
  sim::SharedDisk& disk_;
  std::uint64_t epoch_ = 0;
  /// First content read per block; filled and used by the plant storage.stale-read only.
  std::map<sim::Lba, std::vector<std::byte>> stale_;
};

}  // namespace storage
