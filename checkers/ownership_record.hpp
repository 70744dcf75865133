// What a sector of a host's own disk says of a VM (docs/architecture.md, "Commit"). Read here from
// the bytes that the disk took, apart from the code that wrote them.
//
//   u32 'H' 'O' 'W' 'N'   u32 version   u32 VM   u8 claim   u64 epoch   u64 job   u32 peer   u64
//   XXH3-64
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "traces/bytes.hpp"
#include "traces/digest.hpp"

namespace checkers {

struct OwnershipRecord {
  enum class Claim : std::uint8_t { None, Owned, Ceded };
  std::uint32_t vm = 0;
  Claim claim = Claim::None;
  std::uint64_t epoch = 0;
  std::uint64_t job = 0;  ///< migration that it belongs to; 0: none
};

/// nullopt when the bytes are no sound record.
inline std::optional<OwnershipRecord> read_ownership(std::span<const std::byte> sector) {
  constexpr std::uint32_t kMagic = 0x4E574F48;
  constexpr std::uint32_t kVersion = 1;
  constexpr std::size_t kCovered = 33;  // bytes that the hash is over
  // The witness leaves out the zeros at the end.
  std::vector<std::byte> whole(sector.begin(), sector.end());
  whole.resize(std::max<std::size_t>(whole.size(), kCovered + 8));
  traces::ByteReader in(whole);
  const bool ours = in.get<std::uint32_t>() == kMagic && in.get<std::uint32_t>() == kVersion;
  OwnershipRecord record;
  record.vm = in.get<std::uint32_t>();
  record.claim = in.get<OwnershipRecord::Claim>();
  record.epoch = in.get<std::uint64_t>();
  record.job = in.get<std::uint64_t>();
  in.get<std::uint32_t>();  // the peer: nobody else relies on it
  const bool sound = in.get<std::uint64_t>() == traces::hash64_of(std::span(whole).first(kCovered));
  if (!ours || !sound || record.claim > OwnershipRecord::Claim::Ceded) return std::nullopt;
  return record;
}

}  // namespace checkers
