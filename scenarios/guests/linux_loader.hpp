// Starts a Linux kernel as a boot loader does: kernel, initial RAM disk, command line, the zero
// page and firmware's tables, by the 64-bit boot protocol (Linux: Documentation/x86/boot.rst).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "scenarios/guests/kernel_image.hpp"

namespace guests {

/// As check_kernel() and load_kernel(), of a bzImage or a vmlinux.
std::string check_linux(const KernelImage& image, std::uint64_t ram_pages);
Loaded load_linux(const KernelImage& image, std::uint64_t ram_pages, std::uint32_t processors,
                  const WriteMemory& write);

/// Whether a file says that it is a Linux kernel of boot protocol 2.12 or later.
bool is_bzimage(std::span<const std::byte> file);

}  // namespace guests
