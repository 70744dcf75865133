// What stands behind GuestMemory: the contents, and beside them what is known about the frames.
#pragma once

#include <optional>

#include "sim/memory/content_reference.hpp"
#include "sim/memory/contents.hpp"
#include "sim/memory/frame_bits.hpp"
#include "sim/memory/guest_memory.hpp"
#include "sim/memory/watches.hpp"

namespace sim {

struct GuestMemory::Impl {
  Impl(Node& on, const GuestMemoryConfig& config)
      : node(on),
        contents(config.backing == Backing::Bytes, config.ram_pages + config.overlay_pages),
        written(config.ram_pages + config.overlay_pages),
        dirty(config.ram_pages + config.overlay_pages),
        watches(on, config.partition, contents, config.ram_pages + config.overlay_pages) {}

  Node& node;
  memory::Contents contents;
  memory::FrameBits written;  ///< frames that were ever written; what the first round sends
  memory::FrameBits dirty;    ///< the dirty log
  memory::Watches watches;
  std::optional<memory::ContentReference> reference;
};

}  // namespace sim
