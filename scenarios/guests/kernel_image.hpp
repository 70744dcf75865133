// What a boot loader starts: a kernel's file, its initial RAM disk or module, its command line. The
// file says itself which protocol it wants: Linux's, or multiboot.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "scenarios/guests/loader.hpp"

namespace guests {

/// What fills a Linux kernel's pool of random numbers at once, as firmware does.
using KernelSeed = std::array<std::byte, 32>;

struct KernelImage {
  std::span<const std::byte> kernel;
  std::span<const std::byte> initrd;  ///< empty: none
  std::string_view command_line;
  KernelSeed seed{};
  std::string_view name;         ///< the kernel's file, as who starts it says
  std::string_view initrd_name;  ///< the same
};

enum class KernelKind : std::uint8_t {
  Unknown,
  BzImage,    ///< Linux as distributions have it, of boot protocol 2.12 or later
  Vmlinux,    ///< Linux as it comes out of its build: ELF64, entered in 64-bit mode
  Multiboot,  ///< a header of Multiboot 1 in its first 8 KiB; entered in 32-bit protected mode
};

KernelKind kernel_kind(std::span<const std::byte> file);

/// Checked completely before the first byte is written; all of it is untrusted. Guest memory is
/// taken to start at 0, to be zero, and to end below 3 GiB.
Loaded load_kernel(const KernelImage& image, std::uint64_t ram_pages, std::uint32_t processors,
                   const WriteMemory& write);

/// Why it cannot be started in a VM of so much memory, as the end of a sentence; empty when it can.
std::string check_kernel(const KernelImage& image, std::uint64_t ram_pages);

}  // namespace guests
