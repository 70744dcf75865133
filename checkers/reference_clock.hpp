// Partition reference time as the world's clock gives it: the time that passed while the partition
// was not suspended (spec B.8). It comes from events about processors alone; what the hypervisor
// itself says of the time plays no part.
#pragma once

#include <cstdint>

#include "traces/events.hpp"
#include "traces/time.hpp"

namespace checkers {

class ReferenceClock {
 public:
  /// False for a partition that a trace does not know from its beginning.
  bool known() const { return known_; }
  /// 100 ns units; only while it is known.
  std::uint64_t ticks(traces::Time now) const {
    return static_cast<std::uint64_t>(guest_ns(now)) / 100;
  }
  /// When the partition reaches a reading, if nothing suspends it; kNever beyond the world's end.
  traces::Time when(std::uint64_t ticks) const {
    constexpr std::uint64_t kFar = std::uint64_t{1} << 55;
    return ticks >= kFar ? traces::kNever
                         : traces::Time{static_cast<std::int64_t>(ticks * 100) + offset_ns_};
  }

  /// A processor of the partition changed its state. Suspension takes all of them at one instant.
  void processor(traces::Time now, traces::VpState state) {
    if (state == traces::VpState::Running && !running_) {
      offset_ns_ = now.ns - frozen_ns_;
      running_ = true;
    } else if (state == traces::VpState::Suspended && running_) {
      frozen_ns_ = guest_ns(now);
      running_ = false;
    }
  }
  /// A partition that stands still continues another one.
  void take_over(const ReferenceClock& source) {
    known_ = source.known_;
    frozen_ns_ = source.frozen_ns_;
  }
  void begin_amid() { known_ = false; }

 private:
  std::int64_t guest_ns(traces::Time now) const {
    return running_ ? now.ns - offset_ns_ : frozen_ns_;
  }

  bool known_ = true;
  bool running_ = false;
  std::int64_t offset_ns_ = 0;
  std::int64_t frozen_ns_ = 0;
};

}  // namespace checkers
