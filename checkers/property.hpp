// What most checkers share: they remember the first violation, count what they looked at, and put
// the finding together.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "checkers/checker.hpp"

namespace checkers {

/// "1.234 ms", exact to the microsecond, for findings.
std::string milliseconds(traces::Duration duration);

// Figures by kind.
Figure lasts(std::string name, traces::Duration duration);
Figure counts(std::string name, std::uint64_t number);

class Property : public Checker {
 public:
  Property(std::string id, std::string statement, std::initializer_list<traces::EventType> events);

  traces::EventSet events() const override { return events_; }
  bool violated() const override { return violation_.has_value(); }
  Finding conclude(traces::Time end, bool detail) override;

 protected:
  /// Notes a violation; only the first one counts.
  void violate(const traces::Event& event, std::string explanation);
  /// For violations that show only after the event that decided.
  void violate_at(std::uint64_t event, traces::Time time, std::string explanation);
  /// For violations that show only at the end of the run.
  void violate_at_end(traces::Time end, std::string explanation);
  /// Says why nothing can be said: Unknown unless something was violated.
  void lack(std::string what);

  /// Last looks at the end of the run: deadlines, things that never came.
  virtual void at_end(traces::Time end) {}
  /// The figure of this run, e.g. "3 migrations".
  virtual std::string measured() const = 0;
  virtual std::string bound() const { return ""; }
  /// What of it a baseline may hold later runs against.
  virtual std::vector<Figure> figures() const { return {}; }
  /// A checker that needs level 1 events says Unknown without them.
  virtual bool needs_detail() const { return false; }

 private:
  struct Violation {
    std::string explanation;
    std::uint64_t event;
    traces::Time time;
  };
  std::string id_;
  std::string statement_;
  traces::EventSet events_;
  std::optional<Violation> violation_;
  std::optional<std::string> lacking_;
};

}  // namespace checkers
