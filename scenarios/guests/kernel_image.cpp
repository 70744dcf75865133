#include "scenarios/guests/kernel_image.hpp"

#include <string>

#include "scenarios/guests/elf.hpp"
#include "scenarios/guests/linux_loader.hpp"
#include "scenarios/guests/multiboot.hpp"

namespace guests {

namespace {

constexpr const char* kNoKernel =
    "is not a Linux kernel (bzImage of boot protocol 2.12 or later, or vmlinux) and has no "
    "multiboot header";

}  // namespace

KernelKind kernel_kind(std::span<const std::byte> file) {
  if (is_bzimage(file)) return KernelKind::BzImage;
  if (is_multiboot(file)) return KernelKind::Multiboot;
  return is_elf(file) ? KernelKind::Vmlinux : KernelKind::Unknown;
}

std::string check_kernel(const KernelImage& image, std::uint64_t ram_pages) {
  switch (kernel_kind(image.kernel)) {
    case KernelKind::BzImage:
    case KernelKind::Vmlinux:
      return check_linux(image, ram_pages);
    case KernelKind::Multiboot:
      return check_multiboot(image, ram_pages);
    case KernelKind::Unknown:
      break;
  }
  return kNoKernel;
}

Loaded load_kernel(const KernelImage& image, std::uint64_t ram_pages, std::uint32_t processors,
                   const WriteMemory& write) {
  switch (kernel_kind(image.kernel)) {
    case KernelKind::BzImage:
    case KernelKind::Vmlinux:
      return load_linux(image, ram_pages, processors, write);
    case KernelKind::Multiboot:
      return load_multiboot(image, ram_pages, processors, write);
    case KernelKind::Unknown:
      break;
  }
  return {std::nullopt, kNoKernel};
}

}  // namespace guests
