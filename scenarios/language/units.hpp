// Quantities with units as scenario files write them: 500ms, 4GiB, 10Gbit/s, 25%.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sim/kernel/random.hpp"
#include "sim/kernel/time.hpp"

namespace scenarios {

/// "250us", "1.5s", "2min". Units ns us ms s min h. Never negative.
std::optional<sim::Duration> parse_duration(std::string_view text);
/// "64MiB" in bytes. Units B KiB MiB GiB TiB.
std::optional<std::uint64_t> parse_size(std::string_view text);
/// "10Gbit/s" in bits per second. Units bit/s kbit/s Mbit/s Gbit/s.
std::optional<std::uint64_t> parse_rate(std::string_view text);
inline constexpr std::uint64_t kMillion = 1'000'000;

/// "0.5%" or "12%" as a chance, exact: in millionths if that does (a chance's denominator decides
/// what is drawn, so each chance has one), else in parts of 10^11.
std::optional<sim::Chance> parse_percent(std::string_view text);
/// A plain decimal number without sign; "010" is refused, it reads as 8 elsewhere.
std::optional<std::uint64_t> parse_count(std::string_view text);

// Back to texts, exact, in the largest unit that needs no fraction.
std::string duration_text(sim::Duration duration);
std::string size_text(std::uint64_t bytes);
std::string rate_text(std::uint64_t bits_per_second);
/// The chance's denominator is a power of ten from 100 to 10^11, or the chance is 0 or 1.
std::string percent_text(sim::Chance chance);

}  // namespace scenarios
