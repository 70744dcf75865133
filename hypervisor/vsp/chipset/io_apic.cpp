#include "hypervisor/vsp/chipset/io_apic.hpp"

namespace vsp {

namespace {

constexpr std::uint32_t kSelect = 0x00, kWindow = 0x10;
constexpr std::uint8_t kIdRegister = 0, kVersionRegister = 1, kArbitration = 2, kFirstEntry = 0x10;
constexpr std::uint32_t kVersion = 0x11 | (IoApic::kPins - 1) << 16;
constexpr std::uint64_t kMask = 1u << 16;
constexpr std::uint64_t kReadOnly = 1u << 12 | 1u << 14;  // delivery status, remote IRR

}  // namespace

std::uint32_t IoApic::read(std::uint32_t offset) const {
  if (offset == kSelect) return select_;
  if (offset != kWindow) return 0;
  if (select_ == kIdRegister || select_ == kArbitration) return std::uint32_t{id_} << 24;
  if (select_ == kVersionRegister) return kVersion;
  const unsigned index = static_cast<unsigned>(select_) - kFirstEntry;
  if (select_ < kFirstEntry || index >= 2 * kPins) return 0;
  return static_cast<std::uint32_t>(entries_[index / 2] >> (32 * (index % 2)));
}

void IoApic::write(std::uint32_t offset, std::uint32_t value) {
  if (offset == kSelect) {
    select_ = static_cast<std::uint8_t>(value);
    return;
  }
  if (offset != kWindow) return;
  if (select_ == kIdRegister) id_ = static_cast<std::uint8_t>(value >> 24 & 0xF);
  const unsigned index = static_cast<unsigned>(select_) - kFirstEntry;
  if (select_ < kFirstEntry || index >= 2 * kPins) return;
  std::uint64_t& entry = entries_[index / 2];
  const unsigned shift = 32 * (index % 2);
  const std::uint64_t half = std::uint64_t{0xFFFF'FFFF} << shift;
  entry = (entry & ~half) | (std::uint64_t{value} << shift & ~kReadOnly);
}

std::optional<IoApic::Request> IoApic::set_level(unsigned pin, bool high) {
  if (pin >= kPins) return std::nullopt;
  const std::uint32_t bit = 1u << pin;
  const bool was_high = (levels_ & bit) != 0;
  levels_ = high ? levels_ | bit : levels_ & ~bit;
  const std::uint64_t entry = entries_[pin];
  if (!high || was_high || (entry & kMask) != 0) return std::nullopt;
  return Request{static_cast<std::uint8_t>(entry), static_cast<std::uint8_t>(entry >> 56),
                 (entry & 1u << 11) != 0};
}

void IoApic::save(traces::ByteWriter& out) const {
  out.put(select_);
  out.put(id_);
  out.put(levels_);
  for (std::uint64_t entry : entries_) out.put(entry);
}

bool IoApic::restore(traces::ByteReader& in) {
  select_ = in.get<std::uint8_t>();
  id_ = in.get<std::uint8_t>();
  levels_ = in.get<std::uint32_t>();
  for (std::uint64_t& entry : entries_) entry = in.get<std::uint64_t>();
  return in.ok() && id_ <= 0xF && levels_ < 1u << kPins;
}

}  // namespace vsp
