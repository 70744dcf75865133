// What CPUID tells a guest: a plain x86-64 processor that is the same on every host, and the
// hypervisor leaves (spec B.1).
#pragma once

#include <cstdint>

#include "hypervisor/core/ids.hpp"
#include "hypervisor/core/partition.hpp"
#include "sim/cpu/cpu.hpp"

namespace hv {

struct CpuidContext {
  const PartitionConfig& config;
  VpIndex vp;
  bool guest_identified = false;  ///< GUEST_OS_ID is not zero
};

sim::CpuidResult guest_cpuid(const CpuidContext& context, std::uint32_t leaf,
                             std::uint32_t subleaf);

}  // namespace hv
