#include "scenarios/guests/elf.hpp"

#include <algorithm>
#include <array>

namespace guests {

namespace {

constexpr std::uint64_t kLowest = 0x100000;  // below lies the boot page and what PCs keep there

constexpr std::array kElfMagic = {std::byte{0x7F}, std::byte{'E'}, std::byte{'L'}, std::byte{'F'}};
constexpr std::uint8_t kClass32 = 1;
constexpr std::uint8_t kClass64 = 2;
constexpr std::uint8_t kLittleEndian = 1;
constexpr std::uint16_t kExecutable = 2;
constexpr std::uint16_t kMachine386 = 3;
constexpr std::uint16_t kMachineX86_64 = 62;
constexpr std::uint32_t kLoad = 1;
constexpr std::uint32_t kDynamic = 2;
constexpr std::uint32_t kInterpreter = 3;
constexpr std::uint32_t kExecute = 1;
constexpr std::uint16_t kMaxHeaders = 64;

/// Little-endian numbers at offsets; the caller has checked that they are inside.
class Fields {
 public:
  explicit Fields(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::uint64_t get(std::size_t offset, std::size_t size) const {
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) {
      value = value << 8 | std::to_integer<std::uint64_t>(bytes_[offset + i]);
    }
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
};

/// Where the fields that matter are in the two formats.
struct Format {
  std::size_t file_header, program_header;
  std::size_t word;  // bytes of an address
  std::size_t entry, table, table_entry_size, table_entries;
  std::size_t flags, file_offset, physical, file_size, memory_size;
};
constexpr Format kFormat32{52, 32, 4, 24, 28, 42, 44, 24, 4, 12, 16, 20};
constexpr Format kFormat64{64, 56, 8, 24, 32, 54, 56, 4, 8, 24, 32, 40};

/// Empty when the header is that of an x86 executable.
std::string check_identity(std::span<const std::byte> elf) {
  if (elf.size() < kFormat32.file_header || !is_elf(elf)) return "is not an ELF file";
  Fields f(elf);
  std::uint64_t file_class = f.get(4, 1);
  std::uint64_t machine = f.get(18, 2);
  if (file_class != kClass32 && file_class != kClass64) return "has an unknown ELF class";
  if (file_class == kClass64 && elf.size() < kFormat64.file_header) return "ends in its header";
  if (f.get(5, 1) != kLittleEndian) return "is big-endian";
  if (machine != kMachine386 && machine != kMachineX86_64) return "is not for an x86 processor";
  if (f.get(16, 2) != kExecutable) return "is not an executable linked to fixed addresses";
  return {};
}

std::string take_segment(std::span<const std::byte> elf, Fields header, const Format& format,
                         std::uint64_t ram_end, ElfProgram& program) {
  ElfSegment segment;
  std::uint64_t offset = header.get(format.file_offset, format.word);
  std::uint64_t file_size = header.get(format.file_size, format.word);
  segment.physical = header.get(format.physical, format.word);
  segment.memory_size = header.get(format.memory_size, format.word);
  segment.executable = (header.get(format.flags, 4) & kExecute) != 0;
  if (segment.memory_size == 0 && file_size == 0) return {};
  if (file_size > segment.memory_size) return "has a segment larger in the file than in memory";
  if (offset > elf.size() || file_size > elf.size() - offset) return "ends inside a segment";
  if (segment.physical < kLowest) return "has a segment below 1 MiB";
  if (segment.physical >= ram_end || segment.memory_size > ram_end - segment.physical) {
    return "needs more memory than the VM has";
  }
  for (const ElfSegment& other : program.segments) {
    if (segment.physical < other.end() && other.physical < segment.end()) {
      return "has segments that overlap";
    }
  }
  segment.bytes = elf.subspan(offset, file_size);
  program.segments.push_back(segment);
  return {};
}

}  // namespace

bool is_elf(std::span<const std::byte> file) {
  return file.size() >= kElfMagic.size() &&
         std::equal(kElfMagic.begin(), kElfMagic.end(), file.begin());
}

std::string read_elf(std::span<const std::byte> elf, std::uint64_t ram_end, ElfProgram& program) {
  if (std::string error = check_identity(elf); !error.empty()) return error;
  Fields f(elf);
  const Format& format = f.get(4, 1) == kClass64 ? kFormat64 : kFormat32;
  std::uint64_t table = f.get(format.table, format.word);
  std::uint64_t count = f.get(format.table_entries, 2);
  if (f.get(format.table_entry_size, 2) != format.program_header || count > kMaxHeaders) {
    return "has an impossible program header table";
  }
  std::uint64_t table_bytes = count * format.program_header;
  if (table > elf.size() || table_bytes > elf.size() - table) return "ends in its program headers";

  for (std::uint64_t i = 0; i < count; ++i) {
    Fields header(elf.subspan(table + i * format.program_header, format.program_header));
    std::uint64_t type = header.get(0, 4);
    if (type == kDynamic || type == kInterpreter) return "is linked dynamically";
    if (type != kLoad) continue;
    if (auto error = take_segment(elf, header, format, ram_end, program); !error.empty()) {
      return error;
    }
  }

  std::uint64_t entry = f.get(format.entry, format.word);
  bool inside =
      std::any_of(program.segments.begin(), program.segments.end(), [&](const ElfSegment& s) {
        return s.executable && entry >= s.physical && entry - s.physical < s.bytes.size();
      });
  if (!inside) return "starts outside its executable segments";
  program.entry = entry;
  program.wide = &format == &kFormat64;
  return {};
}

}  // namespace guests
