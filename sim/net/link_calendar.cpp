#include "sim/net/link_calendar.hpp"

#include <algorithm>
#include <cstddef>

#include "traces/assert.hpp"

namespace sim::net {

Duration serialisation_time(std::uint64_t bytes, std::uint64_t bits_per_second) {
  __extension__ using Wide = unsigned __int128;
  const Wide bits_ns = Wide{bytes} * 8 * 1'000'000'000;
  const Wide ns = (bits_ns + bits_per_second - 1) / bits_per_second;
  HVSIM_ASSERT(ns < static_cast<Wide>(INT64_MAX / 2), "a message outlasts virtual time");
  return {static_cast<std::int64_t>(ns)};
}

LinkCalendar::Slot LinkCalendar::book(Time start, Duration length, Time now) {
  HVSIM_ASSERT(length > Duration{}, "nothing to send");
  HVSIM_ASSERT(start >= now, "a link cannot send in the past");
  const auto current =
      std::find_if(busy_.begin(), busy_.end(), [now](const Slot& slot) { return slot.end >= now; });
  busy_.erase(busy_.begin(), current);

  // Everything from the first free instant to the last is busy afterwards, so the slots that it
  // touches melt into one.
  const auto first = std::find_if(busy_.begin(), busy_.end(),
                                  [start](const Slot& slot) { return slot.end >= start; });
  auto next = first;
  Slot merged{start, start};
  Time cursor = start;
  if (next != busy_.end() && next->begin <= start) {
    merged.begin = next->begin;
    cursor = next->end;
    ++next;
  }
  const Time begin = cursor;
  Duration left = length;
  while (next != busy_.end() && next->begin - cursor < left) {
    left = left - (next->begin - cursor);
    cursor = next->end;
    ++next;
  }
  const Time end = cursor + left;
  merged.end = end;
  if (next != busy_.end() && next->begin == end) {
    merged.end = next->end;
    ++next;
  }
  const auto at = busy_.erase(first, next);
  busy_.insert(at, merged);
  return {begin, end};
}

void LinkCalendar::clear_from(Time now) {
  std::erase_if(busy_, [now](const Slot& slot) { return slot.begin >= now; });
  if (!busy_.empty()) busy_.back().end = std::min(busy_.back().end, now);
}

Time LinkCalendar::next_free(Time start) const {
  for (const Slot& slot : busy_) {
    if (slot.begin <= start && start < slot.end) return slot.end;
  }
  return start;
}

Time LinkCalendar::free_from(Time now) const {
  return busy_.empty() ? now : std::max(now, busy_.back().end);
}

}  // namespace sim::net
