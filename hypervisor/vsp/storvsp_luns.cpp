// Disks that come and go while the guest runs (spec D.1: ENUMERATE_BUS makes it look again).
#include "hypervisor/vsp/storvsp_impl.hpp"

namespace vsp {

using protocol::Operation;

bool StorVsp::plug(std::uint8_t lun, storage::VirtualDisk& disk) {
  if (!impl_->luns.emplace(lun, &disk).second) return false;
  impl_->announce(lun, disk.number(), true);
  return true;
}

sim::Task<bool> StorVsp::unplug(std::uint8_t lun) {
  Impl& impl = *impl_;
  const auto found = impl.luns.find(lun);
  if (found == impl.luns.end()) co_return false;
  storage::VirtualDisk& disk = *found->second;
  impl.luns.erase(found);
  const bool early = impl.uses(disk) && impl.plant("storvsp.unplugs-in-use");
  if (early) impl.announce(lun, disk.number(), false);
  while (impl.uses(disk)) co_await impl.finished.wait();
  if (!early) impl.announce(lun, disk.number(), false);
  co_return true;
}

bool StorVsp::Impl::uses(const storage::VirtualDisk& disk) const {
  for (const auto& [serial, request] : outstanding) {
    if (request->disk == &disk) return true;
  }
  return false;
}

void StorVsp::Impl::announce(std::uint8_t lun, std::uint32_t disk, bool present) {
  traces::ev::LunChanged event;
  event.vm = config.vm;
  event.partition = channel == nullptr ? 0 : channel->partition().id().value;
  event.relid = channel == nullptr ? 0 : channel->relid();
  event.disk = disk;
  event.lun = lun;
  event.present = present;
  emit(event);
  // A guest that has not come to the end of the handshake looks at everything anyway, and one of
  // 2008 knows no such packet.
  if (phase != Phase::Ready || version < static_cast<std::uint16_t>(StorageVersion::Win7)) return;
  Reply notice;
  notice.notice = true;
  notice.packet.operation = Operation::EnumerateBus;
  send(notice);
}

}  // namespace vsp
