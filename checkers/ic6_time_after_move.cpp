// IC-6 (spec I.8, D.3): a guest that came to another partition is ordered to set its clock before
// it gets a sample, and within one interval of samples; the host's time never goes back for it.
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "checkers/ic_messages.hpp"
#include "checkers/little_endian.hpp"
#include "checkers/makers.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::Duration;
using traces::Time;

constexpr Duration kInterval{5'000'000'000};

class TimeAfterMove final : public IcProperty {
 public:
  TimeAfterMove()
      : IcProperty("IC-6", "a guest that moved is told the time at once, and time never goes back",
                   {ev::VmState::kType}) {}

 private:
  struct Clock {
    bool agreed = false;
    std::uint64_t last = 0;                           ///< 100 ns since 1601
    std::pair<std::uint32_t, std::uint64_t> place{};  ///< node and partition where it runs
    std::optional<Time> owed;  ///< since when it runs elsewhere without having been told
  };

  void said(const traces::Event& event, const IcKey& key, const IcMessage& message) override {
    if (key.component != traces::IcComponent::TimeSync) return;
    Clock& clock = clocks_[key.vm];
    if (message.negotiates()) {
      clock.agreed = message.from_guest && message.body.size() >= 2 &&
                     load<std::uint16_t>(message.body, 0) == 1;
      if (!message.from_guest) clock.owed.reset();
      return;
    }
    constexpr std::uint32_t kWithReference = 4u << 16;
    const std::size_t flags_at = message.version >= kWithReference ? 16 : 24;
    if (message.from_guest || message.body.size() <= flags_at) return;
    // They may have agreed before this run began, which begins with a saved state then.
    clock.agreed = true;
    const auto now = load<std::uint64_t>(message.body, 0);
    const bool sync = (load<std::uint8_t>(message.body, flags_at) & 1) != 0;
    ++told_;
    if (now < clock.last) {
      violate(event, name_of(key) + " says a time that is " + std::to_string(clock.last - now) +
                         " ticks of 100 ns before what it said last");
    }
    clock.last = now;
    if (clock.owed && !sync) {
      violate(event, name_of(key) + " sends a sample to a guest whose clock was not set yet");
    }
    if (sync) clock.owed.reset();
  }

  void more(const traces::Event& event) override {
    if (const auto* vp = event.as<ev::VpState>()) {
      Clock& clock = clocks_[vp->vm];
      const std::pair here{event.node.value, vp->partition};
      if (vp->state != traces::VpState::Running) {
        // Where it was, its processors end when it runs elsewhere already.
        if (clock.place == here) stop(event, vp->vm, clock);
        return;
      }
      if (clock.agreed && clock.place != here && !clock.owed) {
        clock.owed = event.time;
        ++moves_;
      }
      clock.place = here;
    } else if (const auto* state = event.as<ev::VmState>()) {
      // A VM that was off has a guest that knows nothing of before.
      if (state->state == traces::VmState::Off) clocks_.erase(state->vm);
    }
  }

  /// It need not be told while it stands still; then it counts anew.
  void stop(const traces::Event& event, std::uint32_t vm, Clock& clock) {
    late(event.time, vm, clock);
    clock.owed.reset();
  }

  void late(Time now, std::uint32_t vm, const Clock& clock) {
    if (!clock.owed || now - *clock.owed <= kInterval) return;
    violate_at_end(now, "VM " + std::to_string(vm) + " was not told the time for " +
                            milliseconds(now - *clock.owed) + " after it had moved");
  }

  void at_end(Time end) override {
    for (const auto& [vm, clock] : clocks_) late(end, vm, clock);
  }

  std::string measured() const override {
    return std::to_string(told_) + " times told, " + std::to_string(moves_) + " moves";
  }
  std::string bound() const override { return "told within " + milliseconds(kInterval); }

  std::map<std::uint32_t, Clock> clocks_;  // by VM
  std::uint64_t told_ = 0;
  std::uint64_t moves_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_ic6() { return std::make_unique<TimeAfterMove>(); }

}  // namespace checkers
