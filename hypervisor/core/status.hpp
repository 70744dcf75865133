// Hypercall status codes (TLFS appendix, spec B.4).
#pragma once

#include <cstdint>

namespace hv {

enum class Status : std::uint16_t {
  Success = 0x0000,
  InvalidHypercallCode = 0x0002,
  InvalidHypercallInput = 0x0003,
  InvalidAlignment = 0x0004,
  InvalidParameter = 0x0005,
  AccessDenied = 0x0006,
  InvalidPartitionState = 0x0007,
  OperationDenied = 0x0008,
  UnknownProperty = 0x0009,
  PropertyValueOutOfRange = 0x000A,
  InsufficientMemory = 0x000B,
  PartitionTooDeep = 0x000C,
  InvalidPartitionId = 0x000D,
  InvalidVpIndex = 0x000E,
  InvalidPortId = 0x0011,
  InvalidConnectionId = 0x0012,
  InsufficientBuffers = 0x0013,
  NotAcknowledged = 0x0014,
  InvalidSaveRestoreState = 0x0017,
  InvalidSynicState = 0x0018,
  ObjectInUse = 0x0019,
  NoData = 0x001B,
  NoResources = 0x001D,
  FeatureUnavailable = 0x001E,
};

}  // namespace hv
