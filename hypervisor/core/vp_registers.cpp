#include "hypervisor/core/vp_registers.hpp"

#include <algorithm>
#include <array>

#include "hypervisor/core/msrs.hpp"
#include "hypervisor/core/virtual_processor.hpp"

namespace hv {
namespace {

/// Synthetic registers are the synthetic MSRs under another name, privileges included.
struct Range {
  std::uint32_t first;
  std::uint32_t count;
  std::uint32_t msr;
};

constexpr std::array kRanges{Range{0x0009'0000, 1, msr::kVpRuntime},
                             Range{0x0009'0001, 1, msr::kHypercall},
                             Range{0x0009'0002, 1, msr::kGuestOsId},
                             Range{0x0009'0003, 1, msr::kVpIndex},
                             Range{0x0009'0004, 1, msr::kTimeRefCount},
                             Range{0x0009'0010, 1, msr::kEoi},
                             Range{0x0009'0011, 1, msr::kIcr},
                             Range{0x0009'0012, 1, msr::kTpr},
                             Range{0x0009'0013, 1, msr::kAssistPage},
                             Range{0x0009'0017, 1, msr::kReferenceTsc},
                             Range{0x000A'0000, kSints, msr::kSint0},
                             Range{0x000A'0010, 1, msr::kScontrol},
                             Range{0x000A'0011, 1, msr::kSversion},
                             Range{0x000A'0012, 1, msr::kSiefp},
                             Range{0x000A'0013, 1, msr::kSimp},
                             Range{0x000A'0014, 1, msr::kEom},
                             Range{0x000B'0000, 2 * kTimersPerVp, msr::kStimer0Config}};

std::optional<std::uint32_t> msr_of(std::uint32_t name) {
  for (const Range& range : kRanges) {
    if (name >= range.first && name - range.first < range.count) {
      return range.msr + (name - range.first);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> get_register(VirtualProcessor& vp, std::uint32_t name) {
  const auto msr = msr_of(name);
  return msr ? vp.read_msr(*msr) : std::nullopt;
}

bool set_register(VirtualProcessor& vp, std::uint32_t name, std::uint64_t value) {
  const auto msr = msr_of(name);
  return msr && vp.write_msr(*msr, value);
}

}  // namespace hv
