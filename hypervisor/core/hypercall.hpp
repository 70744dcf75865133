// The hypercall calling convention (TLFS 3.7, spec B.3), apart from what the calls do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hypervisor/core/ids.hpp"
#include "hypervisor/core/partition.hpp"
#include "hypervisor/core/status.hpp"
#include "sim/cpu/cpu.hpp"

namespace hv {

/// The 64-bit control word that a guest passes.
struct HypercallControl {
  std::uint16_t code = 0;
  bool fast = false;
  std::uint16_t variable_header = 0;  ///< in 8-byte units
  std::uint16_t rep_count = 0;
  std::uint16_t rep_start = 0;
  bool reserved_clear = true;

  static HypercallControl decode(std::uint64_t word);
};

/// Registers of either width as the convention names them: 64-bit RCX, RDX, R8 and RAX; 32-bit
/// EDX:EAX, EBX:ECX, EDI:ESI and EDX:EAX.
struct HypercallFrame {
  std::uint64_t control = 0;
  std::uint64_t input = 0;
  std::uint64_t output = 0;

  static HypercallFrame read(const sim::HypercallRegisters& registers);
  static std::uint64_t read_result(const sim::HypercallRegisters& registers);
  static void write_result(sim::HypercallRegisters& registers, std::uint64_t result);
  static void write_control(sim::HypercallRegisters& registers, std::uint64_t control);
};

constexpr std::uint64_t hypercall_result(Status status, std::uint16_t reps) {
  return static_cast<std::uint64_t>(status) | static_cast<std::uint64_t>(reps) << 32;
}

/// One call in the hands of its body.
struct HypercallInput {
  Partition& caller;
  VpIndex vp;
  std::uint16_t code;
  std::span<const std::byte> header;

  Hypervisor& hypervisor() const { return caller.hypervisor(); }

  std::uint64_t u64(std::size_t at) const;
  std::uint32_t u32(std::size_t at) const;
  std::uint16_t u16(std::size_t at) const;
};

/// What a call looks like, and what it does. Sizes in bytes.
struct HypercallInfo {
  std::uint16_t code = 0;
  bool rep = false;
  bool fast = false;            ///< may be made with parameters in registers
  std::uint32_t privilege = 0;  ///< hypercall privilege that the caller needs
  std::uint16_t header = 0;
  std::uint16_t element_in = 0;
  std::uint16_t element_out = 0;
  std::uint16_t output = 0;
  /// A simple call; `out` has `output` bytes.
  Status (*simple)(const HypercallInput& in, std::span<std::byte> out) = nullptr;
  /// One element of a rep call.
  Status (*element)(const HypercallInput& in, std::span<const std::byte> element,
                    std::span<std::byte> out) = nullptr;
};

/// Null for codes that there are not.
const HypercallInfo* find_hypercall(std::uint16_t code);

}  // namespace hv
