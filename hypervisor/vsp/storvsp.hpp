// The storage VSP: SRBs over a VMBus channel to virtual disks (spec D.1). Every SRB that it
// accepts is completed exactly once, also through a migration.
#pragma once

#include <cstdint>
#include <memory>

#include "hypervisor/storage/virtual_disk.hpp"
#include "hypervisor/vmbus/server.hpp"

namespace vsp {

/// Storage protocol versions as major<<8|minor (spec D.1).
enum class StorageVersion : std::uint16_t {
  Win6 = 0x0200,
  Win7 = 0x0402,
  Win8 = 0x0501,
  Win8_1 = 0x0600,
  Win10 = 0x0602,
};

/// The newest version that a host speaks.
constexpr StorageVersion newest_storage_version(hv::Generation host) {
  switch (host) {
    case hv::Generation::Ws2008:
      return StorageVersion::Win6;
    case hv::Generation::Ws2008R2:
      return StorageVersion::Win7;
    case hv::Generation::Ws2012:
      return StorageVersion::Win8;
    case hv::Generation::Current:
      break;
  }
  return StorageVersion::Win10;
}

struct StorVspConfig {
  std::uint32_t vm = 0;
  StorageVersion highest = StorageVersion::Win8;
  std::uint32_t max_transfer_bytes = 0x40000;
  std::uint32_t max_outstanding = 64;  ///< further requests stay in the ring
  /// Work of the host per request; requests start one after the other, this far apart.
  sim::Duration request_cost{1'000};
  vmbus::Guid instance;
};

class StorVsp final : public vmbus::Device {
 public:
  StorVsp(sim::Node& host, const StorVspConfig& config);
  ~StorVsp() override;

  /// Target 0, path 0. Not owned. Before the guest looks.
  void attach(std::uint8_t lun, storage::VirtualDisk& disk);
  /// While the guest runs: it is told to look again (spec D.1). False when the LUN is taken.
  bool plug(std::uint8_t lun, storage::VirtualDisk& disk);
  /// New requests find no such unit from now on; those on their way end first, then the guest is
  /// told and the disk is the caller's again. False when there is no such LUN. Awaited on the
  /// adapter's host; whoever destroys the adapter ends this task first.
  sim::Task<bool> unplug(std::uint8_t lun);

  vmbus::Offer offer() const override;
  void opened(vmbus::Channel& channel) override;
  void closed() override;
  void readable() override;
  void writable() override;
  void quiesce() override;
  bool idle() const override;
  sim::Signal& idle_signal() override;
  void resume() override;
  void save(traces::ByteWriter& out) const override;
  bool restore(traces::ByteReader& in, vmbus::Channel* channel) override;
  void witness(traces::DigestStream& out) const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vsp
