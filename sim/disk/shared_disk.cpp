// Requests on their way through the disk: queue, ownership, cache, loss of power.
#include "sim/disk/shared_disk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/disk/disk_layers.hpp"
#include "sim/disk/plants.hpp"
#include "sim/disk/points.hpp"
#include "sim/disk/shared_disk_impl.hpp"
#include "traces/assert.hpp"

namespace sim {
namespace {

constexpr std::size_t kMaxTransfer = std::size_t{8} << 30;  // times 10^9 it fits into 64 bits

}  // namespace

SharedDisk::SharedDisk(Node& node, const DiskConfig& config)
    : node_(node), config_(config), impl_(std::make_unique<Impl>()) {
  HVSIM_ASSERT(config.bytes_per_second > 0, "a disk without bandwidth never answers");
  node_.follow(*this);
}

SharedDisk::~SharedDisk() { node_.unfollow(*this); }

void SharedDisk::preload(Lba lba, std::span<const std::byte> data) {
  HVSIM_ASSERT(in_range(lba, data.size()), "content beyond the end of the disk");
  impl_->content.preload(lba.value, data);
}

void SharedDisk::preload(const DiskLayers& layers) {
  HVSIM_ASSERT(fits(layers), "content beyond the end of the disk");
  impl_->content.preload(layers);
  impl_->unflushed_writes = layers.unflushed_writes;
}

bool SharedDisk::fits(const DiskLayers& layers) const {
  const auto inside = [this](const SectorRun& run) {
    return run.data.size() % kSectorSize == 0 && in_range(run.first, run.data.size());
  };
  return std::all_of(layers.medium.begin(), layers.medium.end(), inside) &&
         std::all_of(layers.cache.begin(), layers.cache.end(), inside) &&
         std::all_of(layers.misplaced.begin(), layers.misplaced.end(), inside);
}

DiskLayers SharedDisk::contents() const {
  DiskLayers layers = impl_->content.layers();
  layers.unflushed_writes = impl_->unflushed_writes;
  return layers;
}

// -- ownership --

std::optional<std::uint64_t> SharedDisk::open(Node& host) {
  const bool granted = !impl_->owner || *impl_->owner == host.id();
  if (!impl_->owner) {
    impl_->owner = host.id();
    const bool first = impl_->epoch == 0;
    if (first || !node_.world().plant(node_, disk::kPlantKeepsEpoch)) ++impl_->epoch;
  }
  traces::ev::DiskOpened event;
  event.disk = config_.number;
  event.epoch = impl_->epoch;
  event.granted = granted;
  node_.world().emit(host.id(), event);
  if (!granted) return std::nullopt;
  let_stray_write_in();
  return impl_->epoch;
}

/// A path that failed over may deliver a frame twice, the second time when the disk has another
/// owner. Whose it is, its epoch says; nobody else has written since, so it is what stands there.
void SharedDisk::let_stray_write_in() {
  const std::optional<disk::LastWrite> last = impl_->last_write;
  if (!last || last->epoch == impl_->epoch || !node_.alive()) return;
  const Operation stray{config_.number, impl_->epoch};
  if (!node_.world().buggify(node_, disk::kPointStrayWrite, stray)) return;
  std::vector<std::byte> data(last->bytes);
  impl_->content.read(last->lba.value, data);
  static_cast<void>(land(last->epoch, last->lba, data));
}

void SharedDisk::close(Node& host, std::uint64_t epoch) {
  const bool owns = impl_->owner == host.id() && impl_->epoch == epoch;
  if (!impl_->owner || (!owns && !node_.world().plant(node_, disk::kPlantStaleClose))) return;
  impl_->owner.reset();
  traces::ev::DiskClosed event;
  event.disk = config_.number;
  event.epoch = epoch;
  node_.world().emit(host.id(), event);
}

std::uint64_t SharedDisk::seize(Node& host) {
  impl_->owner.reset();
  if (node_.world().plant(node_, disk::kPlantSeizeKeepsEpoch)) --impl_->epoch;
  return *open(host);
}

std::optional<NodeId> SharedDisk::owner() const { return impl_->owner; }

bool SharedDisk::owned_by(std::uint64_t epoch) const {
  return impl_->owner.has_value() && impl_->epoch == epoch;
}

// -- requests --

bool SharedDisk::in_range(Lba lba, std::size_t bytes) const {
  HVSIM_ASSERT(bytes % kSectorSize == 0, "disk I/O moves whole sectors");
  return lba.value <= config_.sectors && bytes / kSectorSize <= config_.sectors - lba.value;
}

SharedDisk::Slot SharedDisk::reserve(Duration latency, std::size_t bytes) {
  HVSIM_ASSERT(bytes <= kMaxTransfer, "one request moves too much");
  const auto ns = static_cast<std::int64_t>(bytes * 1'000'000'000 / config_.bytes_per_second);
  const Duration transfer{std::max<std::int64_t>(ns, 1)};
  impl_->busy_until = std::max(node_.now(), impl_->busy_until) + transfer;
  // One nanosecond apart, so that no two acknowledgements are left to the order of tasks.
  const Time done = impl_->busy_until + latency + faults_.extra_latency;
  impl_->last_done = std::max(done, impl_->last_done + Duration{1});
  return {impl_->busy_until, impl_->last_done};
}

SharedDisk::Life SharedDisk::life() const { return {node_.generation(), impl_->resets}; }

Task<DiskStatus> SharedDisk::wait_until(Node& host, Time when, Life life) {
  co_await host.sleep_until(when);
  // Requests that a pause of the disk caught go on in the order of their tasks.
  while (node_.paused()) co_await impl_->resumed.wait();
  if (!node_.alive() || node_.generation() != life.generation) co_return DiskStatus::Unavailable;
  co_return impl_->resets == life.resets ? DiskStatus::Ok : DiskStatus::Reset;
}

void SharedDisk::reset_controller() {
  ++impl_->resets;
  impl_->busy_until = {};
}

Task<DiskStatus> SharedDisk::read(Node& host, Lba lba, std::span<std::byte> out) {
  if (!in_range(lba, out.size())) co_return DiskStatus::OutOfRange;
  const Life mine = life();
  const Slot slot = reserve(config_.read_latency, out.size());
  const DiskStatus status = co_await wait_until(host, slot.done, mine);
  if (status == DiskStatus::Reset && node_.world().plant(node_, disk::kPlantResetIsSuccess)) {
    co_return DiskStatus::Ok;
  }
  if (status != DiskStatus::Ok) co_return status;
  if (unreadable(lba, out.size() / kSectorSize)) co_return DiskStatus::MediumError;
  impl_->content.read(lba.value, out);
  spoil(lba, out);
  co_return DiskStatus::Ok;
}

Task<DiskStatus> SharedDisk::write(Node& host, std::uint64_t epoch, Lba lba,
                                   std::vector<std::byte> data) {
  if (!in_range(lba, data.size())) co_return DiskStatus::OutOfRange;
  const Life mine = life();
  const Slot slot = reserve(config_.write_latency, data.size());
  DiskStatus status = co_await wait_until(host, slot.transferred, mine);
  if (status != DiskStatus::Ok) co_return status;
  // From here on the data is in the cache, whether or not the acknowledgement arrives.
  const DiskStatus landed = land(epoch, lba, data);
  status = co_await wait_until(host, slot.done, mine);
  co_return status == DiskStatus::Ok ? landed : status;
}

Task<DiskStatus> SharedDisk::flush(Node& host, std::uint64_t epoch) {
  const Life mine = life();
  const Slot slot = reserve(config_.flush_latency, 0);
  const DiskStatus status = co_await wait_until(host, slot.done, mine);
  if (status != DiskStatus::Ok) co_return status;
  if (!owned_by(epoch)) co_return DiskStatus::NotOwner;
  if (node_.world().plant(node_, disk::kPlantFlushLies)) co_return DiskStatus::Ok;
  if (impl_->unflushed_writes == 1 && node_.world().plant(node_, disk::kPlantFlushSkipsSingle)) {
    co_return DiskStatus::Ok;
  }
  impl_->content.flush();
  traces::ev::DiskFlushed event;
  event.disk = config_.number;
  event.writes = std::exchange(impl_->unflushed_writes, 0);
  node_.world().emit(node_.id(), event);
  co_return DiskStatus::Ok;
}

DiskStatus SharedDisk::land(std::uint64_t epoch, Lba lba, std::span<const std::byte> data) {
  World& world = node_.world();
  if (!owned_by(epoch) && !world.plant(node_, disk::kPlantWriteIgnoresEpoch)) {
    return DiskStatus::NotOwner;
  }
  if (!has_room(lba, data.size())) {
    fire("disk.full",
         fmt::format("no room for {} sectors at {}", data.size() / kSectorSize, lba.value));
    return DiskStatus::NoSpace;
  }
  if (data.size() > kSectorSize && world.plant(node_, disk::kPlantTornSector)) {
    data = data.first(data.size() - kSectorSize);
  }
  const std::size_t to_extent =
      (disk::kExtentSectors - lba.value % disk::kExtentSectors) * kSectorSize;
  if (data.size() > to_extent && world.plant(node_, disk::kPlantStopsAtExtent)) {
    data = data.first(to_extent);
  }
  if (data.empty()) return DiskStatus::Ok;
  enter_cache(epoch, lba, data);
  impl_->last_write = disk::LastWrite{epoch, lba, data.size()};
  return DiskStatus::Ok;
}

// -- loss of power --

void SharedDisk::node_killed() {
  impl_->busy_until = {};
  impl_->last_done = {};
  impl_->resumed.raise();
  impl_->resumed.reset();
  if (!faults_.keeps_cache) lose_power();
}

void SharedDisk::lose_power() {
  std::uint64_t kept = 0;
  const disk::SectorMap cached = impl_->content.lose_power([this, &kept](std::uint64_t lba) {
    const bool survives = survives_power_loss(lba);
    kept += survives ? 1 : 0;
    return survives;
  });
  impl_->unflushed_writes = 0;
  if (kept != 0) fire("disk.torn-write", std::to_string(kept) + " cached sectors survive");
  traces::ev::DiskPowerLost event;
  event.disk = config_.number;
  event.kept = kept;
  event.lost = cached.count() - kept;
  node_.world().emit(node_.id(), event);
  cached.for_each([this](std::uint64_t lba, std::span<const std::byte> data) {
    std::vector<std::byte> now(data.size());
    impl_->content.read(lba, now);
    emit_hashes(traces::SectorCause::PowerLoss, lba, now);
  });
}

void SharedDisk::node_restarted() {}

void SharedDisk::node_resumed() {
  impl_->resumed.raise();
  impl_->resumed.reset();
}

}  // namespace sim
