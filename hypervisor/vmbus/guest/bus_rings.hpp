// The guest's ends of a channel's rings.
#pragma once

#include <utility>
#include <vector>

#include "hypervisor/vmbus/guest/bus.hpp"

namespace vmbus::guest {

struct Bus::Rings {
  Rings(sim::GuestMemory& memory, std::vector<sim::Frame> host, std::vector<sim::Frame> guest)
      : to_host(memory, std::move(host), traces::Writer::Guest),
        to_guest(memory, std::move(guest), traces::Writer::Guest),
        writer(to_host),
        reader(to_guest) {}
  FrameRing to_host, to_guest;
  RingWriter writer;
  RingReader reader;
};

}  // namespace vmbus::guest
