#include "scenarios/explore/run_name.hpp"

#include "scenarios/explore/points.hpp"
#include "scenarios/language/units.hpp"
#include "traces/digest.hpp"

namespace scenarios {

std::uint32_t fork_mutant(std::string_view point, std::uint32_t variant) {
  const auto place = static_cast<std::uint32_t>(traces::hash64_of(point) >> 37);  // 27 bits
  return kFirstForkMutant | place * kForkVariants | variant % kForkVariants;
}

std::optional<Fork> fork_of(std::uint32_t mutant) {
  if (mutant < kFirstForkMutant) return std::nullopt;
  const std::uint32_t variant = mutant % kForkVariants;
  for (const std::string& point : sometimes_points()) {
    if (fork_mutant(point, variant) == mutant) return Fork{point, variant};
  }
  return std::nullopt;
}

std::string to_text(const RunName& name) {
  std::string text = std::to_string(name.seed);
  for (const std::uint32_t mutant : name.mutants) {
    if (const auto fork = fork_of(mutant)) {
      text += "+" + fork->point + "." + std::to_string(fork->variant);
    } else {
      text += "." + std::to_string(mutant);
    }
  }
  return text;
}

namespace {

/// Takes the text up to the next part, which begins with '.' or '+', off the front.
std::string_view take(std::string_view& text, std::string_view ends) {
  const std::size_t length = std::min(text.find_first_of(ends), text.size());
  const std::string_view part = text.substr(0, length);
  text.remove_prefix(length);
  return part;
}

std::optional<std::uint32_t> number(std::string_view text, std::uint64_t limit) {
  const auto value = parse_count(text);
  if (!value || *value >= limit) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

/// "point.2"; the point's name has dots of its own.
std::optional<std::uint32_t> parse_fork(std::string_view& text) {
  for (const std::string& point : sometimes_points()) {
    if (text.substr(0, point.size() + 1) != point + ".") continue;
    std::string_view rest = text.substr(point.size() + 1);
    const auto variant = number(take(rest, ".+"), kForkVariants);
    if (!variant) continue;
    text = rest;
    return fork_mutant(point, *variant);
  }
  return std::nullopt;
}

}  // namespace

std::optional<RunName> parse_run_name(std::string_view text) {
  const auto seed = parse_count(take(text, ".+"));
  if (!seed) return std::nullopt;
  RunName name{*seed, {}};
  while (!text.empty()) {
    const char kind = text.front();
    text.remove_prefix(1);
    const auto mutant = kind == '+' ? parse_fork(text) : number(take(text, ".+"), kFirstForkMutant);
    if (!mutant) return std::nullopt;
    name.mutants.push_back(*mutant);
  }
  return name;
}

}  // namespace scenarios
