// Quantities with units as scenario files write them: 500ms, 4GiB, 10Gbit/s, 25%.
#pragma once

#include <cstdint>
#include <optional>
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
/// "0.5%" or "12%" as a chance, exact.
std::optional<sim::Chance> parse_percent(std::string_view text);
/// A plain decimal number without sign; "010" is refused, it reads as 8 elsewhere.
std::optional<std::uint64_t> parse_count(std::string_view text);

}  // namespace scenarios
