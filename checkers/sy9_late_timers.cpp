// SY-9 (spec I.3, B.9): a timer that is armed expires within a time of its expiration in which its
// partition runs without a break and its last message has found a slot. A periodic one that makes
// ticks good may take a period longer.
#include <algorithm>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/synthetic_timers.hpp"

namespace checkers {

namespace {

using traces::Time;

constexpr traces::Duration kTimerLate{10'000'000};

class LateTimers final : public TimerProperty {
 public:
  LateTimers() : TimerProperty("SY-9", "an armed timer expires in time") {}

 private:
  void look(Time now, const traces::Event* event) override {
    all_.for_each_running([&](PartitionTimers& timers, Time since) {
      if (!timers.clock.known()) return;
      for (const auto& [vp, of_vp] : timers.vps) {
        for (std::size_t index = 0; index < of_vp.size(); ++index) {
          const ProgrammedTimer& timer = of_vp[index];
          if (!timer.expiration || timer.queued) continue;
          const Time due = timers.clock.when(*timer.expiration);
          if (due > now || now - std::max({due, since, timer.freed}) <= patience(timer)) continue;
          complain(now, event,
                   name_of(vp, index) + " was due at " + milliseconds({due.ns}) +
                       " and has not expired");
        }
      }
    });
  }

  static traces::Duration patience(const ProgrammedTimer& timer) {
    constexpr std::uint64_t kLongPeriod = std::uint64_t{1} << 40;
    const std::uint64_t period = timer.periodic() ? std::min(timer.count, kLongPeriod) : 0;
    return {kTimerLate.ns + static_cast<std::int64_t>(period * 100)};
  }

  void complain(Time now, const traces::Event* event, const std::string& what) {
    if (event != nullptr) {
      violate(*event, what);
    } else {
      violate_at_end(now, what);
    }
  }

  void at_end(Time end) override { look(end, nullptr); }

  std::string measured() const override { return std::to_string(expirations_) + " expirations"; }
  std::string bound() const override { return "within " + milliseconds(kTimerLate); }
};

}  // namespace

std::unique_ptr<Checker> make_sy9() { return std::make_unique<LateTimers>(); }

}  // namespace checkers
