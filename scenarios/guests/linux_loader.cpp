#include "scenarios/guests/linux_loader.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

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
constexpr std::uint16_t kOldestProtocol = 0x20C;
constexpr std::uint16_t kEntry64 = 1;
constexpr std::uint64_t kSector = 512;

// Where a boot loader keeps its things below 640 KiB.
constexpr std::uint64_t kGdtAt = 0x1000;
constexpr std::uint64_t kZeroPage = 0x2000;
constexpr std::uint64_t kTables = 0x8000;  // six pages
constexpr std::uint64_t kSeedAt = 0x1'0000;
constexpr std::uint64_t kCommandLineAt = 0x2'0000;
constexpr std::uint64_t kLowEnd = 0x9'F000;
constexpr std::uint64_t kHighMemory = 0x10'0000;
constexpr std::uint64_t kMostRam = 0xC000'0000;
constexpr std::uint64_t kStart64 = 0x200;  // of the entry, behind the load address

class Bytes {
 public:
  explicit Bytes(std::size_t size) : bytes_(size) {}
  void put(std::size_t at, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) bytes_[at + i] = static_cast<std::byte>(value >> 8 * i);
  }
  std::span<std::byte> all() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

std::uint64_t number(std::span<const std::byte> file, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) {
    value = value << 8 | std::to_integer<std::uint64_t>(file[at + i]);
  }
  return value;
}

/// Where everything goes.
struct Plan {
  std::span<const std::byte> kernel;  ///< the protected-mode part
  std::uint64_t load = 0;
  std::uint64_t initrd = 0;
};

std::uint64_t ram_bytes(std::uint64_t pages) {
  return pages > kMostRam ? ~std::uint64_t{0} : pages * sim::kPageSize;
}

std::string plan_memory(const LinuxImage& image, std::uint64_t ram, Plan& plan) {
  const auto file = image.kernel;
  if (!is_linux(file)) return "is not a Linux kernel (bzImage, boot protocol 2.12 or later)";
  if ((number(file, kLoadFlagsX, 2) & kEntry64) == 0) return "has no 64-bit entry";
  std::uint64_t sectors = number(file, kSetupSectors, 1);
  if (sectors == 0) sectors = 4;
  const std::uint64_t setup = (sectors + 1) * kSector;
  if (setup + kStart64 >= file.size()) return "ends in its set-up part";
  plan.kernel = file.subspan(setup);
  plan.load = number(file, kPreferred, 8);
  const std::uint64_t needed =
      std::max<std::uint64_t>(number(file, kInitBytes, 4), plan.kernel.size());
  if (plan.load < kHighMemory || plan.load % sim::kPageSize != 0) {
    return "wants to be loaded at an impossible address";
  }
  if (ram > kMostRam) return "cannot be started in a VM of more than 3 GiB";
  if (plan.load >= ram || needed > ram - plan.load) return "needs more memory than the VM has";
  if (image.command_line.size() > number(file, kCommandLineBytes, 4) ||
      image.command_line.size() >= kLowEnd - kCommandLineAt) {
    return "does not take so long a command line";
  }
  const std::uint64_t free = ram - plan.load - needed;
  if (image.initrd.size() > free) return "has no room for its initial RAM disk";
  plan.initrd = (ram - image.initrd.size()) / sim::kPageSize * sim::kPageSize;
  return plan.initrd < plan.load + needed ? "has no room for its initial RAM disk" : "";
}

void put_region(Bytes& page, unsigned index, std::uint64_t from, std::uint64_t to,
                std::uint32_t type) {
  constexpr std::size_t kBytes = 20;
  page.put(kMap + index * kBytes, from, 8);
  page.put(kMap + index * kBytes + 8, to - from, 8);
  page.put(kMap + index * kBytes + 16, type, 4);
}

Bytes zero_page(const LinuxImage& image, const Plan& plan, std::uint64_t ram) {
  constexpr std::uint32_t kUsable = 1, kReclaimable = 3;
  Bytes page(sim::kPageSize);
  const std::size_t end = std::min(kHeaderEnd, kMagic + number(image.kernel, kJump, 1));
  std::copy_n(image.kernel.begin() + kSetupHeader, end - kSetupHeader,
              page.all().begin() + kSetupHeader);
  page.put(kLoader, 0xFF, 1);
  page.put(kRamdisk, image.initrd.empty() ? 0 : plan.initrd, 4);
  page.put(kRamdiskBytes, image.initrd.size(), 4);
  page.put(kCommandLine, kCommandLineAt, 4);
  page.put(kSetupData, kSeedAt, 8);
  page.put(kRsdp, kAcpiBase, 8);
  put_region(page, 0, 0, kLowEnd, kUsable);
  put_region(page, 1, kAcpiBase, kAcpiEnd, kReclaimable);
  put_region(page, 2, kHighMemory, ram, kUsable);
  page.put(kMapEntries, 3, 1);
  return page;
}

/// The one entry of the list of set-up data. Without it the kernel waits for seconds until it has
/// gathered as much by itself; one older than 6.0 does not know it and passes it over.
Bytes seed_entry(const LinuxSeed& seed) {
  constexpr std::size_t kType = 8, kLength = 12, kData = 16;
  constexpr std::uint32_t kRngSeed = 9;
  Bytes entry(kData + seed.size());
  entry.put(kType, kRngSeed, 4);
  entry.put(kLength, seed.size(), 4);
  std::copy(seed.begin(), seed.end(), entry.all().begin() + kData);
  return entry;
}

/// 2 MiB pages that map the first 4 GiB to themselves.
Bytes identity_tables() {
  constexpr std::uint64_t kPresentWritable = 3, kLarge = 0x80;
  constexpr std::size_t kEntries = 512;
  Bytes tables(6 * sim::kPageSize);
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

sim::CpuRegisters entry_state(std::uint64_t load) {
  constexpr std::uint32_t kFlat = 0xFFFF'FFFF;
  constexpr std::uint64_t kPaging = 1ull << 31, kProtected = 0x33;  // PE, MP, ET, NE
  constexpr std::uint64_t kPae = 1u << 5, kLme = 1u << 8, kLma = 1u << 10;
  sim::CpuRegisters r;
  r.gpr[6] = kZeroPage;
  r.rip = load + kStart64;
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

bool is_linux(std::span<const std::byte> file) {
  return file.size() > kHeaderEnd && number(file, kBootFlag, 2) == 0xAA55 &&
         number(file, kMagic, 4) == kHdrS && number(file, kProtocol, 2) >= kOldestProtocol;
}

std::string check_linux(const LinuxImage& image, std::uint64_t ram_pages) {
  Plan plan;
  return plan_memory(image, ram_bytes(ram_pages), plan);
}

Loaded load_linux(const LinuxImage& image, std::uint64_t ram_pages, std::uint32_t processors,
                  const WriteMemory& write) {
  Plan plan;
  const std::uint64_t ram = ram_bytes(ram_pages);
  if (std::string error = plan_memory(image, ram, plan); !error.empty()) {
    return {std::nullopt, error};
  }
  Bytes gdt(32);
  gdt.put(0x10, kCode64, 8);
  gdt.put(0x18, kData, 8);
  std::vector<std::byte> line(image.command_line.size() + 1);
  std::memcpy(line.data(), image.command_line.data(), image.command_line.size());
  Bytes page = zero_page(image, plan, ram);
  Bytes seed = seed_entry(image.seed);
  Bytes tables = identity_tables();
  const bool written =
      write(sim::Gpa{kGdtAt}, gdt.all()) && write(sim::Gpa{kZeroPage}, page.all()) &&
      write(sim::Gpa{kTables}, tables.all()) && write(sim::Gpa{kSeedAt}, seed.all()) &&
      write(sim::Gpa{kCommandLineAt}, line) &&
      write(sim::Gpa{kAcpiBase}, acpi_tables(processors)) &&
      write(sim::Gpa{plan.load}, plan.kernel) &&
      (image.initrd.empty() || write(sim::Gpa{plan.initrd}, image.initrd));
  if (!written) return {std::nullopt, "does not fit into the memory that the VM has mapped"};
  return {entry_state(plan.load), {}};
}

}  // namespace guests
