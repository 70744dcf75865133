// What the disk tells the event stream about its contents: what entered the cache, what a read
// will return, and the digest of everything.
#include <algorithm>

#include "sim/disk/shared_disk_impl.hpp"
#include "traces/digest.hpp"

namespace sim {
namespace {

bool is_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

void SharedDisk::emit_write(std::uint64_t epoch, Lba lba, std::span<const std::byte> data) const {
  traces::ev::DiskWrite event;
  event.disk = config_.number;
  event.epoch = epoch;
  event.lba = lba.value;
  event.sectors = static_cast<std::uint32_t>(data.size() / kSectorSize);
  event.hash = traces::hash64_of(data);
  node_.world().emit(node_.id(), event);
  if (config_.tells_content) emit_content(lba, data);
  emit_hashes(traces::SectorCause::Write, lba.value, data);
}

void SharedDisk::emit_content(Lba lba, std::span<const std::byte> data) const {
  while (!data.empty() && data.back() == std::byte{0}) data = data.first(data.size() - 1);
  traces::ev::DiskContent event;
  event.disk = config_.number;
  event.lba = lba.value;
  event.data = data;
  node_.world().emit(node_.id(), event);
}

void SharedDisk::emit_hashes(traces::SectorCause cause, std::uint64_t lba,
                             std::span<const std::byte> data) const {
  if (!node_.world().detail()) return;
  std::vector<std::byte> hashes;
  hashes.reserve(data.size() / kSectorSize * sizeof(std::uint64_t));
  for (; !data.empty(); data = data.subspan(kSectorSize)) {
    const std::uint64_t hash = traces::hash64_of(data.first(kSectorSize));
    for (unsigned i = 0; i < 8; ++i) hashes.push_back(static_cast<std::byte>(hash >> (8 * i)));
  }
  traces::ev::DiskSectors event;
  event.disk = config_.number;
  event.cause = cause;
  event.lba = lba;
  event.hashes = hashes;
  node_.world().emit(node_.id(), event);
}

void SharedDisk::emit_sectors(traces::SectorCause cause) const {
  if (!node_.world().detail()) return;
  for_each_written([this, cause](Lba lba, std::span<const std::byte> bytes) {
    emit_hashes(cause, lba.value, bytes);
  });
}

void SharedDisk::for_each_written(
    const std::function<void(Lba, std::span<const std::byte>)>& visit) const {
  impl_->content.for_each_extent(
      [&visit](std::uint64_t lba, const disk::ExtentMask& mask, std::span<const std::byte> bytes) {
        disk::for_each_run(mask, [&](std::uint64_t first, std::uint64_t count) {
          visit(Lba{lba + first}, bytes.subspan(first * kSectorSize, count * kSectorSize));
        });
      });
}

/// Over (sector, sectors, content) of runs of sectors that are not zero, none longer than an
/// extent: a sector of zeros equals one that was never written, so equal contents have equal
/// digests whatever their histories.
traces::Digest SharedDisk::digest() const {
  traces::DigestStream stream;
  impl_->content.for_each_extent(
      [&stream](std::uint64_t lba, disk::ExtentMask mask, std::span<const std::byte> bytes) {
        for (std::uint64_t i = 0; i < disk::kExtentSectors; ++i) {
          if (!disk::in_mask(mask, i)) continue;
          if (is_zero(bytes.subspan(i * kSectorSize, kSectorSize))) {
            mask[i / 64] &= ~(std::uint64_t{1} << i % 64);
          }
        }
        disk::for_each_run(mask, [&](std::uint64_t first, std::uint64_t count) {
          stream.add_u64(lba + first);
          stream.add_u64(count);
          stream.add(bytes.subspan(first * kSectorSize, count * kSectorSize));
        });
      });
  return stream.finish();
}

void SharedDisk::emit_digest(traces::DigestPoint point) const {
  traces::ev::DiskDigest event;
  event.disk = config_.number;
  event.point = point;
  event.digest = digest();
  node_.world().emit(node_.id(), event);
}

}  // namespace sim
