// Numbers and bits of the synthetic MSRs (spec B.2) and of the local APIC's MSR interface.
#pragma once

#include <cstdint>

namespace hv::msr {

inline constexpr std::uint32_t kGuestOsId = 0x4000'0000;
inline constexpr std::uint32_t kHypercall = 0x4000'0001;
inline constexpr std::uint32_t kVpIndex = 0x4000'0002;
inline constexpr std::uint32_t kReset = 0x4000'0003;
inline constexpr std::uint32_t kVpRuntime = 0x4000'0010;
inline constexpr std::uint32_t kTimeRefCount = 0x4000'0020;
inline constexpr std::uint32_t kReferenceTsc = 0x4000'0021;
inline constexpr std::uint32_t kTscFrequency = 0x4000'0022;
inline constexpr std::uint32_t kApicFrequency = 0x4000'0023;
inline constexpr std::uint32_t kEoi = 0x4000'0070;
inline constexpr std::uint32_t kIcr = 0x4000'0071;
inline constexpr std::uint32_t kTpr = 0x4000'0072;
inline constexpr std::uint32_t kAssistPage = 0x4000'0073;
inline constexpr std::uint32_t kScontrol = 0x4000'0080;
inline constexpr std::uint32_t kSversion = 0x4000'0081;
inline constexpr std::uint32_t kSiefp = 0x4000'0082;
inline constexpr std::uint32_t kSimp = 0x4000'0083;
inline constexpr std::uint32_t kEom = 0x4000'0084;
inline constexpr std::uint32_t kSint0 = 0x4000'0090;
inline constexpr std::uint32_t kStimer0Config = 0x4000'00B0;
inline constexpr std::uint32_t kStimer0Count = 0x4000'00B1;

inline constexpr std::uint32_t kLastSynthetic = 0x4000'01FF;

inline constexpr std::uint32_t kTsc = 0x10;
inline constexpr std::uint32_t kApicBase = 0x1B;
inline constexpr std::uint32_t kMicrocodeRevision = 0x8B;
inline constexpr std::uint32_t kMiscEnable = 0x1A0;
inline constexpr std::uint32_t kX2Apic = 0x800;
inline constexpr std::uint32_t kX2ApicEnd = 0x840;

/// Bit 0 of every page MSR, 63:12 the page.
inline constexpr std::uint64_t kPageEnable = 1;
inline constexpr std::uint64_t kHypercallLocked = 2;

}  // namespace hv::msr

namespace hv::privilege {

/// CPUID 0x40000003 EAX: what MSRs a partition may use (spec B.1).
inline constexpr std::uint32_t kVpRuntime = 1u << 0;
inline constexpr std::uint32_t kTimeRefCount = 1u << 1;
inline constexpr std::uint32_t kSynic = 1u << 2;
inline constexpr std::uint32_t kSyntheticTimers = 1u << 3;
inline constexpr std::uint32_t kApicMsrs = 1u << 4;
inline constexpr std::uint32_t kHypercallMsrs = 1u << 5;
inline constexpr std::uint32_t kVpIndex = 1u << 6;
inline constexpr std::uint32_t kReset = 1u << 7;
inline constexpr std::uint32_t kReferenceTsc = 1u << 9;
inline constexpr std::uint32_t kFrequencyMsrs = 1u << 11;
/// What this hypervisor can serve; other bits of a configuration are not shown to the guest.
inline constexpr std::uint32_t kServedMsrs = kVpRuntime | kTimeRefCount | kSynic |
                                             kSyntheticTimers | kApicMsrs | kHypercallMsrs |
                                             kVpIndex | kReset | kReferenceTsc | kFrequencyMsrs;

/// CPUID 0x40000003 EBX: what hypercalls it may make.
inline constexpr std::uint32_t kCreatePartitions = 1u << 0;
inline constexpr std::uint32_t kAccessPartitionId = 1u << 1;
inline constexpr std::uint32_t kAccessMemoryPool = 1u << 2;
inline constexpr std::uint32_t kPostMessages = 1u << 4;
inline constexpr std::uint32_t kSignalEvents = 1u << 5;
inline constexpr std::uint32_t kCreatePort = 1u << 6;
inline constexpr std::uint32_t kConnectPort = 1u << 7;
inline constexpr std::uint32_t kAccessStats = 1u << 8;
inline constexpr std::uint32_t kCpuManagement = 1u << 12;

/// CPUID 0x40000003 EDX: features.
inline constexpr std::uint32_t kFrequencyMsrsValid = 1u << 8;
inline constexpr std::uint32_t kDirectTimers = 1u << 19;

}  // namespace hv::privilege
