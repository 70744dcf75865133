// clock-within (spec I.8, IC-6): what a guest says that its clock shows is what its host's clock
// shows, soon after it went on after every pause, and never less than it said before.
//
// A guest says it as a line `guest: clock N`, N nanoseconds since 1970, at once when it has read
// its clock (the program `clock` of the Linux guests).
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"
#include "traces/text.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::Duration;
using traces::Time;

/// A guest is told the time when it goes on, and needs a moment to do as it is told.
constexpr Duration kToSetIt{50'000'000};
constexpr std::string_view kClockLine = "guest: clock ";
/// 1970-01-01 in 100 ns since 1601-01-01.
constexpr std::uint64_t kUnixEpochTicks = 116'444'736'000'000'000;

class ClockWithin final : public Property {
 public:
  explicit ClockWithin(const Expectation& expectation)
      : Property(
            expectation.name,
            "a guest's clock is so close to its host's soon after every pause, never goes back",
            {ev::GuestLog::kType, ev::TimeSync::kType, ev::VpState::kType, ev::VmState::kType}),
        bound_{expectation.bound},
        only_(expectation.vm) {}

  void on_event(const traces::Event& event) override {
    if (const auto* told = event.as<ev::TimeSync>()) {
      tell(event, *told);
    } else if (const auto* vp = event.as<ev::VpState>()) {
      if (vp->state == traces::VpState::Running) guests_[vp->vm].runs_since = event.time;
    } else if (const auto* state = event.as<ev::VmState>()) {
      if (state->state == traces::VmState::Starting) guests_.erase(state->vm);
    } else if (const auto* log = event.as<ev::GuestLog>()) {
      if (only_ != 0 && log->vm != only_) return;
      if (const auto clock = clock_in(log->line)) read(event, log->vm, *clock);
    }
  }

 private:
  struct Guest {
    bool told = false;
    std::optional<Time> runs_since;
    std::optional<std::int64_t> last;   ///< what it said, in ns
    std::optional<std::int64_t> began;  ///< by its first reading: when the world began, in ns
  };

  static std::optional<std::int64_t> clock_in(std::string_view line) {
    if (line.substr(0, kClockLine.size()) != kClockLine) return std::nullopt;
    line.remove_prefix(kClockLine.size());
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (error != std::errc{} || end != line.data() + line.size() || value < 0) return std::nullopt;
    return value;
  }

  /// All hosts have one time, and the first that is told of it stands for the world's.
  void tell(const traces::Event& event, const ev::TimeSync& told) {
    guests_[told.vm].told = true;
    if (world_began_ || told.host_time < kUnixEpochTicks) return;
    constexpr std::int64_t kTick = 100;
    const std::uint64_t ticks =
        std::min<std::uint64_t>(told.host_time - kUnixEpochTicks, std::uint64_t{1} << 56);
    world_began_ = static_cast<std::int64_t>(ticks) * kTick - event.time.ns;
  }

  void read(const traces::Event& event, std::uint32_t vm, std::int64_t clock) {
    Guest& guest = guests_[vm];
    if (guest.last && clock < *guest.last) {
      violate(event, "the clock of VM " + std::to_string(vm) + " went back by " +
                         milliseconds(Duration{*guest.last - clock}));
    }
    guest.last = clock;
    ++readings_;
    // What it began with is as good as the host's word where there is none.
    if (!guest.began) guest.began = clock - event.time.ns;
    if (!guest.runs_since || event.time - *guest.runs_since < kToSetIt) return;
    // A guest that boots takes some other time for granted until somebody tells it.
    if (world_began_ && !guest.told && clock < *world_began_) return;
    ++judged_;
    const Duration behind{world_began_.value_or(*guest.began) + event.time.ns - clock};
    const Duration off{behind.ns < 0 ? -behind.ns : behind.ns};
    worst_ = std::max(worst_, off);
    if (off <= bound_) return;
    violate(event, "the clock of VM " + std::to_string(vm) + " is " + milliseconds(off) +
                       (behind.ns < 0 ? " ahead of" : " behind") + " its host's");
  }

  void at_end(Time /*end*/) override {
    if (judged_ == 0) lack("no guest said what its clock shows, or only at once after a pause");
  }
  std::string measured() const override {
    return "at most " + milliseconds(worst_) + " in " + std::to_string(judged_) + " of " +
           std::to_string(readings_) + " readings";
  }
  std::vector<Figure> figures() const override { return {lasts("clock off", worst_)}; }
  std::string bound() const override { return milliseconds(bound_); }

  const Duration bound_;
  const std::uint32_t only_;
  std::optional<std::int64_t> world_began_;  ///< what the hosts' clocks showed then, ns since 1970
  std::map<std::uint32_t, Guest> guests_;    // by VM
  std::uint64_t readings_ = 0;
  std::uint64_t judged_ = 0;
  Duration worst_{};
};

}  // namespace

std::unique_ptr<Checker> make_clock_within(const Expectation& expectation) {
  return std::make_unique<ClockWithin>(expectation);
}

}  // namespace checkers
