// The ACPI tables that firmware leaves in memory (ACPI 5.0, chapter 5): RSDP, XSDT, FADT, FACS,
// MADT, and the DSDT that the build compiles from dsdt.asl.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace guests {

/// Where the tables are put: below 1 MiB, where PC firmware keeps its own. The RSDP comes first.
inline constexpr std::uint64_t kAcpiBase = 0xE'0000;
inline constexpr std::uint64_t kAcpiEnd = 0x10'0000;

/// All tables with their addresses and checksums, to be written at kAcpiBase.
std::vector<std::byte> acpi_tables(std::uint32_t processors);

}  // namespace guests
