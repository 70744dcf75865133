// What a guest's packet says, read by the checkers themselves from the ring where it lies (spec
// C.6, D.1, SBC-3): what the host's own reading is held against.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "checkers/watched_rings.hpp"

namespace checkers {

namespace packet_type {
inline constexpr std::uint16_t kGpaDirect = 9;
inline constexpr std::uint16_t kCompletion = 11;
}  // namespace packet_type

/// Bytes of one guest page.
struct PagePart {
  std::uint64_t gpfn = 0;
  std::uint32_t from = 0;
  std::uint32_t to = 0;  ///< one past the last
};

/// The bytes of guest memory that a GPA-direct packet lends; empty for another packet and for one
/// that cannot be understood.
std::vector<PagePart> lent_by(const WatchedRing& ring, std::uint32_t index);

/// A command for a block device.
struct BlockCommand {
  enum class Kind : std::uint8_t { Other, Read, Write, Flush };
  Kind kind = Kind::Other;
  std::uint64_t lba = 0;
  std::uint32_t blocks = 0;
};
using Cdb = std::array<std::uint8_t, 16>;
BlockCommand parse_cdb(const Cdb& cdb);

/// The CDB of the storage packet at an index; nothing when it is not one that carries an SRB.
std::optional<Cdb> cdb_of(const WatchedRing& ring, std::uint32_t index);

}  // namespace checkers
