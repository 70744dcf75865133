// Starts a Linux kernel as a boot loader does: bzImage, initial RAM disk, command line, the zero
// page and firmware's tables, by the 64-bit boot protocol (Linux: Documentation/x86/boot.rst).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "scenarios/guests/loader.hpp"

namespace guests {

/// What fills the kernel's pool of random numbers at once, as firmware does.
using LinuxSeed = std::array<std::byte, 32>;

struct LinuxImage {
  std::span<const std::byte> kernel;
  std::span<const std::byte> initrd;
  std::string_view command_line;
  LinuxSeed seed{};
};

/// Checked completely before the first byte is written; all of it is untrusted. Guest memory is
/// taken to start at 0 and to end below 3 GiB.
Loaded load_linux(const LinuxImage& image, std::uint64_t ram_pages, std::uint32_t processors,
                  const WriteMemory& write);

/// Why it cannot be started in a VM of so much memory, as the end of a sentence; empty when it can.
std::string check_linux(const LinuxImage& image, std::uint64_t ram_pages);

/// Whether a file says that it is a Linux kernel of boot protocol 2.12 or later.
bool is_linux(std::span<const std::byte> file);

}  // namespace guests
