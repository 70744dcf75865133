// Numbers of the saved-state file; docs/saved-state.md explains them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace migration::layout {

inline constexpr std::string_view kMagic = "HVSAVED\n";
inline constexpr std::size_t kHeaderBytes = 48;
inline constexpr std::size_t kTableEntryBytes = 48;
inline constexpr std::uint32_t kMostSections = 64;

enum SectionKind : std::uint32_t {
  kConfig = 1,   ///< VmConfig::encode()
  kSummary = 2,  ///< when it was saved, what of, witness of its memory
  kDevices = 3,  ///< WorkerProcess::save()
  kMemory = 4,   ///< sim::GuestMemory::encode()
  kDisks = 5,    ///< layers of each disk
};

/// A reader that does not know the section must refuse the file.
inline constexpr std::uint32_t kMustUnderstand = 1;

enum Coding : std::uint32_t { kRaw = 0, kZstd = 1 };

/// The newest version of each known section, by kind.
inline constexpr std::uint32_t kNewest[] = {0, 1, 1, 1, 1, 1};

}  // namespace migration::layout
