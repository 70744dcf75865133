// Names one explored run: a seed, then which mutant of it, and of that one: 17, 17.3, 17.3.1. A
// fault added at a `sometimes` point is a mutant too, written 17+point.2: the second variant of
// "seed 17, and trouble from the instant when the point is reached".
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace scenarios {

struct RunName {
  std::uint64_t seed = 0;
  std::vector<std::uint32_t> mutants;
  friend auto operator<=>(const RunName&, const RunName&) = default;
};
std::string to_text(const RunName& name);
/// Nothing when the text names no run of this build, which knows the points.
std::optional<RunName> parse_run_name(std::string_view text);

/// Mutants below this are numbered, the others belong to points.
inline constexpr std::uint32_t kFirstForkMutant = 0x8000'0000;
inline constexpr std::uint32_t kForkVariants = 16;

/// The mutant for a point: its name counts and not its place in a table.
std::uint32_t fork_mutant(std::string_view point, std::uint32_t variant);
struct Fork {
  std::string point;
  std::uint32_t variant = 0;
};
/// Nothing for a numbered mutant, or when this build has no such point.
std::optional<Fork> fork_of(std::uint32_t mutant);

}  // namespace scenarios
