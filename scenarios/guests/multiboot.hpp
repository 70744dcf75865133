// Starts a kernel that has a header of Multiboot 1: its segments, one module, a command line, a map
// of memory, and a processor in 32-bit protected mode (Multiboot Specification 0.6.96).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "scenarios/guests/kernel_image.hpp"

namespace guests {

/// In EAX at the entry; EBX points to the information for the kernel.
inline constexpr std::uint32_t kMultibootEntered = 0x2BADB002;

/// A header whose checksum is right, in the first 8 KiB.
bool is_multiboot(std::span<const std::byte> file);

/// As check_kernel() and load_kernel().
std::string check_multiboot(const KernelImage& image, std::uint64_t ram_pages);
Loaded load_multiboot(const KernelImage& image, std::uint64_t ram_pages, std::uint32_t processors,
                      const WriteMemory& write);

}  // namespace guests
