// SY-8 (spec I.3, B.9): a synthetic timer expires when it was programmed to and never before: once
// for each arming, or at multiples of its period; not at all when it is disabled. Its message names
// the time for which it was programmed and that at which it was delivered, and has no second one
// beside it.
#include <string>

#include "checkers/makers.hpp"
#include "checkers/synthetic_timers.hpp"

namespace checkers {

namespace {

class Timers final : public TimerProperty {
 public:
  Timers()
      : TimerProperty("SY-8", "timers expire as programmed: never early, once for each arming") {}

 private:
  void breach(const traces::Event& event, const std::string& what) override {
    violate(event, what);
  }
  std::string measured() const override { return std::to_string(expirations_) + " expirations"; }
};

}  // namespace

std::unique_ptr<Checker> make_sy8() { return std::make_unique<Timers>(); }

}  // namespace checkers
