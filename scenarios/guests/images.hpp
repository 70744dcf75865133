// The real guests that are built with the project: real x86-64 programs, as ELF files in memory.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "scenarios/guests/boot_info.h"

namespace guests {

struct ImageInfo {
  std::string_view name;
  std::string_view summary;     ///< one line, for lists
  std::uint64_t ram_pages;      ///< what it wants by default; less may be too little for it
  std::string_view parameters;  ///< fields of guest_boot_info that it heeds, separated by blanks
};

/// In the order of their names.
std::span<const ImageInfo> images();
/// nullptr when there is no guest of this name.
const ImageInfo* find_image(std::string_view name);
/// The ELF file. Empty when there is no guest of this name.
std::span<const std::byte> image(std::string_view name);

}  // namespace guests
