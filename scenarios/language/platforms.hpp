// What a scenario calls a generation of hosts, and what such hosts allow (spec A19, G.2).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "hypervisor/core/generation.hpp"

namespace scenarios {

struct Platform {
  const char* name;
  hv::Generation generation;
  std::uint64_t host_gib, vm_gib;  ///< most memory
  bool live_migration;
};

/// From the oldest on.
std::span<const Platform> platforms();
/// Null for an unknown name.
const Platform* find_platform(std::string_view name);

}  // namespace scenarios
