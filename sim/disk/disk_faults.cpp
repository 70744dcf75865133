// Faults of a disk. Which sectors they hit is a function of the world's seed, the disk and the
// sector, so that a retry meets the same fault. What a misdirected write puts in a wrong place is
// an overlay, and a latent error hides content without changing it.
#include <fmt/format.h>

#include "sim/disk/shared_disk_impl.hpp"

namespace sim {

void SharedDisk::set_faults(const DiskFaults& faults) {
  faults_ = faults;
  impl_->healed.clear();
  impl_->reported.clear();
}

void SharedDisk::fire(std::string_view fault, std::string_view detail) const {
  traces::ev::FaultFired event;
  event.fault = fault;
  event.target = config_.name;
  event.detail = detail;
  node_.world().emit(node_.id(), event);
}

void SharedDisk::enter_cache(std::uint64_t epoch, Lba lba, std::span<const std::byte> data) {
  const Random& random = node_.world().random();
  const std::uint64_t sectors = data.size() / kSectorSize;
  if (random.draw("disk.lost-write", config_.number, lba.value).happens(faults_.lost_write)) {
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

std::optional<Lba> SharedDisk::misdirected(Lba lba, std::uint64_t sectors) const {
  const std::uint64_t places = config_.sectors - sectors + 1;
  if (places == 1) return std::nullopt;  // it fills the disk: there is nowhere else
  Draw draw = node_.world().random().draw("disk.misdirected-write", config_.number, lba.value);
  if (!draw.happens(faults_.misdirected_write)) return std::nullopt;
  const std::uint64_t other = draw.below(places - 1);
  return Lba{other < lba.value ? other : other + 1};
}

bool SharedDisk::is_latent(std::uint64_t lba) const {
  return node_.world()
      .random()
      .draw("disk.latent-error", config_.number, lba)
      .happens(faults_.latent_error);
}

bool SharedDisk::unreadable(Lba lba, std::uint64_t sectors) {
  if (faults_.latent_error.numerator == 0) return false;
  for (std::uint64_t at = lba.value; at != lba.value + sectors; ++at) {
    if (!is_latent(at) || impl_->healed.contains(at)) continue;
    if (impl_->reported.insert(at).second) {
      fire("disk.latent-error", fmt::format("sector {}", at));
    }
    return true;
  }
  return false;
}

void SharedDisk::heal(Lba lba, std::uint64_t sectors) {
  if (faults_.latent_error.numerator == 0) return;
  for (std::uint64_t at = lba.value; at != lba.value + sectors; ++at) {
    if (is_latent(at)) impl_->healed.insert(at);
  }
}

}  // namespace sim
