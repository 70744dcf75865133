#include "scenarios/guests/firmware/acpi_tables.hpp"

#include <algorithm>
#include <string_view>

#include "scenarios/guests/embedded.hpp"
#include "traces/assert.hpp"

namespace guests {

namespace {

constexpr std::size_t kHeader = 36;
constexpr std::size_t kAlignment = 64;
constexpr std::uint64_t kLocalApic = 0xFEE0'0000, kIoApic = 0xFEC0'0000;
constexpr std::uint16_t kPowerInterrupt = 9;
constexpr std::uint32_t kEventBlock = 0x400, kControlBlock = 0x404, kTimerBlock = 0x408;

/// One table, built front to back; numbers are little-endian.
class Table {
 public:
  explicit Table(std::size_t bytes) : bytes_(bytes) {}

  void number(std::size_t at, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) bytes_[at + i] = static_cast<std::byte>(value >> 8 * i);
  }
  void text(std::size_t at, std::string_view value) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      bytes_[at + i] = static_cast<std::byte>(value[i]);
    }
  }
  /// A generic address of I/O space.
  void port(std::size_t at, std::uint32_t address, std::uint8_t bytes) {
    number(at, 1, 1);
    number(at + 1, bytes * 8u, 1);
    number(at + 3, bytes == 4 ? 3 : 2, 1);
    number(at + 4, address, 8);
  }
  void header(std::string_view signature, std::uint8_t revision) {
    text(0, signature);
    number(4, bytes_.size(), 4);
    number(8, revision, 1);
    text(10, "HVSIM ");
    text(16, "BOARD   ");
    number(24, 1, 4);
    text(28, "HVSM");
    number(32, 1, 4);
  }
  /// Makes the bytes of [0, size) add up to zero.
  void check(std::size_t at, std::size_t size) {
    number(at, 0, 1);
    unsigned sum = 0;
    for (std::size_t i = 0; i < size; ++i) sum += std::to_integer<unsigned>(bytes_[i]);
    number(at, 0x100 - (sum & 0xFF), 1);
  }
  std::vector<std::byte> finish() {
    check(9, bytes_.size());
    return std::move(bytes_);
  }
  std::vector<std::byte>& bytes() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

std::vector<std::byte> xsdt(std::uint64_t fadt, std::uint64_t madt) {
  Table table(kHeader + 16);
  table.header("XSDT", 1);
  table.number(kHeader, fadt, 8);
  table.number(kHeader + 8, madt, 8);
  return table.finish();
}

std::vector<std::byte> facs() {
  Table table(64);
  table.text(0, "FACS");
  table.number(4, 64, 4);
  table.number(32, 2, 1);
  return std::move(table.bytes());
}

/// No legacy devices, no VGA, no CMOS clock: a kernel needs no driver for any of them.
std::vector<std::byte> fadt(std::uint64_t facs, std::uint64_t dsdt) {
  constexpr std::uint32_t kBootNoVga = 1u << 2, kBootNoCmos = 1u << 5;
  constexpr std::uint32_t kWbinvd = 1u << 0, kC1 = 1u << 2, kNoPowerButton = 1u << 4;
  constexpr std::uint32_t kNoSleepButton = 1u << 5, kNoFixedRtc = 1u << 6, kTimer32 = 1u << 8;
  Table table(268);
  table.header("FACP", 5);
  table.number(36, facs, 4);
  table.number(40, dsdt, 4);
  table.number(45, 4, 1);  // enterprise server
  table.number(46, kPowerInterrupt, 2);
  table.number(56, kEventBlock, 4);
  table.number(64, kControlBlock, 4);
  table.number(76, kTimerBlock, 4);
  table.number(88, 4, 1);
  table.number(89, 2, 1);
  table.number(91, 4, 1);
  table.number(96, 0xFFFF, 2);  // no C2
  table.number(98, 0xFFFF, 2);  // no C3
  table.number(109, kBootNoVga | kBootNoCmos, 2);
  table.number(112, kWbinvd | kC1 | kNoPowerButton | kNoSleepButton | kNoFixedRtc | kTimer32, 4);
  table.number(132, facs, 8);
  table.number(140, dsdt, 8);
  table.port(148, kEventBlock, 4);
  table.port(172, kControlBlock, 2);
  table.port(208, kTimerBlock, 4);
  return table.finish();
}

std::vector<std::byte> madt(std::uint32_t processors) {
  constexpr std::size_t kApicEntry = 8, kIoEntry = 12, kOverride = 10;
  Table table(kHeader + 8 + processors * kApicEntry + kIoEntry + kOverride);
  table.header("APIC", 3);
  table.number(kHeader, kLocalApic, 4);
  std::size_t at = kHeader + 8;
  for (std::uint32_t id = 0; id < processors; ++id, at += kApicEntry) {
    table.number(at + 1, kApicEntry, 1);
    table.number(at + 2, id, 1);
    table.number(at + 3, id, 1);
    table.number(at + 4, 1, 4);
  }
  table.number(at, 1, 1);
  table.number(at + 1, kIoEntry, 1);
  table.number(at + 4, kIoApic, 4);
  at += kIoEntry;
  table.number(at, 2, 1);  // the power interrupt is a level, active high
  table.number(at + 1, kOverride, 1);
  table.number(at + 3, kPowerInterrupt, 1);
  table.number(at + 4, kPowerInterrupt, 4);
  table.number(at + 8, 0xD, 2);
  return table.finish();
}

std::vector<std::byte> rsdp(std::uint64_t xsdt) {
  Table table(36);
  table.text(0, "RSD PTR ");
  table.text(9, "HVSIM ");
  table.number(15, 2, 1);
  table.number(20, 36, 4);
  table.number(24, xsdt, 8);
  table.check(8, 20);
  table.check(32, 36);
  return std::move(table.bytes());
}

std::span<const std::byte> dsdt() {
  for (const detail::Embedded& entry : detail::embedded()) {
    if (entry.name == "dsdt") return std::as_bytes(std::span(entry.bytes, entry.size));
  }
  HVSIM_ASSERT(false, "the build embeds dsdt.aml");
  return {};
}

}  // namespace

std::vector<std::byte> acpi_tables(std::uint32_t processors) {
  std::vector<std::byte> all(kAlignment);  // room for the RSDP
  const auto add = [&all](std::span<const std::byte> table) {
    const std::uint64_t address = kAcpiBase + all.size();
    all.insert(all.end(), table.begin(), table.end());
    all.resize((all.size() + kAlignment - 1) / kAlignment * kAlignment);
    return address;
  };
  const std::uint64_t dsdt_at = add(dsdt());
  const std::uint64_t facs_at = add(facs());
  const std::uint64_t fadt_at = add(fadt(facs_at, dsdt_at));
  const std::uint64_t madt_at = add(madt(processors));
  const std::uint64_t xsdt_at = add(xsdt(fadt_at, madt_at));
  const auto first = rsdp(xsdt_at);
  std::copy(first.begin(), first.end(), all.begin());
  HVSIM_ASSERT(kAcpiBase + all.size() <= kAcpiEnd, "the tables fit where they are put");
  return all;
}

}  // namespace guests
