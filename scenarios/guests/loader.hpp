// Puts a guest program into an empty machine: the segments of an ELF file, a page of boot
// information, and the registers of a processor in flat 32-bit protected mode.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "scenarios/guests/boot_info.h"
#include "sim/cpu/cpu.hpp"
#include "sim/memory/address.hpp"

namespace guests {

/// Stores bytes at a guest physical address. False when that is no RAM: then loading fails.
using WriteMemory = std::function<bool(sim::Gpa gpa, std::span<const std::byte> bytes)>;

struct Loaded {
  /// What VP 0 starts with; nullopt when the file cannot be loaded.
  std::optional<sim::CpuRegisters> registers;
  /// Why not, as the end of a sentence "this guest image ...". Empty when it can.
  std::string error;
};

/// Loads an executable ELF file, 32 or 64 bit, for x86. The file is untrusted: it is checked
/// completely before the first byte is written. Segments go to their physical addresses, which must
/// lie in [1 MiB, ram_pages) and below 4 GiB. Memory is taken to be zero where nothing is written.
///
/// `info` is the parameters; magic, version, size and ram_pages are filled in here.
Loaded load_guest(std::span<const std::byte> elf, guest_boot_info info, std::uint64_t ram_pages,
                  const WriteMemory& write);

/// Registers at entry: flat segments, paging and interrupts off (boot_info.h).
sim::CpuRegisters entry_registers(std::uint32_t entry);

}  // namespace guests
