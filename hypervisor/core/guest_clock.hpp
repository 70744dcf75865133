// Guest time of a partition: the world's time less the intervals in which the partition was
// suspended (spec B.8). Everything that a guest can measure derives from it, so that a guest which
// is suspended, or moved while suspended, finds no seam.
#pragma once

#include <cstdint>

#include "sim/kernel/time.hpp"

namespace hv {

class GuestClock {
 public:
  /// Nanoseconds of guest time at an instant. Stands still while stopped.
  std::int64_t at(sim::Time world) const { return running_ ? world.ns - offset_ : frozen_; }
  /// The instant at which guest time was or will be `guest`, by the offset of the last start.
  sim::Time world_time(std::int64_t guest) const {
    if (guest > 0 && offset_ > 0 && guest >= sim::kNever.ns - offset_) return sim::kNever;
    return {guest + offset_};
  }
  bool running() const { return running_; }

  void stop(sim::Time now) {
    frozen_ = at(now);
    running_ = false;
  }
  void start(sim::Time now) {
    offset_ = now.ns - frozen_;
    running_ = true;
  }
  /// A stopped clock takes over the reading of another host's (restore).
  void set(std::int64_t guest) { frozen_ = guest; }
  std::int64_t frozen() const { return frozen_; }

 private:
  std::int64_t offset_ = 0;  // world less guest since the last start
  std::int64_t frozen_ = 0;
  bool running_ = false;
};

/// a * b / c without overflow in between, rounded down.
__extension__ typedef unsigned __int128 Wide;
constexpr std::uint64_t scale(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  return static_cast<std::uint64_t>(static_cast<Wide>(a) * b / c);
}

}  // namespace hv
