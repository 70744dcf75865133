#include "scenarios/guests/model/pages.hpp"

#include "traces/assert.hpp"

namespace guests {

sim::Frame GuestPages::frame(sim::Gpfn page) const {
  const auto entry = partition_.gpa_map().lookup(page);
  HVSIM_ASSERT(entry, "a model guest touches pages that it has");
  return entry->frame;
}

void GuestPages::read(sim::Gpfn page, std::uint32_t offset, std::span<std::byte> out) const {
  partition_.memory().read(frame(page), offset, out);
}

void GuestPages::write(sim::Gpfn page, std::uint32_t offset, std::span<const std::byte> data) {
  partition_.memory().write(frame(page), offset, data, traces::Writer::Guest);
}

std::uint32_t GuestPages::read_u32(sim::Gpfn page, std::uint32_t offset) const {
  std::uint32_t value = 0;
  read(page, offset, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

void GuestPages::write_u32(sim::Gpfn page, std::uint32_t offset, std::uint32_t value) {
  write(page, offset, std::as_bytes(std::span(&value, 1)));
}

}  // namespace guests
