// Watched frames: a shadow of what they held when last looked at, and a report of every word that
// is different now, with who wrote it. The writer is known because a host's write looks before and
// after itself, so what differs before it is the guest's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "sim/kernel/world.hpp"
#include "sim/memory/contents.hpp"
#include "sim/memory/frame_bits.hpp"
#include "traces/events.hpp"

namespace sim::memory {

class Watches {
 public:
  Watches(Node& node, std::uint64_t partition, const Contents& contents, std::uint64_t frames);

  /// The number of the new watch, from 1.
  std::uint32_t add(traces::WatchPurpose purpose, std::span<const Frame> frames,
                    std::uint32_t owner);
  void remove(std::uint32_t watch);
  bool covers(Frame frame) const { return !watches_.empty() && covered_.test(frame); }
  bool empty() const { return watches_.empty(); }

  /// Reports what changed in a watched frame, in words of 4 bytes: a ring index is reported whole,
  /// and the one beside it not at all.
  void look(Frame frame, traces::Writer writer);
  /// Somebody wrote this part of a watched frame at once. One report, whatever it left as it was.
  void wrote(Frame frame, std::uint32_t offset, std::size_t size, traces::Writer writer);
  /// The host wrote a frame that is not watched.
  void host_wrote(Frame frame, std::uint32_t offset, std::size_t size);
  void look_everywhere(traces::Writer writer);
  std::uint64_t footprint() const;

 private:
  struct Watch {
    std::vector<Frame> frames;
    std::vector<std::byte> shadow;  // of all frames, in the order of the watch
  };
  struct Place {
    std::uint32_t watch = 0;
    std::uint32_t index = 0;  // of the frame in the watch
  };
  void compare(Watch& watch, const Place& place, std::span<const std::byte> now,
               traces::Writer writer);
  void compare_write(Watch& watch, const Place& place, std::uint32_t offset,
                     std::span<const std::byte> now, traces::Writer writer);
  void report(std::uint32_t watch, traces::Writer writer, std::uint64_t offset,
              std::span<const std::byte> data);

  Node& node_;
  std::uint64_t partition_;
  const Contents& contents_;
  FrameBits covered_;
  std::map<std::uint32_t, Watch> watches_;
  std::map<std::uint64_t, std::vector<Place>> places_;
  std::uint32_t last_number_ = 0;
};

}  // namespace sim::memory
