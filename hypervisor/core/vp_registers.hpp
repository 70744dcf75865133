// Registers of a VP by their TLFS names, for GetVpRegisters and SetVpRegisters (spec B.5).
#pragma once

#include <cstdint>
#include <optional>

namespace hv {

class VirtualProcessor;

/// nullopt when there is no such register, or it cannot be read.
std::optional<std::uint64_t> get_register(VirtualProcessor& vp, std::uint32_t name);
/// False when there is no such register, or it does not take the value.
bool set_register(VirtualProcessor& vp, std::uint32_t name, std::uint64_t value);

}  // namespace hv
