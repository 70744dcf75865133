// Executable ELF files for x86 as loaders see them: segments with their physical addresses, and
// where the program begins. A file is untrusted and is checked completely.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace guests {

struct ElfSegment {
  std::uint64_t physical = 0;
  std::uint64_t memory_size = 0;  ///< at least the size of `bytes`; zeros behind them
  bool executable = false;
  std::span<const std::byte> bytes;  ///< in the file
  std::uint64_t end() const { return physical + memory_size; }
};

struct ElfProgram {
  std::uint64_t entry = 0;           ///< within the file's bytes of an executable segment
  bool wide = false;                 ///< an ELF64 file
  std::vector<ElfSegment> segments;  ///< none overlaps another
};

/// Takes a file, 32 or 64 bit, linked to fixed addresses, all of whose segments lie in
/// [1 MiB, ram_end). Why not, as the end of a sentence; empty when `program` holds it.
std::string read_elf(std::span<const std::byte> elf, std::uint64_t ram_end, ElfProgram& program);

/// Whether a file says that it is ELF.
bool is_elf(std::span<const std::byte> file);

}  // namespace guests
