#include "scenarios/shrink/shrink.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "scenarios/language/parser.hpp"
#include "scenarios/language/source.hpp"
#include "scenarios/language/writer.hpp"
#include "scenarios/shrink/candidates.hpp"
#include "scenarios/shrink/judge.hpp"

namespace scenarios {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// What a run of the original may take. Longer is a hang.
constexpr milliseconds kFirstLimit{60'000};
/// A candidate is simpler than the original; one that takes this much longer hangs.
constexpr int kPatience = 20;
constexpr milliseconds kShortestLimit{2'000};

/// What an explanation says without its figures: another shape is another failure of the property.
std::string shape_of(const std::string& explanation) {
  std::istringstream words(explanation);
  std::string shape;
  for (std::string word; words >> word;) {
    const bool figure = word.find_first_of("0123456789") != std::string::npos;
    shape += (figure ? "#" : word) + " ";
  }
  return shape;
}

/// The scenario in which nothing goes wrong: no fault, no trouble that was drawn or invited.
Scenario without_trouble(Scenario scenario) {
  scenario.faults.clear();
  scenario.buggify.clear();
  scenario.decisions.emplace();
  return scenario;
}

class Shrinker {
 public:
  Shrinker(const Scenario& failing, const ShrinkOptions& options)
      : options_(options), current_(failing), begin_(Clock::now()) {}

  Shrunk run() {
    const Judged first = judge(current_, options_.plants, options_.property, kFirstLimit);
    note(first);
    if (!violation_) refuse(first);
    limit_ = std::max(kShortestLimit, first.took * kPatience);
    if (options_.property == kHang) limit_ = kShortestLimit;
    shape_ = shape_of(violation_->explanation);
    trouble_matters_ = holds_without_trouble(current_);
    make_concrete(first);
    bool changed = true;
    while (changed && !expired()) {
      changed = false;
      for (const Pass& pass : passes()) changed = exhaust(pass) || changed;
    }
    return result(!changed && !expired());
  }

 private:
  [[noreturn]] void refuse(const Judged& judged) const {
    std::string others;
    for (const Violation& one : judged.violations) {
      others += (others.empty() ? "; it violates " : ", ") + one.property;
    }
    throw UserError(current_.file + ": does not violate " + options_.property +
                    (others.empty() ? ", nor anything else" : others));
  }

  bool expired() const { return Clock::now() - begin_ >= options_.limit; }

  /// What the run drew becomes a list, so that choices can be dropped one by one.
  void make_concrete(const Judged& first) {
    Scenario explicit_choices = current_;
    explicit_choices.vary.clear();
    explicit_choices.budget.reset();
    if (!explicit_choices.decisions) explicit_choices.decisions = first.decisions;
    if (offer(std::move(explicit_choices))) return;
    // A crash tells nothing of what it drew: then the choices stay the seed's.
    Scenario plain = current_;
    plain.vary.clear();
    plain.budget.reset();
    offer(std::move(plain));
  }

  bool exhaust(const Pass& pass) {
    bool changed = false;
    while (!expired() &&
           pass.run(current_, [this](Scenario next) { return offer(std::move(next)); })) {
      changed = true;
    }
    return changed;
  }

  /// True when the candidate fails like the original; it is then the current one.
  bool offer(Scenario candidate) {
    if (expired()) return false;
    const std::string text = write_scenario(candidate);
    if (!seen_.insert(text).second) return false;
    Scenario parsed;
    try {
      parsed = parse_scenario(current_.file, text);
    } catch (const UserError&) {
      return false;
    }
    ++tried_;
    const Judged judged = judge(parsed, options_.plants, options_.property, limit_);
    const Violation* found = judged.find(options_.property);
    const bool fails = found != nullptr && shape_of(found->explanation) == shape_ &&
                       (!trouble_matters_ || holds_without_trouble(parsed));
    if (fails) {
      current_ = std::move(parsed);
      note(judged);
    }
    if (options_.progress) options_.progress(tried_, count_causes(current_));
    return fails;
  }

  /// Whether faults, or a planted bug, are what breaks the property. What began as such a failure
  /// must not end as a world that is too short or too empty for the property to hold at all.
  bool holds_without_trouble(const Scenario& scenario) {
    if (options_.property == kCrash || options_.property == kHang) return true;
    const Scenario calm = without_trouble(scenario);
    const auto [known, fresh] = calm_.emplace(write_scenario(calm), false);
    if (!fresh) return known->second;
    ++tried_;
    known->second = judge(calm, {}, options_.property, limit_).find(options_.property) == nullptr;
    return known->second;
  }

  void note(const Judged& judged) {
    const Violation* found = judged.find(options_.property);
    violation_ = found == nullptr ? std::nullopt : std::optional(*found);
  }

  Shrunk result(bool minimal) {
    Shrunk shrunk;
    shrunk.scenario = current_;
    shrunk.causes = causes_of(current_);
    shrunk.explanation = violation_->explanation;
    shrunk.tried = tried_;
    shrunk.minimal = minimal;
    // The instant is the smallest scenario's; there is no time for another's either.
    if (!options_.critical_instant || !minimal) return shrunk;
    shrunk.instant = find_critical_instant(current_, options_.plants, *violation_, limit_);
    if (shrunk.instant.kind == CriticalInstant::Kind::Found) {
      shrunk.critical = shrunk.instant.last_chance;
    }
    return shrunk;
  }

  const ShrinkOptions& options_;
  Scenario current_;
  Clock::time_point begin_;
  milliseconds limit_{};
  std::optional<Violation> violation_;
  std::string shape_;             ///< of the first explanation
  bool trouble_matters_ = false;  ///< without any the first scenario holds
  std::set<std::string> seen_;    ///< files that were tried
  std::map<std::string, bool> calm_;
  std::uint64_t tried_ = 0;
};

}  // namespace

Shrunk shrink(const Scenario& failing, const ShrinkOptions& options) {
  return Shrinker(failing, options).run();
}

}  // namespace scenarios
