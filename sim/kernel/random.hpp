// Random choices that belong to an operation (law 2). A choice is a function of the world's seed,
// a stream's name and the numbers of the operation, never of how many choices came before it, so
// dropping one choice leaves all others as they were. Philox 4x64-10 under it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sim/kernel/time.hpp"

namespace sim {

/// A probability as a ratio; exact, no floating point.
struct Chance {
  std::uint64_t numerator = 0;
  std::uint64_t denominator = 1;
  static constexpr Chance never() { return {0, 1}; }
  static constexpr Chance always() { return {1, 1}; }
  static constexpr Chance per_million(std::uint64_t n) { return {n, 1'000'000}; }
  friend bool operator==(const Chance&, const Chance&) = default;
};

/// The random bits of one operation: a fresh generator per operation, cheap to make. The n-th call
/// on a Draw is a choice of that operation alone.
class Draw {
 public:
  Draw(std::uint64_t seed, std::uint64_t stream, std::array<std::uint64_t, 3> operation);

  std::uint64_t bits();
  /// Uniform in [0, bound); bound > 0. Unbiased, the same on every machine.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [low, high], both included.
  std::int64_t between(std::int64_t low, std::int64_t high);
  Duration between(Duration low, Duration high);
  /// True with the given probability. Draws nothing when it is 0 or 1.
  bool happens(Chance chance);

 private:
  std::array<std::uint64_t, 4> counter_{};
  std::array<std::uint64_t, 2> key_{};
  std::array<std::uint64_t, 4> block_{};
  unsigned used_ = 4;
};

/// All streams of a world.
class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  /// `stream` names the kind of choice ("net.loss"), a to d the operation (connection, message,
  /// attempt, chunk).
  Draw draw(std::string_view stream, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0,
            std::uint64_t d = 0) const;
  std::uint64_t seed() const { return seed_; }

 private:
  std::uint64_t seed_;
};

}  // namespace sim
