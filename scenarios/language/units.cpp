#include "scenarios/language/units.hpp"

#include <array>
#include <utility>

namespace scenarios {

namespace {

/// A decimal number with up to nine fractional digits, as numerator over a power of ten.
struct Decimal {
  std::uint64_t numerator = 0;
  std::uint64_t denominator = 1;
  std::string_view unit;
};

std::optional<Decimal> split(std::string_view text) {
  Decimal result;
  std::size_t at = 0;
  std::size_t digits = 0;
  bool fraction = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && !fraction && digits > 0) {
      fraction = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    if (++digits > 18) return std::nullopt;
    result.numerator = result.numerator * 10 + static_cast<std::uint64_t>(c - '0');
    if (fraction) result.denominator *= 10;
  }
  const bool dangling = at > 0 && text[at - 1] == '.';
  const bool octal = text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
  if (digits == 0 || dangling || octal || result.denominator > 1'000'000'000) return std::nullopt;
  result.unit = text.substr(at);
  return result;
}

using Unit = std::pair<std::string_view, std::uint64_t>;

/// Exact; nothing when the unit is unknown, the value too large or not whole.
template <std::size_t N>
std::optional<std::uint64_t> scale(std::string_view text, const std::array<Unit, N>& units,
                                   std::uint64_t limit) {
  const auto number = split(text);
  if (!number) return std::nullopt;
  for (const auto& [name, factor] : units) {
    if (name != number->unit) continue;
    const auto product = static_cast<unsigned __int128>(number->numerator) * factor;
    if (product % number->denominator != 0) return std::nullopt;
    const auto value = product / number->denominator;
    if (value > limit) return std::nullopt;
    return static_cast<std::uint64_t>(value);
  }
  return std::nullopt;
}

constexpr std::uint64_t kLongest = 100ULL * 24 * 3600 * 1'000'000'000;  // 100 days

}  // namespace

std::optional<sim::Duration> parse_duration(std::string_view text) {
  static constexpr std::array<Unit, 6> kUnits{{{"ns", 1},
                                               {"us", 1'000},
                                               {"ms", 1'000'000},
                                               {"s", 1'000'000'000},
                                               {"min", 60'000'000'000},
                                               {"h", 3'600'000'000'000}}};
  const auto ns = scale(text, kUnits, kLongest);
  if (!ns) return std::nullopt;
  return sim::Duration{static_cast<std::int64_t>(*ns)};
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::array<Unit, 5> kUnits{{{"B", 1},
                                               {"KiB", 1ULL << 10},
                                               {"MiB", 1ULL << 20},
                                               {"GiB", 1ULL << 30},
                                               {"TiB", 1ULL << 40}}};
  return scale(text, kUnits, 1ULL << 50);
}

std::optional<std::uint64_t> parse_rate(std::string_view text) {
  static constexpr std::array<Unit, 4> kUnits{
      {{"bit/s", 1}, {"kbit/s", 1'000}, {"Mbit/s", 1'000'000}, {"Gbit/s", 1'000'000'000}}};
  return scale(text, kUnits, 10'000'000'000'000ULL);
}

std::optional<sim::Chance> parse_percent(std::string_view text) {
  const auto number = split(text);
  if (!number || number->unit != "%") return std::nullopt;
  const std::uint64_t whole = number->denominator * 100;
  if (number->numerator > whole) return std::nullopt;
  return sim::Chance{number->numerator, whole};
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  const auto number = split(text);
  if (!number || !number->unit.empty() || number->denominator != 1) return std::nullopt;
  return number->numerator;
}

}  // namespace scenarios
