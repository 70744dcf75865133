#include <algorithm>
#include <utility>

#include "hypervisor/storage/points.hpp"
#include "hypervisor/storage/virtual_disk.hpp"

namespace storage {

/// Sectors per I/O: all of them, unless pieces are invited.
std::uint64_t SharedDiskHandle::piece(const char* point, sim::Lba lba, std::size_t bytes) const {
  const std::uint64_t sectors = bytes / sim::kSectorSize;
  const sim::Operation operation{number(), lba.value, sectors};
  if (sectors < 2 || !host_.world().buggify(host_, point, operation)) {
    return std::max<std::uint64_t>(sectors, 1);
  }
  return 1 + host_.world().amount(point, operation).below(sectors - 1);
}

bool SharedDiskHandle::open() {
  if (is_open()) return true;
  const auto epoch = disk_.open(host_);
  epoch_ = epoch.value_or(0);
  return is_open();
}

void SharedDiskHandle::seize() {
  const std::uint64_t before = std::exchange(epoch_, disk_.seize(host_));
  if (host_.world().plant(host_, "storage.seize-keeps-epoch")) {
    epoch_ = before != 0 ? before : epoch_ - 1;
  }
}

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
  const std::uint64_t most = piece(kPointSplitRead, lba, out.size()) * sim::kSectorSize;
  sim::DiskStatus status = sim::DiskStatus::Ok;
  std::size_t done = 0;
  do {
    const std::span<std::byte> part = out.subspan(done, std::min(most, out.size() - done));
    const bool repeats = done != 0 && host_.world().plant(host_, "storage.split-read-repeats");
    const std::uint64_t ahead = repeats ? 0 : done / sim::kSectorSize;
    status = co_await disk_.read(host_, {lba.value + ahead}, part);
    done += part.size();
  } while (status == sim::DiskStatus::Ok && done < out.size());
  if (status == sim::DiskStatus::Ok && host_.world().plant(host_, "storage.stale-read")) {
    stale_.emplace(lba, std::vector<std::byte>(out.begin(), out.end()));
  }
  co_return status;
}

sim::Task<sim::DiskStatus> SharedDiskHandle::write(sim::Lba lba, std::vector<std::byte> data) {
  if (!is_open()) co_return sim::DiskStatus::NotOwner;
  const std::uint64_t most = piece(kPointSplitWrite, lba, data.size()) * sim::kSectorSize;
  if (most >= data.size()) {
    co_return co_await disk_.write(host_, epoch_, lba, std::move(data));
  }
  const std::uint64_t epoch = epoch_;
  sim::DiskStatus status = sim::DiskStatus::Ok;
  for (std::size_t done = 0; status == sim::DiskStatus::Ok && done < data.size(); done += most) {
    const auto rest = std::span(data).subspan(done, std::min(most, data.size() - done));
    std::vector<std::byte> part(rest.begin(), rest.end());
    const bool odd_end = done != 0 && part.size() < most;
    if (odd_end && host_.world().plant(host_, "storage.split-write-drops-rest")) break;
    const sim::Lba at{lba.value + done / sim::kSectorSize};
    status = co_await disk_.write(host_, epoch, at, std::move(part));
  }
  co_return status;
}

sim::Task<sim::DiskStatus> SharedDiskHandle::flush() {
  if (!is_open()) co_return sim::DiskStatus::NotOwner;
  if (host_.world().plant(host_, "storage.flush-does-nothing")) co_return sim::DiskStatus::Ok;
  co_return co_await disk_.flush(host_, epoch_);
}

}  // namespace storage
