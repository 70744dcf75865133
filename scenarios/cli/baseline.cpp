#include "scenarios/cli/baseline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "scenarios/cli/baseline_file.hpp"
#include "scenarios/language/source.hpp"
#include "scenarios/language/units.hpp"

namespace cli {

using checkers::Figure;
using scenarios::UserError;

namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

std::string to_text(Figure::Unit unit, std::int64_t value) {
  if (unit == Figure::Unit::Count) return std::to_string(value);
  return fmt::format("{}.{:06} ms", value / 1'000'000, value % 1'000'000);
}

std::int64_t limit_of(const Recorded& recorded, const Tolerance& tolerance) {
  const auto value = static_cast<unsigned __int128>(recorded.value);
  const auto more = tolerance.absolute ? static_cast<unsigned __int128>(*tolerance.absolute)
                                       : value * tolerance.parts / Tolerance::kWhole;
  return static_cast<std::int64_t>(std::min<unsigned __int128>(value + more, kMost));
}

bool better_by_more(const Recorded& recorded, const Tolerance& tolerance, std::int64_t value) {
  return recorded.value - value > limit_of(recorded, tolerance) - recorded.value;
}

/// `quickstart, seed 1`, with what was set.
std::string name_of(const RunKey& key) {
  std::string text = fmt::format("{}, seed {}", key.scenario, key.seed);
  for (const std::string& change : key.set) text += ", " + change;
  return text;
}

std::string value_text(const Recorded& recorded) {
  if (recorded.unit == Figure::Unit::Count) return std::to_string(recorded.value);
  return nlohmann::json(scenarios::duration_text({recorded.value})).dump();
}

std::string tolerance_text(const Tolerance& tolerance) {
  const bool number = tolerance.absolute && scenarios::parse_count(tolerance.text).has_value();
  return number ? tolerance.text : nlohmann::json(tolerance.text).dump();
}

std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

}  // namespace

Tolerance parse_tolerance(const std::string& option, const std::string& text) {
  const auto percent = scenarios::parse_percent(text);
  if (!percent) throw UserError(option + " " + text + ": is not a percentage such as 5%");
  Tolerance tolerance;
  tolerance.parts = percent->numerator * (Tolerance::kWhole / percent->denominator);
  tolerance.text = text;
  return tolerance;
}

Baseline Baseline::read(const std::string& path) {
  BaselineFile file = read_baseline_file(path);
  Baseline baseline;
  baseline.path_ = path;
  baseline.tolerance_ = std::move(file.tolerance);
  baseline.runs_ = std::move(file.runs);
  return baseline;
}

std::map<std::string, Figure> Baseline::figures_of(const Report& report) {
  std::map<std::string, Figure> all;
  if (report.jobs_done) {
    all["virtual time"] = {"virtual time", Figure::Unit::Nanoseconds, report.jobs_done->ns};
  }
  for (const checkers::Finding& finding : report.findings) {
    // What lacks its detail has counted half a story.
    if (finding.verdict == checkers::Verdict::Unknown) continue;
    for (const Figure& figure : finding.figures) {
      // Two expectations of one name, for two VMs, are told apart by their order.
      const std::string name = finding.property + " " + figure.name;
      std::string free = name;
      for (int number = 2; all.count(free) != 0; ++number)
        free = fmt::format("{} ({})", name, number);
      all[free] = figure;
    }
  }
  return all;
}

const std::map<std::string, Recorded>& Baseline::find(const RunKey& key) const {
  const auto found = runs_.find(key);
  if (found != runs_.end()) return found->second;
  std::string known;
  for (const auto& [other, figures] : runs_) {
    if (other.scenario != key.scenario) continue;
    known += (known.empty() ? "" : "; ") + name_of(other);
  }
  if (!known.empty()) {
    throw UserError(
        fmt::format("--baseline {}: has nothing of {}; it has {}", path_, name_of(key), known));
  }
  for (const auto& [other, figures] : runs_) {
    const std::string name = other.scenario + (known.empty() ? "" : ", ");
    if (known.find(other.scenario) == std::string::npos) known = name + known;
  }
  throw UserError(fmt::format("--baseline {}: is not of scenario {}{}", path_, key.scenario,
                              known.empty() ? "; it is empty" : "; it is of " + known));
}

std::vector<Compared> Baseline::compare(const RunKey& key, const Report& report,
                                        const std::optional<Tolerance>& tolerance) const {
  const auto& recorded = find(key);
  auto figures = figures_of(report);
  std::vector<Compared> all;
  for (const auto& [name, record] : recorded) {
    const Tolerance& allowed =
        record.tolerance ? *record.tolerance : tolerance.value_or(tolerance_);
    Compared compared;
    compared.figure = name;
    compared.recorded = to_text(record.unit, record.value);
    compared.limit = to_text(record.unit, limit_of(record, allowed));
    compared.tolerance = allowed.text;
    const auto found = figures.find(name);
    if (found == figures.end() || found->second.unit != record.unit) {
      compared.state = Compared::State::Gone;
    } else {
      const std::int64_t value = found->second.value;
      compared.measured = to_text(record.unit, value);
      compared.state = value > limit_of(record, allowed)        ? Compared::State::Worse
                       : better_by_more(record, allowed, value) ? Compared::State::Better
                                                                : Compared::State::Within;
    }
    all.push_back(std::move(compared));
  }
  for (const auto& [name, figure] : figures) {
    if (recorded.count(name) != 0) continue;
    Compared compared;
    compared.figure = name;
    compared.measured = to_text(figure.unit, figure.value);
    compared.state = Compared::State::New;
    all.push_back(std::move(compared));
  }
  return all;
}

void Baseline::record(const RunKey& key, const Report& report) {
  std::map<std::string, Recorded>& old = runs_[key];
  std::map<std::string, Recorded> now;
  for (const auto& [name, figure] : figures_of(report)) {
    Recorded& entry = now[name];
    entry.unit = figure.unit;
    entry.value = figure.value;
    const auto before = old.find(name);
    if (before != old.end() && before->second.unit == figure.unit) {
      entry.tolerance = before->second.tolerance;
    }
  }
  old = std::move(now);
}

std::string Baseline::to_json() const {
  std::string text = "{\n  \"hvsim-baseline\": 1,\n  \"tolerance\": " + quoted(tolerance_.text) +
                     ",\n  \"runs\": [";
  const char* between_runs = "\n";
  for (const auto& [key, figures] : runs_) {
    text += between_runs;
    between_runs = ",\n";
    text += "    {\n      \"scenario\": " + quoted(key.scenario) +
            ",\n      \"seed\": " + std::to_string(key.seed) + ",\n      \"set\": [";
    for (std::size_t i = 0; i < key.set.size(); ++i)
      text += (i == 0 ? "" : ", ") + quoted(key.set[i]);
    text += "],\n      \"figures\": {";
    const char* between = "\n";
    for (const auto& [name, recorded] : figures) {
      text += between + std::string("        ") + quoted(name) + ": ";
      between = ",\n";
      text += recorded.tolerance
                  ? "{\"value\": " + value_text(recorded) +
                        ", \"tolerance\": " + tolerance_text(*recorded.tolerance) + "}"
                  : value_text(recorded);
    }
    text += "\n      }\n    }";
  }
  return text + "\n  ]\n}\n";
}

}  // namespace cli
