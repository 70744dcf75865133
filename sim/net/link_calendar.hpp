// When one direction of a link is busy. Bandwidth is shared by handing out time: whoever sends
// takes the earliest free time at or after the instant its bits are there, so no window ever
// carries more than the link can.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/kernel/time.hpp"

namespace sim::net {

/// Time that `bytes` occupy a link, rounded up to a nanosecond.
Duration serialisation_time(std::uint64_t bytes, std::uint64_t bits_per_second);

class LinkCalendar {
 public:
  struct Slot {
    Time begin{};
    Time end{};
  };
  /// Takes `length` (> 0) of free time from `start` on, in pieces where others are in the way;
  /// returns the first and the last instant. `now` lets the past be forgotten; start >= now.
  Slot book(Time start, Duration length, Time now);
  /// The link was cut: nothing that was booked after `now` will be sent.
  void clear_from(Time now);
  /// First free instant at or after `start`.
  Time next_free(Time start) const;
  /// Earliest instant at or after `now` from which on nothing is booked.
  Time free_from(Time now) const;

 private:
  std::vector<Slot> busy_;  // ascending, disjoint, touching ones merged
};

}  // namespace sim::net
