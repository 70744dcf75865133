#include "scenarios/guests/loader.hpp"

#include <string>

#include "scenarios/guests/elf.hpp"

namespace guests {

namespace {

constexpr std::uint64_t kHighest = 1ull << 32;  // a 32-bit entry reaches no further

}  // namespace

sim::CpuRegisters entry_registers(std::uint32_t entry) {
  constexpr std::uint32_t kFlat = 0xFFFFFFFF;
  constexpr std::uint32_t kCode = 0x00C09B00;  // 4 KiB units, 32 bit, present, code, readable
  constexpr std::uint32_t kData = 0x00C09300;  // the same as writable data
  constexpr std::uint32_t kLdt = 0x00008200;
  constexpr std::uint32_t kBusyTss = 0x00008B00;
  constexpr std::uint64_t kProtectedMode = 0x11;  // CR0: PE, ET
  sim::CpuRegisters r;
  r.gpr[0] = GUEST_BOOT_EAX;
  r.gpr[3] = GUEST_BOOT_PAGE;
  r.rip = entry;
  r.rflags = 2;
  r.cr0 = kProtectedMode;
  r.cs = {0x08, 0, kFlat, kCode};
  for (sim::Segment* segment : {&r.es, &r.ss, &r.ds, &r.fs, &r.gs}) {
    *segment = {0x10, 0, kFlat, kData};
  }
  r.ldtr = {0, 0, 0xFFFF, kLdt};
  r.tr = {0, 0, 0xFFFF, kBusyTss};
  r.gdt_limit = r.idt_limit = 0xFFFF;
  return r;
}

Loaded load_guest(std::span<const std::byte> elf, guest_boot_info info, std::uint64_t ram_pages,
                  const WriteMemory& write) {
  ElfProgram program;
  std::uint64_t ram_end =
      ram_pages >= kHighest / sim::kPageSize ? kHighest : ram_pages * sim::kPageSize;
  if (std::string error = read_elf(elf, ram_end, program); !error.empty()) {
    return {std::nullopt, error};
  }
  info.magic = GUEST_BOOT_MAGIC;
  info.version = GUEST_BOOT_VERSION;
  info.size = sizeof info;
  info.ram_pages = ram_pages;
  bool written = write(sim::Gpa{GUEST_BOOT_PAGE}, std::as_bytes(std::span(&info, 1)));
  for (const ElfSegment& segment : program.segments) {
    if (!segment.bytes.empty())
      written = written && write(sim::Gpa{segment.physical}, segment.bytes);
  }
  if (!written) return {std::nullopt, "does not fit into the memory that the VM has mapped"};
  return {entry_registers(static_cast<std::uint32_t>(program.entry)), {}};
}

}  // namespace guests
