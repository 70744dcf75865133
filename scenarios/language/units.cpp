#include "scenarios/language/units.hpp"

#include <array>
#include <string>
#include <utility>

#include "traces/assert.hpp"

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

constexpr std::array<Unit, 7> kDurations{{{"ns", 1},
                                          {"us", 1'000},
                                          {"ms", 1'000'000},
                                          {"s", 1'000'000'000},
                                          {"min", 60'000'000'000},
                                          {"m", 60'000'000'000},  // as sleep(1) and timeout(1) say
                                          {"h", 3'600'000'000'000}}};
constexpr std::array<Unit, 5> kSizes{
    {{"B", 1}, {"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30}, {"TiB", 1ULL << 40}}};
constexpr std::array<Unit, 4> kRates{
    {{"bit/s", 1}, {"kbit/s", 1'000}, {"Mbit/s", 1'000'000}, {"Gbit/s", 1'000'000'000}}};

/// A count of the largest unit that divides the number.
std::string in_largest(std::uint64_t number, const Unit* begin, const Unit* end) {
  const Unit* unit = begin;
  for (const Unit* next = begin; next != end; ++next) {
    if (number != 0 && number % next->second == 0) unit = next;
  }
  return std::to_string(number / unit->second) + std::string(unit->first);
}

constexpr std::uint64_t kFinest = 100'000'000'000;  // parts of a percentage with nine decimals
constexpr std::uint64_t kLongest = 100ULL * 24 * 3600 * 1'000'000'000;  // 100 days

}  // namespace

std::optional<sim::Duration> parse_duration(std::string_view text) {
  const auto ns = scale(text, kDurations, kLongest);
  if (!ns) return std::nullopt;
  return sim::Duration{static_cast<std::int64_t>(*ns)};
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return scale(text, kSizes, 1ULL << 50);
}

std::optional<std::uint64_t> parse_rate(std::string_view text) {
  return scale(text, kRates, 10'000'000'000'000ULL);
}

std::optional<sim::Chance> parse_percent(std::string_view text) {
  const auto number = split(text);
  if (!number || number->unit != "%") return std::nullopt;
  const std::uint64_t whole = number->denominator * 100;
  if (number->numerator > whole) return std::nullopt;
  if (number->numerator == 0) return sim::Chance::never();
  const std::uint64_t parts = kMillion % whole == 0 ? kMillion : kFinest;
  return sim::Chance{number->numerator * (parts / whole), parts};
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  const auto number = split(text);
  if (!number || !number->unit.empty() || number->denominator != 1) return std::nullopt;
  return number->numerator;
}

std::string duration_text(sim::Duration duration) {
  // Minutes and hours read badly beside milliseconds.
  return in_largest(static_cast<std::uint64_t>(duration.ns), kDurations.data(),
                    kDurations.data() + 4);
}

std::string size_text(std::uint64_t bytes) {
  return in_largest(bytes, kSizes.data(), kSizes.data() + kSizes.size());
}

std::string rate_text(std::uint64_t bits_per_second) {
  return in_largest(bits_per_second, kRates.data(), kRates.data() + kRates.size());
}

std::string percent_text(sim::Chance chance) {
  if (chance.numerator == 0) return "0%";
  if (chance.numerator == chance.denominator) return "100%";
  HVSIM_ASSERT(chance.denominator >= 100 && kFinest % chance.denominator == 0,
               "chances of scenarios are decimal");
  const std::uint64_t parts = chance.numerator * (kFinest / chance.denominator);
  constexpr std::uint64_t kPercent = kFinest / 100;
  std::string text = std::to_string(parts / kPercent);
  std::string fraction = std::to_string(parts % kPercent);
  fraction.insert(0, 9 - fraction.size(), '0');
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return text + (fraction.empty() ? "" : "." + fraction) + "%";
}

}  // namespace scenarios
