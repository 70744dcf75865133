// Damage to a frame and the checksum that finds it: the CRC-32 of Ethernet (IEEE 802.3 3.2.9).
//
// A CRC is linear: the checksum of a damaged frame differs from the sender's by the checksum of the
// damage alone, whatever the frame carries. So it can be judged without the content, which bulk
// messages do not have in bytes. A burst of at most 32 bits is always found.
#pragma once

#include <cstdint>

#include "sim/kernel/random.hpp"

namespace sim::net {

/// Bits that arrive flipped in a frame.
struct Damage {
  std::uint32_t first_bit = 0;  ///< place in the frame
  std::uint64_t pattern = 1;    ///< bit i: bit first_bit + i is flipped
};

/// A burst of 1 to 32 bits somewhere in a frame of 1500 bytes.
Damage draw_damage(Draw& draw);

/// True when the frame check sees the damage.
bool check_fails(const Damage& damage);

}  // namespace sim::net
