// Hypercall codes (spec B.5).
#pragma once

#include <cstdint>

namespace hv::call {

inline constexpr std::uint16_t kFlushVirtualAddressSpace = 0x0002;
inline constexpr std::uint16_t kFlushVirtualAddressList = 0x0003;
inline constexpr std::uint16_t kNotifyLongSpinWait = 0x0008;
inline constexpr std::uint16_t kCreatePartition = 0x0040;
inline constexpr std::uint16_t kInitializePartition = 0x0041;
inline constexpr std::uint16_t kFinalizePartition = 0x0042;
inline constexpr std::uint16_t kDeletePartition = 0x0043;
inline constexpr std::uint16_t kGetPartitionProperty = 0x0044;
inline constexpr std::uint16_t kSetPartitionProperty = 0x0045;
inline constexpr std::uint16_t kGetPartitionId = 0x0046;
inline constexpr std::uint16_t kGetNextChildPartition = 0x0047;
inline constexpr std::uint16_t kDepositMemory = 0x0048;
inline constexpr std::uint16_t kWithdrawMemory = 0x0049;
inline constexpr std::uint16_t kGetMemoryBalance = 0x004A;
inline constexpr std::uint16_t kMapGpaPages = 0x004B;
inline constexpr std::uint16_t kUnmapGpaPages = 0x004C;
inline constexpr std::uint16_t kInstallIntercept = 0x004D;
inline constexpr std::uint16_t kCreateVp = 0x004E;
inline constexpr std::uint16_t kDeleteVp = 0x004F;
inline constexpr std::uint16_t kGetVpRegisters = 0x0050;
inline constexpr std::uint16_t kSetVpRegisters = 0x0051;
inline constexpr std::uint16_t kAssertVirtualInterrupt = 0x0055;
inline constexpr std::uint16_t kCreatePort = 0x0057;
inline constexpr std::uint16_t kDeletePort = 0x0058;
inline constexpr std::uint16_t kConnectPort = 0x0059;
inline constexpr std::uint16_t kDisconnectPort = 0x005B;
inline constexpr std::uint16_t kPostMessage = 0x005C;
inline constexpr std::uint16_t kSignalEvent = 0x005D;
inline constexpr std::uint16_t kSavePartitionState = 0x005E;
inline constexpr std::uint16_t kRestorePartitionState = 0x005F;

}  // namespace hv::call
