#include "scenarios/explore/vary.hpp"

#include <algorithm>
#include <bit>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/language/units.hpp"
#include "scenarios/language/values.hpp"
#include "traces/assert.hpp"

namespace scenarios {

std::uint64_t log_uniform(sim::Draw& draw, std::uint64_t low, std::uint64_t high) {
  HVSIM_ASSERT(low <= high, "an empty range");
  // First the power of two, then the place between it and the next one.
  const std::uint64_t width =
      static_cast<std::uint64_t>(draw.between(static_cast<std::int64_t>(std::bit_width(low)),
                                              static_cast<std::int64_t>(std::bit_width(high))));
  const std::uint64_t first = width == 0 ? 0 : std::uint64_t{1} << (width - 1);
  const std::uint64_t last = width == 0 ? 0 : first + (first - 1);
  const std::uint64_t from = std::max(low, first);
  return from + draw.below(std::min(high, last) - from + 1);
}

namespace {

constexpr std::uint64_t kPage = 4096;

/// A quantity in the smallest step of its unit, and how to write such numbers.
struct Quantity {
  std::uint64_t number = 0;
  const char* unit = "";
};

std::optional<Quantity> quantity(const std::string& text) {
  if (const auto count = parse_count(text)) return Quantity{*count, ""};
  if (const auto time = parse_duration(text)) {
    return Quantity{static_cast<std::uint64_t>(time->ns), "ns"};
  }
  if (const auto size = parse_size(text)) return Quantity{*size, "B"};
  if (const auto rate = parse_rate(text)) return Quantity{*rate, "bit/s"};
  if (const auto chance = parse_percent(text)) {
    return Quantity{chance->numerator * (1'000'000 / chance->denominator), "%"};
  }
  return std::nullopt;
}

std::string written(std::uint64_t number, const std::string& unit) {
  if (unit != "%") return std::to_string(number) + unit;
  std::string fraction = std::to_string(number % 10'000);
  fraction.insert(0, 4 - fraction.size(), '0');
  return std::to_string(number / 10'000) + "." + fraction + "%";
}

std::string drawn(const VarySpec& spec, std::uint64_t multiple, const sim::Random& random,
                  std::uint64_t attempt) {
  sim::Draw draw = random.draw("vary." + spec.key, attempt);
  if (spec.kind == VarySpec::Kind::Choice) return spec.values[draw.below(spec.values.size())];
  const auto low = quantity(spec.values.at(0));
  const auto high = quantity(spec.values.at(1));
  HVSIM_ASSERT(low && high && low->number <= high->number, "the parser checks ranges");
  // Memory and disks come in whole pages; between two such bounds only such sizes are meant.
  const bool pages =
      high->unit == std::string("B") && low->number % kPage == 0 && high->number % kPage == 0;
  const std::uint64_t step = pages ? kPage : 1;
  const std::uint64_t from = low->number / step;
  const std::uint64_t to = high->number / step;
  const std::uint64_t steps = spec.kind == VarySpec::Kind::LogRange
                                  ? log_uniform(draw, from, to)
                                  : from + draw.below(to - from + 1);
  // Both bounds are such multiples, so the next one below is none the less within them.
  const std::uint64_t number = steps * step;
  return written(number - number % multiple, high->unit);
}

/// Values that are right by themselves need not go together: a VM may be larger than its host.
constexpr std::uint64_t kRedraws = 16;

}  // namespace

Scenario VariedValues::draw(const sim::Random& random) const {
  for (std::uint64_t attempt = 0; !base_.vary.empty() && attempt < kRedraws; ++attempt) {
    std::vector<Override> values;
    for (const VarySpec& spec : base_.vary) {
      values.emplace_back(spec.key, drawn(spec, step_at(base_, spec.key), random, attempt));
    }
    try {
      Scenario scenario = with_values(base_, values);
      scenario.vary.clear();
      return scenario;
    } catch (const UserError&) {
    }
  }
  Scenario scenario = base_;
  scenario.vary.clear();
  return scenario;
}

}  // namespace scenarios
