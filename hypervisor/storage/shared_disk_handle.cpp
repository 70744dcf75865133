#include <algorithm>
#include <utility>

#include "hypervisor/storage/virtual_disk.hpp"

namespace storage {

bool SharedDiskHandle::open() {
  if (is_open()) return true;
  const auto epoch = disk_.open(host_);
  epoch_ = epoch.value_or(0);
  return is_open();
}

void SharedDiskHandle::seize() { epoch_ = disk_.seize(host_); }

void SharedDiskHandle::close() {
  if (is_open()) disk_.close(host_, std::exchange(epoch_, 0));
  stale_.clear();
}

sim::Task<sim::DiskStatus> SharedDiskHandle::read(sim::Lba lba, std::span<std::byte> out) {
  if (!is_open()) co_return sim::DiskStatus::NotOwner;
  const auto known = stale_.find(lba);
  if (known != stale_.end() && known->second.size() == out.size()) {
    std::copy(known->second.begin(), known->second.end(), out.begin());
    co_return sim::DiskStatus::Ok;
  }
  const sim::DiskStatus status = co_await disk_.read(host_, lba, out);
  if (status == sim::DiskStatus::Ok && host_.world().plant(host_, "storage.stale-read")) {
    stale_.emplace(lba, std::vector<std::byte>(out.begin(), out.end()));
  }
  co_return status;
}

sim::Task<sim::DiskStatus> SharedDiskHandle::write(sim::Lba lba, std::vector<std::byte> data) {
  if (!is_open()) co_return sim::DiskStatus::NotOwner;
  co_return co_await disk_.write(host_, epoch_, lba, std::move(data));
}

sim::Task<sim::DiskStatus> SharedDiskHandle::flush() {
  if (!is_open()) co_return sim::DiskStatus::NotOwner;
  if (host_.world().plant(host_, "storage.flush-does-nothing")) co_return sim::DiskStatus::Ok;
  co_return co_await disk_.flush(host_, epoch_);
}

}  // namespace storage
