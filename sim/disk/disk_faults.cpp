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

Chance larger(Chance a, Chance b) {
  __extension__ using Wide = unsigned __int128;
  const Wide left = static_cast<Wide>(a.numerator) * b.denominator;
  const Wide right = static_cast<Wide>(b.numerator) * a.denominator;
  return left < right ? b : a;
}

std::uint64_t number_of(Time since) { return static_cast<std::uint64_t>(since.ns); }

}  // namespace

void SharedDisk::set_rule(const std::string& rule, const DiskFaults& faults) {
  impl_->rules.insert_or_assign(rule, faults);
  apply_rules();
}

void SharedDisk::clear_rule(const std::string& rule) {
  impl_->rules.erase(rule);
  apply_rules();
}

void SharedDisk::apply_rules() {
  DiskFaults faults;
  for (const auto& [name, rule] : impl_->rules) {
    faults.lost_write = larger(faults.lost_write, rule.lost_write);
    faults.torn_on_power_loss = larger(faults.torn_on_power_loss, rule.torn_on_power_loss);
    faults.misdirected_write = larger(faults.misdirected_write, rule.misdirected_write);
    faults.latent_error = larger(faults.latent_error, rule.latent_error);
    faults.corrupt_read = larger(faults.corrupt_read, rule.corrupt_read);
    faults.extra_latency += rule.extra_latency;
    faults.full = faults.full || rule.full;
    faults.keeps_cache = faults.keeps_cache || rule.keeps_cache;
  }
  const DiskFaults before = std::exchange(faults_, faults);
  const Time now = node_.now();
  auto& since = impl_->since;
  if (!same(before.lost_write, faults.lost_write)) since.lost_write = now;
  if (!same(before.misdirected_write, faults.misdirected_write)) since.misdirected_write = now;
  if (!same(before.corrupt_read, faults.corrupt_read)) since.corrupt_read = now;
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

/// Flips one bit of each sector that reads wrong. The content itself stays as it is.
void SharedDisk::spoil(Lba lba, std::span<std::byte> data) {
  World& world = node_.world();
  if (!world.may_happen(faults_.corrupt_read)) return;
  const std::uint64_t since = number_of(impl_->since.corrupt_read);
  for (std::uint64_t i = 0; i != data.size() / kSectorSize; ++i) {
    const Operation sector{config_.number, lba.value + i, since};
    if (!world.happens(node_, "disk.corrupt-read", sector, faults_.corrupt_read)) continue;
    const std::uint64_t bit = world.amount("disk.corrupt-read", sector).below(kSectorSize * 8);
    data[i * kSectorSize + bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    fire("disk.corrupt-read", fmt::format("sector {}, bit {}", lba.value + i, bit));
  }
}

/// A thin disk takes an extent from its pool when it is first written.
bool SharedDisk::has_room(Lba lba, std::size_t bytes) const {
  if (!faults_.full) return true;
  const std::uint64_t end = lba.value + bytes / kSectorSize;
  for (std::uint64_t at = lba.value / disk::kExtentSectors * disk::kExtentSectors; at < end;
       at += disk::kExtentSectors) {
    if (!impl_->content.written(at / disk::kExtentSectors)) return false;
  }
  return true;
}

void SharedDisk::heal(Lba lba, std::uint64_t sectors) {
  if (!node_.world().may_happen(faults_.latent_error)) return;
  for (std::uint64_t at = lba.value; at != lba.value + sectors; ++at) impl_->latent[at] = false;
}

}  // namespace sim
