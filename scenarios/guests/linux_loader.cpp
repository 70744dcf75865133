#include "scenarios/guests/linux_loader.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "scenarios/guests/boot_bytes.hpp"
#include "scenarios/guests/elf.hpp"
#include "scenarios/guests/firmware/acpi_tables.hpp"

namespace guests {

namespace {

// The set-up header, by offset in the file and in the zero page alike.
constexpr std::size_t kSetupHeader = 0x1F1;
constexpr std::size_t kSetupSectors = 0x1F1;
constexpr std::size_t kBootFlag = 0x1FE;
constexpr std::size_t kJump = 0x201;  // its byte says how far the header reaches
constexpr std::size_t kMagic = 0x202;
constexpr std::size_t kProtocol = 0x206;
constexpr std::size_t kLoader = 0x210;
constexpr std::size_t kLoadFlags = 0x211;
constexpr std::size_t kRamdisk = 0x218;
constexpr std::size_t kRamdiskBytes = 0x21C;
constexpr std::size_t kCommandLine = 0x228;
constexpr std::size_t kLoadFlagsX = 0x236;
constexpr std::size_t kCommandLineBytes = 0x238;
constexpr std::size_t kSetupData = 0x250;
constexpr std::size_t kPreferred = 0x258;
constexpr std::size_t kInitBytes = 0x260;
constexpr std::size_t kHeaderEnd = 0x268;
// The rest of the zero page.
constexpr std::size_t kRsdp = 0x70;
constexpr std::size_t kMapEntries = 0x1E8;
constexpr std::size_t kMap = 0x2D0;

constexpr std::uint32_t kHdrS = 0x53726448;
constexpr std::uint16_t kSignature = 0xAA55;
constexpr std::uint16_t kOldestProtocol = 0x20C;
constexpr std::uint16_t kEntry64 = 1;
constexpr std::uint64_t kSector = 512;

// Where a boot loader keeps its things below 640 KiB.
constexpr std::uint64_t kGdtAt = 0x1000;
constexpr std::uint64_t kZeroPage = 0x2000;
constexpr std::uint64_t kTables = 0x8000;  // six pages
constexpr std::uint64_t kSeedAt = 0x1'0000;
constexpr std::uint64_t kCommandLineAt = 0x2'0000;
constexpr std::uint64_t kStart64 = 0x200;  // of the entry, behind the load address

/// Where everything goes.
struct LinuxPlan {
  ElfProgram kernel;
  std::uint64_t longest_line = 0;
  std::uint64_t initrd = 0;
};

std::string plan_bzimage(std::span<const std::byte> file, std::uint64_t ram, LinuxPlan& plan) {
  if ((number_at(file, kLoadFlagsX, 2) & kEntry64) == 0) return "has no 64-bit entry";
  std::uint64_t sectors = number_at(file, kSetupSectors, 1);
  if (sectors == 0) sectors = 4;
  const std::uint64_t setup = (sectors + 1) * kSector;
  if (setup + kStart64 >= file.size()) return "ends in its set-up part";
  ElfSegment kernel;
  kernel.bytes = file.subspan(setup);
  kernel.physical = number_at(file, kPreferred, 8);
  kernel.memory_size = std::max<std::uint64_t>(number_at(file, kInitBytes, 4), kernel.bytes.size());
  if (kernel.physical < kHighMemory || kernel.physical % sim::kPageSize != 0) {
    return "wants to be loaded at an impossible address";
  }
  if (kernel.physical >= ram || kernel.memory_size > ram - kernel.physical) {
    return "needs more memory than the VM has";
  }
  plan.longest_line = number_at(file, kCommandLineBytes, 4);
  plan.kernel.entry = kernel.physical + kStart64;
  plan.kernel.segments.push_back(kernel);
  return {};
}

std::string plan_vmlinux(std::span<const std::byte> file, std::uint64_t ram, LinuxPlan& plan) {
  constexpr std::uint64_t kLongestLine = 2047;
  plan.longest_line = kLongestLine;
  if (std::string error = read_elf(file, ram, plan.kernel); !error.empty()) return error;
  return plan.kernel.wide ? "" : "is a 32-bit kernel, and only 64-bit ones are started";
}

std::string plan_linux(const KernelImage& image, std::uint64_t ram, LinuxPlan& plan) {
  if (ram > kMostRam) return "cannot be started in a VM of more than 3 GiB";
  if (std::string error = is_bzimage(image.kernel) ? plan_bzimage(image.kernel, ram, plan)
                                                   : plan_vmlinux(image.kernel, ram, plan);
      !error.empty()) {
    return error;
  }
  if (image.command_line.size() > plan.longest_line ||
      image.command_line.size() >= kLowMemoryEnd - kCommandLineAt) {
    return "does not take so long a command line";
  }
  std::uint64_t end = 0;
  for (const ElfSegment& segment : plan.kernel.segments) end = std::max(end, segment.end());
  constexpr const char* kNoRoom = "has no room for its initial RAM disk";
  if (image.initrd.size() > ram - end) return kNoRoom;
  plan.initrd = (ram - image.initrd.size()) / sim::kPageSize * sim::kPageSize;
  return plan.initrd < end ? kNoRoom : "";
}

/// The set-up header that the kernel's file has; a vmlinux has none, and what it reads of it is
/// little.
void put_header(const KernelImage& image, BootBytes& page) {
  constexpr std::uint16_t kNewestProtocol = 0x20F;
  if (is_bzimage(image.kernel)) {
    const std::size_t end = std::min(kHeaderEnd, kMagic + number_at(image.kernel, kJump, 1));
    std::copy_n(image.kernel.begin() + kSetupHeader, end - kSetupHeader,
                page.all().begin() + kSetupHeader);
    return;
  }
  constexpr std::uint8_t kLoadedHigh = 1;
  page.put(kBootFlag, kSignature, 2);
  page.put(kMagic, kHdrS, 4);
  page.put(kProtocol, kNewestProtocol, 2);
  page.put(kLoadFlags, kLoadedHigh, 1);
}

void put_region(BootBytes& page, unsigned index, std::uint64_t from, std::uint64_t to,
                std::uint32_t type) {
  constexpr std::size_t kBytes = 20;
  page.put(kMap + index * kBytes, from, 8);
  page.put(kMap + index * kBytes + 8, to - from, 8);
  page.put(kMap + index * kBytes + 16, type, 4);
}

BootBytes zero_page(const KernelImage& image, const LinuxPlan& plan, std::uint64_t ram) {
  constexpr std::uint32_t kUsable = 1, kReclaimable = 3;
  BootBytes page(sim::kPageSize);
  put_header(image, page);
  page.put(kLoader, 0xFF, 1);
  page.put(kRamdisk, image.initrd.empty() ? 0 : plan.initrd, 4);
  page.put(kRamdiskBytes, image.initrd.size(), 4);
  page.put(kCommandLine, kCommandLineAt, 4);
  page.put(kSetupData, kSeedAt, 8);
  page.put(kRsdp, kAcpiBase, 8);
  put_region(page, 0, 0, kLowMemoryEnd, kUsable);
  put_region(page, 1, kAcpiBase, kAcpiEnd, kReclaimable);
  put_region(page, 2, kHighMemory, ram, kUsable);
  page.put(kMapEntries, 3, 1);
  return page;
}

/// The one entry of the list of set-up data. Without it the kernel waits for seconds until it has
/// gathered as much by itself; one older than 6.0 does not know it and passes it over.
BootBytes seed_entry(const KernelSeed& seed) {
  constexpr std::size_t kType = 8, kLength = 12, kData = 16;
  constexpr std::uint32_t kRngSeed = 9;
  BootBytes entry(kData + seed.size());
  entry.put(kType, kRngSeed, 4);
  entry.put(kLength, seed.size(), 4);
  std::copy(seed.begin(), seed.end(), entry.all().begin() + kData);
  return entry;
}

/// 2 MiB pages that map the first 4 GiB to themselves.
BootBytes identity_tables() {
  constexpr std::uint64_t kPresentWritable = 3, kLarge = 0x80;
  constexpr std::size_t kEntries = 512;
  BootBytes tables(6 * sim::kPageSize);
  tables.put(0, (kTables + sim::kPageSize) | kPresentWritable, 8);
  for (std::size_t gib = 0; gib < 4; ++gib) {
    const std::uint64_t directory = kTables + (2 + gib) * sim::kPageSize;
    tables.put(sim::kPageSize + 8 * gib, directory | kPresentWritable, 8);
    for (std::size_t i = 0; i < kEntries; ++i) {
      const std::uint64_t address = (gib * kEntries + i) << 21;
      tables.put((2 + gib) * sim::kPageSize + 8 * i, address | kPresentWritable | kLarge, 8);
    }
  }
  return tables;
}

constexpr std::uint64_t kCode64 = 0x00AF'9B00'0000'FFFF;
constexpr std::uint64_t kData = 0x00CF'9300'0000'FFFF;

sim::CpuRegisters entry_state(std::uint64_t entry) {
  constexpr std::uint32_t kFlat = 0xFFFF'FFFF;
  constexpr std::uint64_t kPaging = 1ull << 31, kProtected = 0x33;  // PE, MP, ET, NE
  constexpr std::uint64_t kPae = 1u << 5, kLme = 1u << 8, kLma = 1u << 10;
  sim::CpuRegisters r;
  r.gpr[6] = kZeroPage;
  r.rip = entry;
  r.cr0 = kPaging | kProtected;
  r.cr3 = kTables;
  r.cr4 = kPae;
  r.efer = kLme | kLma;
  r.cs = {0x10, 0, kFlat, 0x00A09B00};
  for (sim::Segment* segment : {&r.es, &r.ss, &r.ds, &r.fs, &r.gs}) {
    *segment = {0x18, 0, kFlat, 0x00C09300};
  }
  r.ldtr = {0, 0, 0xFFFF, 0x8200};
  r.tr = {0, 0, 0xFFFF, 0x8B00};
  r.gdt_base = kGdtAt;
  r.gdt_limit = 31;
  return r;
}

}  // namespace

bool is_bzimage(std::span<const std::byte> file) {
  return file.size() > kHeaderEnd && number_at(file, kBootFlag, 2) == kSignature &&
         number_at(file, kMagic, 4) == kHdrS && number_at(file, kProtocol, 2) >= kOldestProtocol;
}

std::string check_linux(const KernelImage& image, std::uint64_t ram_pages) {
  LinuxPlan plan;
  return plan_linux(image, ram_bytes(ram_pages), plan);
}

Loaded load_linux(const KernelImage& image, std::uint64_t ram_pages, std::uint32_t processors,
                  const WriteMemory& write) {
  LinuxPlan plan;
  const std::uint64_t ram = ram_bytes(ram_pages);
  if (std::string error = plan_linux(image, ram, plan); !error.empty()) {
    return {std::nullopt, error};
  }
  BootBytes gdt(32);
  gdt.put(0x10, kCode64, 8);
  gdt.put(0x18, kData, 8);
  std::vector<std::byte> line(image.command_line.size() + 1);
  const auto words = std::as_bytes(std::span(image.command_line));
  std::copy(words.begin(), words.end(), line.begin());
  BootBytes page = zero_page(image, plan, ram);
  BootBytes seed = seed_entry(image.seed);
  BootBytes tables = identity_tables();
  bool written = write(sim::Gpa{kGdtAt}, gdt.all()) && write(sim::Gpa{kZeroPage}, page.all()) &&
                 write(sim::Gpa{kTables}, tables.all()) && write(sim::Gpa{kSeedAt}, seed.all()) &&
                 write(sim::Gpa{kCommandLineAt}, line) &&
                 write(sim::Gpa{kAcpiBase}, acpi_tables(processors)) &&
                 (image.initrd.empty() || write(sim::Gpa{plan.initrd}, image.initrd));
  for (const ElfSegment& segment : plan.kernel.segments) {
    if (segment.bytes.empty()) continue;
    written = written && write(sim::Gpa{segment.physical}, segment.bytes);
  }
  if (!written) return {std::nullopt, "does not fit into the memory that the VM has mapped"};
  return {entry_state(plan.kernel.entry), {}};
}

}  // namespace guests
