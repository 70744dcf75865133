#include "hypervisor/migration/ownership.hpp"

#include <vector>

#include "hypervisor/migration/points.hpp"
#include "sim/kernel/invite.hpp"
#include "traces/bytes.hpp"
#include "traces/digest.hpp"

namespace migration {

namespace {

// Record sector: magic u32, version u32, vm u32, claim u8, epoch u64, job u64, peer u32, XXH3-64 of
// what stands before it, zeros to 512.
constexpr std::uint32_t kMagic = 0x4E574F48;  // "HOWN"
constexpr std::uint32_t kVersion = 1;
constexpr sim::Duration kLateFlush{100'000'000};

std::vector<std::byte> encode(std::uint32_t vm, const Ownership& record) {
  traces::ByteWriter out;
  out.put(kMagic);
  out.put(kVersion);
  out.put(vm);
  out.put(record.claim);
  out.put(record.epoch);
  out.put(record.job);
  out.put(record.peer);
  out.put(traces::hash64_of(out.bytes()));
  auto sector = out.take();
  sector.resize(sim::kSectorSize);
  return sector;
}

std::optional<Ownership> decode(std::uint32_t vm, std::span<const std::byte> sector) {
  traces::ByteReader in(sector);
  Ownership record;
  const bool head = in.get<std::uint32_t>() == kMagic && in.get<std::uint32_t>() == kVersion &&
                    in.get<std::uint32_t>() == vm;
  record.claim = in.get<Claim>();
  record.epoch = in.get<std::uint64_t>();
  record.job = in.get<std::uint64_t>();
  record.peer = in.get<std::uint32_t>();
  const std::size_t covered = sector.size() - in.remaining();
  const bool sound = in.get<std::uint64_t>() == traces::hash64_of(sector.first(covered));
  if (!head || !sound || record.claim > Claim::Ceded) return std::nullopt;
  return record;
}

}  // namespace

OwnershipStore::OwnershipStore(sim::Node& host, sim::SharedDisk& disk) : host_(host), disk_(disk) {}

sim::Task<bool> OwnershipStore::load() {
  const auto epoch = disk_.open(host_);
  if (!epoch) co_return false;
  disk_epoch_ = *epoch;
  std::vector<std::byte> sectors(disk_.config().sectors * sim::kSectorSize);
  const sim::DiskStatus status = co_await disk_.read(host_, sim::Lba{0}, std::span(sectors));
  if (status != sim::DiskStatus::Ok) co_return false;
  for (std::uint32_t vm = 0; vm < disk_.config().sectors; ++vm) {
    const auto sector = std::span(sectors).subspan(vm * sim::kSectorSize, sim::kSectorSize);
    const auto record = decode(vm, sector);
    if (!record) continue;
    const bool arrived = record->claim == Claim::Owned && record->job != 0;
    if (arrived && host_.world().plant(host_, "migration.boot-overlooks-arrivals")) continue;
    records_[vm] = *record;
  }
  if (records_.empty()) co_return true;
  // A host that was reset, not without power, may have read them from its disk's cache.
  const sim::DiskStatus durable = co_await disk_.flush(host_, disk_epoch_);
  co_return durable == sim::DiskStatus::Ok;
}

sim::Task<bool> OwnershipStore::put(std::uint32_t vm, Ownership record) {
  const bool cedes = record.claim == Claim::Ceded;
  const bool commits = record.claim == Claim::Owned && record.job != 0;
  Ownership written = record;
  if (commits && host_.world().plant(host_, "migration.commit-writes-old-epoch")) --written.epoch;
  std::vector<std::byte> sector = encode(vm, written);
  const sim::Lba where{vm};
  sim::DiskStatus status = co_await disk_.write(host_, disk_epoch_, where, std::move(sector));
  const sim::Operation change{vm, record.epoch, static_cast<std::uint64_t>(record.claim),
                              host_.id().value};
  const sim::Duration late = sim::invited_delay(host_, kPointLateFlush, change, kLateFlush);
  if (late.ns != 0) co_await host_.sleep(late);
  const bool forgets = (cedes && host_.world().plant(host_, "migration.cede-not-flushed")) ||
                       (commits && host_.world().plant(host_, "migration.commit-not-flushed"));
  if (status == sim::DiskStatus::Ok && !forgets) {
    status = co_await disk_.flush(host_, disk_epoch_);
  }
  if (status != sim::DiskStatus::Ok) co_return false;
  records_[vm] = record;
  co_return true;
}

Ownership OwnershipStore::get(std::uint32_t vm) const {
  const auto found = records_.find(vm);
  return found == records_.end() ? Ownership{} : found->second;
}

}  // namespace migration
