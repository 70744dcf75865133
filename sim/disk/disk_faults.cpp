// Faults of a disk. Which sectors they hit is a function of the world's seed, the disk, the sector
// and the instant since when the rule holds, so that a retry meets the same fault. What a
// misdirected write puts in a wrong place is an overlay, and a latent error hides content without
// changing it.
#include <fmt/format.h>

#include <utility>

#include "sim/disk/shared_disk_impl.hpp"

namespace sim {

namespace {

bool same(Chance a, Chance b) {
  return a.numerator == b.numerator && a.denominator == b.denominator;
}

std::uint64_t number_of(Time since) { return static_cast<std::uint64_t>(since.ns); }

}  // namespace

void SharedDisk::set_faults(const DiskFaults& faults) {
  const DiskFaults before = std::exchange(faults_, faults);
  const Time now = node_.now();
  auto& since = impl_->since;
  if (!same(before.lost_write, faults.lost_write)) since.lost_write = now;
  if (!same(before.misdirected_write, faults.misdirected_write)) since.misdirected_write = now;
  if (!same(before.latent_error, faults.latent_error)) {
    since.latent_error = now;
    impl_->latent.clear();
  }
}

void SharedDisk::fire(std::string_view fault, std::string_view detail) const {
  traces::ev::FaultFired event;
  event.fault = fault;
  event.target = config_.name;
  event.detail = detail;
  node_.world().emit(node_.id(), event);
}

void SharedDisk::enter_cache(std::uint64_t epoch, Lba lba, std::span<const std::byte> data) {
  const std::uint64_t sectors = data.size() / kSectorSize;
  if (lost(lba)) {
    fire("disk.lost-write", fmt::format("{} sectors at {}", sectors, lba.value));
    return;
  }
  if (const std::optional<Lba> elsewhere = misdirected(lba, sectors)) {
    fire("disk.misdirected-write",
         fmt::format("{} sectors for {} land at {}", sectors, lba.value, elsewhere->value));
    impl_->content.misplace(elsewhere->value, data);
    heal(*elsewhere, sectors);
    emit_write(epoch, *elsewhere, data);
    return;
  }
  impl_->content.write_to_cache(lba.value, data);
  ++impl_->unflushed_writes;
  heal(lba, sectors);
  emit_write(epoch, lba, data);
}

bool SharedDisk::lost(Lba lba) {
  return node_.world().happens(node_, "disk.lost-write",
                               {config_.number, lba.value, number_of(impl_->since.lost_write)},
                               faults_.lost_write);
}

std::optional<Lba> SharedDisk::misdirected(Lba lba, std::uint64_t sectors) {
  World& world = node_.world();
  const std::uint64_t places = config_.sectors - sectors + 1;
  if (places == 1) return std::nullopt;  // it fills the disk: there is nowhere else
  const Operation write{config_.number, lba.value, number_of(impl_->since.misdirected_write)};
  if (!world.happens(node_, "disk.misdirected-write", write, faults_.misdirected_write)) {
    return std::nullopt;
  }
  const std::uint64_t other = world.amount("disk.misdirected-write", write).below(places - 1);
  return Lba{other < lba.value ? other : other + 1};
}

bool SharedDisk::survives_power_loss(std::uint64_t lba) {
  return node_.world().happens(node_, "disk.torn-write", {config_.number, lba, node_.generation()},
                               faults_.torn_on_power_loss);
}

/// Decides each sector once, when it is first read.
bool SharedDisk::unreadable(Lba lba, std::uint64_t sectors) {
  World& world = node_.world();
  if (!world.may_happen(faults_.latent_error)) return false;
  const std::uint64_t since = number_of(impl_->since.latent_error);
  for (std::uint64_t at = lba.value; at != lba.value + sectors; ++at) {
    const auto [sector, undecided] = impl_->latent.try_emplace(at, false);
    if (undecided && world.happens(node_, "disk.latent-error", {config_.number, at, since},
                                   faults_.latent_error)) {
      sector->second = true;
      fire("disk.latent-error", fmt::format("sector {}", at));
    }
    if (sector->second) return true;
  }
  return false;
}

void SharedDisk::heal(Lba lba, std::uint64_t sectors) {
  if (!node_.world().may_happen(faults_.latent_error)) return;
  for (std::uint64_t at = lba.value; at != lba.value + sectors; ++at) impl_->latent[at] = false;
}

}  // namespace sim
