// What link faults do to one attempt of a message. Choices belong to (stream, message, attempt) and
// to the link direction, so removing one fault leaves all other choices as they were (law 2).
// Each is a decision of the world; what came of an attempt is a fault.fired event.
#pragma once

#include <cstdint>

#include "sim/net/topology.hpp"

namespace sim::net {

/// Granularity of loss: one draw per chunk of this size, as if the segments of one window shared
/// their fate.
inline constexpr std::uint64_t kChunkBytes = 0x10000;
/// A message of more chunks draws for this many larger ones, so that its cost stays bounded.
inline constexpr unsigned kMaxChunkDraws = 64;
/// A frame that was overtaken arrives at most this much later. A choice of ours: about the depth
/// of a switch queue (4 MB at 40 Gbit/s).
inline constexpr Duration kReorderingDelayMax{1'000'000};

/// The operation that choices belong to.
struct Attempt {
  std::uint64_t stream = 0;
  std::uint64_t message = 0;
  std::uint64_t number = 0;
};

struct Verdict {
  unsigned chunks = 1;      ///< how many equal chunks the attempt was judged in
  std::uint64_t lost = 0;   ///< bit per chunk
  unsigned duplicated = 0;  ///< chunks that cross twice
  Duration delay{};         ///< late by reordering
};

unsigned chunks_of(std::uint64_t bytes);
/// Bytes of `some` of the attempt's chunks, rounded down; all of them are all bytes.
std::uint64_t share_of(std::uint64_t bytes, unsigned some, unsigned chunks);

/// Judges `bytes` that cross `path`; `sender` is where fired faults are reported.
Verdict judge(World& world, Node& sender, const Path& path, const Attempt& attempt,
              std::uint64_t bytes);

/// Judges an acknowledgement; true when it is lost.
bool acknowledgement_lost(World& world, Node& sender, const Path& path, const Attempt& attempt);

}  // namespace sim::net
