// Named places of the storage stack: trouble that SCSI allows, on invitation.
#pragma once

#include "sim/kernel/point.hpp"

namespace storage {

inline constexpr const char* kPointSplitRead = "storage.split-read";
inline constexpr const char* kPointSplitWrite = "storage.split-write";

inline constexpr sim::PointInfo kBuggifyPoints[] = {
    {kPointSplitRead, "a read goes to the disk in pieces, each an I/O of its own"},
    {kPointSplitWrite, "a write goes to the disk in pieces, each an I/O of its own"},
};

}  // namespace storage
