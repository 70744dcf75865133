#include "scenarios/guests/multiboot.hpp"

#include <algorithm>
#include <optional>

#include "scenarios/guests/boot_bytes.hpp"
#include "scenarios/guests/elf.hpp"
#include "scenarios/guests/firmware/acpi_tables.hpp"

namespace guests {

namespace {

// The header, in the kernel's file.
constexpr std::uint32_t kHeaderMagic = 0x1BADB002;
constexpr std::size_t kHeaderWithin = 8192;
constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kAddressesEnd = 32;
constexpr std::uint32_t kWantsVideo = 1u << 2;
constexpr std::uint32_t kKnownDemands = 7;  // modules on pages, sizes of memory, a video mode
constexpr std::uint32_t kDemands = 0xFFFF;
constexpr std::uint32_t kHasAddresses = 1u << 16;

// What the kernel is told lies in one block below 640 KiB, in this order.
constexpr std::uint64_t kInfoAt = 0x1'0000;
constexpr std::size_t kInfoBytes = 88;
constexpr std::size_t kMapAt = 96;
constexpr std::size_t kRegions = 3;
constexpr std::size_t kRegionBytes = 24;
constexpr std::size_t kModuleAt = kMapAt + kRegions * kRegionBytes;
constexpr std::size_t kModuleBytes = 16;
constexpr std::size_t kTextsAt = kModuleAt + kModuleBytes;
constexpr std::size_t kLongestText = 4096;
constexpr std::string_view kLoaderName = "hvsim";

struct MultibootHeader {
  std::size_t at = 0;
  std::uint32_t flags = 0;
};

std::optional<MultibootHeader> find_header(std::span<const std::byte> file) {
  const std::size_t end = std::min(file.size(), kHeaderWithin);
  for (std::size_t at = 0; at + kHeaderBytes <= end; at += 4) {
    if (number_at(file, at, 4) != kHeaderMagic) continue;
    const auto flags = static_cast<std::uint32_t>(number_at(file, at + 4, 4));
    const auto check = static_cast<std::uint32_t>(number_at(file, at + 8, 4));
    if (kHeaderMagic + flags + check == 0) return MultibootHeader{at, flags};
  }
  return std::nullopt;
}

/// A flat file that says in its header where it belongs.
std::string read_flat(std::span<const std::byte> file, const MultibootHeader& header,
                      std::uint64_t ram, ElfProgram& program) {
  if (file.size() - header.at < kAddressesEnd) return "ends in its multiboot header";
  const auto field = [&](std::size_t at) { return number_at(file, header.at + at, 4); };
  const std::uint64_t header_at = field(12), load = field(16), load_end = field(20),
                      bss_end = field(24), entry = field(28);
  if (load > header_at || header_at - load > header.at) {
    return "has a multiboot header that lies in front of what it loads";
  }
  const std::uint64_t offset = header.at - (header_at - load);
  const std::uint64_t bytes = load_end == 0 ? file.size() - offset : load_end - load;
  if (load_end != 0 && load_end < load) return "is loaded to an end before its beginning";
  if (bytes > file.size() - offset) return "ends inside what its multiboot header has loaded";
  const std::uint64_t memory = bss_end == 0 ? bytes : bss_end - load;
  if (bss_end != 0 && bss_end < load + bytes) return "clears memory that it is loaded to";
  if (load < kHighMemory) return "wants to be loaded below 1 MiB";
  if (load >= ram || memory > ram - load) return "needs more memory than the VM has";
  if (entry < load || entry - load >= bytes) return "starts outside what it loads";
  program.entry = entry;
  program.segments.push_back({load, memory, true, file.subspan(offset, bytes)});
  return {};
}

struct MultibootPlan {
  ElfProgram program;
  std::uint64_t module = 0;
};

std::string plan_multiboot(const KernelImage& image, std::uint64_t ram, MultibootPlan& plan) {
  const auto header = find_header(image.kernel);
  if (!header) return "has no multiboot header";
  if ((header->flags & kDemands & ~kKnownDemands) != 0) {
    return "demands what multiboot does not know";
  }
  if ((header->flags & kWantsVideo) != 0) return "demands a display, and the VM has none";
  if (ram > kMostRam) return "cannot be started in a VM of more than 3 GiB";
  const bool flat = (header->flags & kHasAddresses) != 0;
  if (std::string error = flat ? read_flat(image.kernel, *header, ram, plan.program)
                               : read_elf(image.kernel, ram, plan.program);
      !error.empty()) {
    return error;
  }
  if (image.name.size() + image.command_line.size() + 1 >= kLongestText ||
      image.initrd_name.size() >= kLongestText) {
    return "does not take so long a command line";
  }
  std::uint64_t end = kHighMemory;
  for (const ElfSegment& segment : plan.program.segments) end = std::max(end, segment.end());
  plan.module = (end + sim::kPageSize - 1) / sim::kPageSize * sim::kPageSize;
  if (!image.initrd.empty() && (plan.module > ram || image.initrd.size() > ram - plan.module)) {
    return "has no room for its module";
  }
  return {};
}

/// Texts behind the structures, each with a zero behind it.
class InfoBlock {
 public:
  InfoBlock() : bytes_(kTextsAt + 3 * kLongestText) {}
  void put(std::size_t at, std::uint64_t value) { bytes_.put(at, value, 4); }
  void put_region(std::size_t index, std::uint64_t from, std::uint64_t to, std::uint32_t type) {
    const std::size_t at = kMapAt + index * kRegionBytes;
    bytes_.put(at, kRegionBytes - 4, 4);  // of what follows
    bytes_.put(at + 4, from, 8);
    bytes_.put(at + 12, to - from, 8);
    bytes_.put(at + 20, type, 4);
  }
  /// Where the guest finds it.
  std::uint64_t put_text(std::string_view text) {
    const std::uint64_t address = kInfoAt + end_;
    for (const char c : text) bytes_.put(end_++, static_cast<std::uint8_t>(c), 1);
    ++end_;
    return address;
  }
  std::span<std::byte> all() { return bytes_.all().first(end_); }

 private:
  BootBytes bytes_;
  std::size_t end_ = kTextsAt;
};

InfoBlock information(const KernelImage& image, const MultibootPlan& plan, std::uint64_t ram) {
  constexpr std::uint32_t kSizes = 1, kHasLine = 4, kHasModules = 8, kMemoryMap = 64, kNamed = 512;
  constexpr std::uint32_t kUsable = 1, kReclaimable = 3;
  InfoBlock info;
  info.put(0, kSizes | kHasLine | kHasModules | kMemoryMap | kNamed);
  info.put(4, kLowMemoryEnd / 1024);
  info.put(8, (ram - kHighMemory) / 1024);
  // The first word is the kernel's name, as other loaders have it.
  std::string line(image.name);
  line += line.empty() || image.command_line.empty() ? "" : " ";
  line += image.command_line;
  info.put(16, info.put_text(line));
  if (!image.initrd.empty()) {
    info.put(20, 1);
    info.put(24, kInfoAt + kModuleAt);
    info.put(kModuleAt, plan.module);
    info.put(kModuleAt + 4, plan.module + image.initrd.size());
    info.put(kModuleAt + 8, info.put_text(image.initrd_name));
  }
  info.put(44, kRegions * kRegionBytes);
  info.put(48, kInfoAt + kMapAt);
  info.put_region(0, 0, kLowMemoryEnd, kUsable);
  info.put_region(1, kAcpiBase, kAcpiEnd, kReclaimable);
  info.put_region(2, kHighMemory, ram, kUsable);
  info.put(64, info.put_text(kLoaderName));
  return info;
}
static_assert(kMapAt >= kInfoBytes);

}  // namespace

bool is_multiboot(std::span<const std::byte> file) { return find_header(file).has_value(); }

std::string check_multiboot(const KernelImage& image, std::uint64_t ram_pages) {
  MultibootPlan plan;
  return plan_multiboot(image, ram_bytes(ram_pages), plan);
}

Loaded load_multiboot(const KernelImage& image, std::uint64_t ram_pages, std::uint32_t processors,
                      const WriteMemory& write) {
  MultibootPlan plan;
  const std::uint64_t ram = ram_bytes(ram_pages);
  if (std::string error = plan_multiboot(image, ram, plan); !error.empty()) {
    return {std::nullopt, error};
  }
  InfoBlock info = information(image, plan, ram);
  bool written =
      write(sim::Gpa{kInfoAt}, info.all()) && write(sim::Gpa{kAcpiBase}, acpi_tables(processors));
  for (const ElfSegment& segment : plan.program.segments) {
    if (segment.bytes.empty()) continue;
    written = written && write(sim::Gpa{segment.physical}, segment.bytes);
  }
  if (!image.initrd.empty()) written = written && write(sim::Gpa{plan.module}, image.initrd);
  if (!written) return {std::nullopt, "does not fit into the memory that the VM has mapped"};
  sim::CpuRegisters r = entry_registers(static_cast<std::uint32_t>(plan.program.entry));
  r.gpr[0] = kMultibootEntered;
  r.gpr[3] = kInfoAt;
  return {r, {}};
}

}  // namespace guests
