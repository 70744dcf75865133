#include "hypervisor/vsp/chipset/power_management.hpp"

namespace vsp {

namespace {

constexpr std::uint64_t kTimerHz = 3'579'545;
constexpr std::uint16_t kSciEnabled = 1;
constexpr std::uint16_t kSleepEnable = 1u << 13;
constexpr unsigned kSleepTypeShift = 10;

}  // namespace

std::uint32_t PowerManagement::read(std::uint16_t port, unsigned bytes,
                                    std::int64_t guest_ns) const {
  std::uint64_t block = 0;
  std::uint16_t base = kEventBlock;
  if (port >= kTimerBlock) {
    base = kTimerBlock;
    const auto ns = static_cast<unsigned __int128>(guest_ns < 0 ? 0 : guest_ns);
    block = static_cast<std::uint32_t>(ns * kTimerHz / 1'000'000'000);
  } else if (port >= kControlBlock) {
    base = kControlBlock;
    block = control_;
  } else {
    block = std::uint64_t{enable_} << 16;  // no event of the status half ever happens here
  }
  const std::uint64_t value = block >> (8 * (port - base));
  return static_cast<std::uint32_t>(bytes >= 4 ? value : value & ((1u << (8 * bytes)) - 1));
}

bool PowerManagement::write(std::uint16_t port, unsigned bytes, std::uint32_t value) {
  if (port >= kTimerBlock || bytes < 2) return false;
  if (port == kEventBlock && bytes == 4) value >>= 16;
  if (port == kEventBlock + 2 || (port == kEventBlock && bytes == 4)) {
    enable_ = static_cast<std::uint16_t>(value);
  }
  if (port != kControlBlock) return false;
  control_ = static_cast<std::uint16_t>((value & ~kSleepEnable) | kSciEnabled);
  return (value & kSleepEnable) != 0 && (value >> kSleepTypeShift & 7) == kSoftOff;
}

void PowerManagement::save(traces::ByteWriter& out) const {
  out.put(enable_);
  out.put(control_);
}

bool PowerManagement::restore(traces::ByteReader& in) {
  enable_ = in.get<std::uint16_t>();
  control_ = in.get<std::uint16_t>();
  return in.ok();
}

}  // namespace vsp
