#include "sim/net/flight.hpp"

#include <algorithm>

namespace sim::net {

std::uint64_t wire_bytes(std::uint64_t bytes, std::uint32_t mtu) {
  if (mtu == 0 || mtu >= kFrameBytes) return bytes;
  const auto frames = [bytes](std::uint64_t size) {
    const std::uint64_t payload = size - kPacketHeaders;
    return bytes / payload + (bytes % payload != 0 ? 1 : 0);
  };
  return bytes + (frames(mtu) - frames(kFrameBytes)) * kFrameOverhead;
}

Flight fly(const Path& path, std::uint64_t bytes, Time now) {
  Flight flight;
  flight.arrival = now;
  flight.hops.reserve(path.hops.size());
  Time first = now;  // first frame ready to be sent
  Time last = now;   // last frame ready to be sent
  for (Direction* direction : path.hops) {
    const std::uint64_t rate = direction->rate();
    const std::uint32_t mtu = direction->faults.mtu;
    const std::uint64_t unit = mtu == 0 ? kFrameBytes : std::min<std::uint64_t>(mtu, kFrameBytes);
    const Duration whole = serialisation_time(wire_bytes(bytes, mtu), rate);
    const Duration frame = serialisation_time(std::min(bytes, unit), rate);
    const Duration latency = direction->latency + direction->faults.extra_delay;
    // A link faster than the one before it waits, so that it does not run dry half-way.
    const Time start = std::max(first, last - (whole - frame));
    const LinkCalendar::Slot slot = direction->calendar.book(start, whole, now);
    const Time sent = std::max(slot.end, last + frame);
    flight.hops.push_back({direction, slot.begin, sent, sent + latency});
    first = slot.begin + frame + latency;
    last = sent + latency;
  }
  flight.arrival = last;
  return flight;
}

Flight fly_control(const Path& path, Time now) {
  Flight flight;
  flight.hops.reserve(path.hops.size());
  Time cursor = now;
  for (Direction* direction : path.hops) {
    const Time sent = cursor + serialisation_time(kControlBytes, direction->rate());
    const Time clear = sent + direction->latency + direction->faults.extra_delay;
    flight.hops.push_back({direction, cursor, sent, clear});
    cursor = clear;
  }
  flight.arrival = cursor;
  return flight;
}

Duration control_delay(const Path& path) {
  Duration delay{};
  for (const Direction* direction : path.hops) {
    delay += serialisation_time(kControlBytes, direction->rate()) + direction->latency +
             direction->faults.extra_delay;
  }
  return delay;
}

}  // namespace sim::net
