// The interrupt page of VMBus 0.13 and 1.1 (spec C.1): a page of the guest that it lends with its
// first message. A bit per relid: the first half tells the guest which channels have something for
// it, the second half tells the host. One event flag of each side says "look at your half".
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hypervisor/core/partition.hpp"

namespace vmbus {

class InterruptPage {
 public:
  explicit InterruptPage(hv::Partition& partition) : partition_(partition) {}

  /// False, and nothing lent, unless a page of the guest's RAM begins at `gpa`.
  bool lend(std::uint64_t gpa);
  void take_back() { page_.reset(); }
  bool lent() const { return page_.has_value(); }
  /// Where it begins; 0 when none is lent.
  std::uint64_t gpa() const { return page_ ? sim::base_of(*page_).value : 0; }

  /// The host has something for a channel's guest.
  void tell_guest(std::uint32_t relid);
  /// Channels that the guest has rung for, in ascending order. Their bits are cleared.
  std::vector<std::uint32_t> take_rung();

 private:
  hv::Partition& partition_;
  std::optional<sim::Gpfn> page_;
};

}  // namespace vmbus
