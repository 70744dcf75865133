// The memory of a model guest as its processor sees it, and where the guest keeps its things. What
// it writes here are real bytes of its memory: they are in the dirty log and travel with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hypervisor/core/partition.hpp"
#include "scenarios/guests/boot_info.h"
#include "sim/memory/address.hpp"

namespace guests {

/// Pages below GUEST_IMAGE_END_PAGE, where a real program has its image.
namespace place {
inline constexpr sim::Gpfn kMessagePage{16};
inline constexpr sim::Gpfn kEventPage{17};
inline constexpr sim::Gpfn kHypercallPage{18};
inline constexpr sim::Gpfn kReferencePage{19};
inline constexpr sim::Gpfn kInterruptPage{20};
/// Short rings, so that they wrap often.
inline constexpr sim::Gpfn kStorageRings{24};
inline constexpr std::uint32_t kStorageRingPages = 3;  ///< per direction
/// More pages than one GPADL message can describe.
inline constexpr sim::Gpfn kHeartbeatRings{32};
inline constexpr std::uint32_t kHeartbeatToHostPages = 2;
inline constexpr std::uint32_t kHeartbeatToGuestPages = 26;
inline constexpr sim::Gpfn kSetupBuffer{72};
inline constexpr sim::Gpfn kBuffers{80};  ///< one after the other
inline constexpr std::uint32_t kBufferPages = 8;
inline constexpr sim::Gpfn kCounters{256};  ///< of the memory pattern, 4 bytes each
}  // namespace place

/// Access to the guest's own pages, overlays on top.
class GuestPages {
 public:
  explicit GuestPages(hv::Partition& partition) : partition_(partition) {}

  void read(sim::Gpfn page, std::uint32_t offset, std::span<std::byte> out) const;
  void write(sim::Gpfn page, std::uint32_t offset, std::span<const std::byte> data);
  std::uint32_t read_u32(sim::Gpfn page, std::uint32_t offset) const;
  void write_u32(sim::Gpfn page, std::uint32_t offset, std::uint32_t value);

 private:
  sim::Frame frame(sim::Gpfn page) const;

  hv::Partition& partition_;
};

}  // namespace guests
