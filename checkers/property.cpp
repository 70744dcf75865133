#include "checkers/property.hpp"

#include <cstdio>
#include <utility>

namespace checkers {

std::string milliseconds(traces::Duration duration) {
  char text[48];
  std::snprintf(text, sizeof text, "%lld.%03lld ms",
                static_cast<long long>(duration.ns / 1'000'000),
                static_cast<long long>(duration.ns / 1'000 % 1'000));
  return text;
}

Figure lasts(std::string name, traces::Duration duration) {
  return {std::move(name), Figure::Unit::Nanoseconds, duration.ns};
}

Figure counts(std::string name, std::uint64_t number) {
  return {std::move(name), Figure::Unit::Count, static_cast<std::int64_t>(number)};
}

Property::Property(std::string id, std::string statement,
                   std::initializer_list<traces::EventType> events)
    : id_(std::move(id)), statement_(std::move(statement)) {
  for (traces::EventType type : events) events_.set(static_cast<std::size_t>(type));
}

void Property::violate(const traces::Event& event, std::string explanation) {
  violate_at(event.index, event.time, std::move(explanation));
}

void Property::violate_at(std::uint64_t event, traces::Time time, std::string explanation) {
  if (!violation_) violation_ = Violation{std::move(explanation), event, time};
}

void Property::violate_at_end(traces::Time end, std::string explanation) {
  violate_at(0, end, std::move(explanation));
}

void Property::lack(std::string what) {
  if (!lacking_) lacking_ = std::move(what);
}

Finding Property::conclude(traces::Time end, bool detail) {
  at_end(end);
  Finding finding;
  finding.property = id_;
  finding.statement = statement_;
  finding.measured = measured();
  finding.bound = bound();
  finding.figures = figures();
  if (needs_detail() && !detail) {
    // What looks like a violation may only be the other half of the story that is missing.
    finding.verdict = Verdict::Unknown;
    finding.explanation = "needs level 1 events, which were not recorded";
  } else if (violation_) {
    finding.verdict = Verdict::Violated;
    finding.explanation = violation_->explanation;
    finding.event = violation_->event;
    finding.time = violation_->time;
  } else if (lacking_) {
    finding.verdict = Verdict::Unknown;
    finding.explanation = *lacking_;
  } else {
    finding.verdict = Verdict::Holds;
  }
  return finding;
}

}  // namespace checkers
