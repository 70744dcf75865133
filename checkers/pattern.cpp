#include "checkers/pattern.hpp"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "checkers/expression.hpp"
#include "checkers/pattern_parts.hpp"
#include "traces/assert.hpp"

namespace checkers {

namespace {

using traces::Duration;
using traces::Event;
using traces::Time;

/// never, always: one event decides.
class EachEvent final : public PatternChecker {
 public:
  EachEvent(const Pattern& pattern, std::uint32_t vm) : PatternChecker(pattern, vm) {}

 private:
  void look(const Event& event) override {
    const Matcher& subject = part(kFirst);
    if (subject.is_type(event) && in_force(event)) {
      ++seen_;
      const Match match = subject.match(event);
      const bool never = pattern().kind == Pattern::Kind::Never;
      if (match == Match::Yes) ++matched_;
      if (match == (never ? Match::Yes : Match::No)) {
        violate(event,
                describe(event) +
                    (never ? since() : " does not satisfy `" + pattern().events[0].where + "`"));
      }
    }
    if (has(kAfter) && part(kAfter).match(event) == Match::Yes) {
      remember(kAfter, event);
      started_ = event.time;
    }
  }

  bool in_force(const Event& event) const {
    if (!has(kAfter)) return true;
    if (!started_) return false;
    return !pattern().within || event.time - *started_ <= *pattern().within;
  }
  std::string since() const { return started_ ? ", " + capture_text(kAfter) + " before it" : ""; }

  std::string measured() const override {
    return std::to_string(matched_) + " of " + std::to_string(seen_);
  }
  std::string bound() const override {
    return pattern().kind == Pattern::Kind::Never ? "0" : "all";
  }

  std::optional<Time> started_;
  std::uint64_t seen_ = 0;
  std::uint64_t matched_ = 0;
};

/// eventually: every start opens an obligation that a later event meets.
class Eventually final : public PatternChecker {
 public:
  Eventually(const Pattern& pattern, std::uint32_t vm) : PatternChecker(pattern, vm) {
    if (!has(kAfter)) open_.push_back({});
  }

 private:
  struct Obligation {
    traces::OwnedEvent start;
    Time since{};
  };

  void look(const Event& event) override {
    expire(event);
    if (part(kFirst).is_type(event)) {
      for (std::size_t i = 0; i < open_.size();) {
        if (has(kAfter)) lend(kAfter, &open_[i].start.event());
        if (part(kFirst).match(event) == Match::Yes) {
          longest_ = std::max(longest_, event.time - open_[i].since);
          ++met_;
          open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
          ++i;
        }
      }
      if (has(kAfter)) lend(kAfter, nullptr);
    }
    if (has(kAfter) && part(kAfter).match(event) == Match::Yes) {
      open_.push_back({traces::OwnedEvent(event), event.time});
      ++started_;
    }
  }

  /// The first deadline that has passed. Only the first violation counts, so the rest can wait.
  void expire(const Event& event) {
    if (!pattern().within || open_.empty() || violated()) return;
    const Obligation& oldest = open_.front();
    if (event.time - oldest.since > *pattern().within) {
      violate(event, missing(oldest) + " within " + traces::to_text(*pattern().within));
    }
  }

  std::string missing(const Obligation& open) const {
    const std::string what = pattern_text(pattern().events[0]);
    if (!has(kAfter)) return "no " + what;
    return "after " + recall(open.start.event()) + " no " + what + " came";
  }

  void at_end(Time end) override {
    if (open_.empty()) return;
    const Obligation& oldest = open_.front();
    const auto within = pattern().within;
    if (!within) {
      violate_at_end(end, missing(oldest) + " before the end");
    } else if (end - oldest.since > *within) {
      violate_at_end(end, missing(oldest) + " within " + traces::to_text(*within));
    } else {
      lack("the run ended before the time was up: " + missing(oldest) + " so far, " +
           traces::to_text(*within - (end - oldest.since)) + " were left");
    }
  }

  std::string measured() const override {
    if (met_ == 0) return has(kAfter) ? "0 of " + std::to_string(started_) : "none";
    std::string text = "at most " + milliseconds(longest_);
    if (has(kAfter)) text = std::to_string(met_) + " of " + std::to_string(started_) + ", " + text;
    return text;
  }
  std::string bound() const override {
    return pattern().within ? traces::to_text(*pattern().within) : "";
  }
  std::vector<Figure> figures() const override {
    if (met_ == 0) return {};
    return {lasts("longest", longest_)};
  }

  std::deque<Obligation> open_;
  Duration longest_{};
  std::uint64_t started_ = 0;
  std::uint64_t met_ = 0;
};

class AtMost final : public PatternChecker {
 public:
  AtMost(const Pattern& pattern, std::uint32_t vm)
      : PatternChecker(pattern, vm), counting_(!has(kAfter)) {}

 private:
  void look(const Event& event) override {
    if (counting_ && has(kUntil) && part(kUntil).match(event) == Match::Yes) {
      counting_ = false;
    } else if (counting_ && part(kFirst).match(event) == Match::Yes) {
      ++count_;
      worst_ = std::max(worst_, count_);
      if (count_ > pattern().most) {
        violate(event, describe(event) + " is number " + std::to_string(count_) +
                           (has(kAfter) ? " since " + capture_text(kAfter) : ""));
      }
    }
    if (has(kAfter) && part(kAfter).match(event) == Match::Yes) {
      remember(kAfter, event);
      counting_ = true;
      count_ = 0;
    }
  }

  std::string measured() const override { return std::to_string(worst_); }
  std::string bound() const override { return "at most " + std::to_string(pattern().most); }
  std::vector<Figure> figures() const override { return {counts("most", worst_)}; }

  bool counting_;
  std::uint64_t count_ = 0;
  std::uint64_t worst_ = 0;
};

/// ordered: how far the listed events have come since the first of them last happened.
class Ordered final : public PatternChecker {
 public:
  Ordered(const Pattern& pattern, std::uint32_t vm) : PatternChecker(pattern, vm) {}

 private:
  void look(const Event& event) override {
    // What comes next goes first, so that two entries about one event advance one by one.
    if (reached_ < parts() && part(reached_).match(event) == Match::Yes) return advance(event);
    for (std::size_t i = 0; i < parts(); ++i) {
      if (i == reached_ || part(i).match(event) != Match::Yes) continue;
      if (i == 0) {
        forget();
        reached_ = 0;
        return advance(event);
      }
      if (i < reached_) return;  // once more: its turn has been
      violate(event, describe(event) + " before any " + pattern_text(pattern().events[reached_]));
      return;
    }
  }

  void advance(const Event& event) {
    remember(reached_, event);
    ++reached_;
    if (reached_ == parts()) ++complete_;
  }

  void at_end(Time end) override {
    if (complete_ != 0) return;
    violate_at_end(end, "there was no " + pattern_text(pattern().events[reached_]) +
                            (reached_ == 0 ? "" : " after " + capture_text(reached_ - 1)));
  }
  std::string measured() const override {
    return std::to_string(complete_) + (complete_ == 1 ? " time" : " times");
  }
  std::string bound() const override { return "in this order"; }

  std::size_t reached_ = 0;  ///< entries that have happened in this round
  std::uint64_t complete_ = 0;
};

}  // namespace

bool is_liveness(const Pattern& pattern) {
  return pattern.kind == Pattern::Kind::Eventually || pattern.kind == Pattern::Kind::Ordered;
}

std::unique_ptr<Checker> make_pattern(const Pattern& pattern, std::uint32_t vm) {
  HVSIM_ASSERT(!find_mistake(pattern), "patterns are looked at before they are used");
  switch (pattern.kind) {
    case Pattern::Kind::Never:
    case Pattern::Kind::Always:
      return std::make_unique<EachEvent>(pattern, vm);
    case Pattern::Kind::Eventually:
      return std::make_unique<Eventually>(pattern, vm);
    case Pattern::Kind::AtMost:
      return std::make_unique<AtMost>(pattern, vm);
    case Pattern::Kind::Ordered:
      return std::make_unique<Ordered>(pattern, vm);
  }
  return nullptr;
}

}  // namespace checkers
