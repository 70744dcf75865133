// What a scenario may expect besides the built-in checkers, each a small property with a bound.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "checkers/checker.hpp"
#include "checkers/makers.hpp"
#include "checkers/property.hpp"
#include "traces/text.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::Duration;
using traces::Time;

bool concerns(const Expectation& expectation, std::uint32_t vm) {
  return expectation.vm == 0 || expectation.vm == vm;
}

/// Counts migrations by outcome, as their sources report it last.
class MigrationCount final : public Property {
 public:
  MigrationCount(const Expectation& expectation, traces::MigrationOutcome outcome,
                 std::string statement)
      : Property(expectation.name, std::move(statement),
                 {ev::MigrationPhase::kType, ev::MigrationFinished::kType}),
        expectation_(expectation),
        outcome_(outcome) {}

  void on_event(const traces::Event& event) override {
    if (const auto* phase = event.as<ev::MigrationPhase>()) {
      if (phase->phase == traces::MigrationPhase::Preflight)
        sources_[phase->job] = event.node.value;
    } else if (const auto* end = event.as<ev::MigrationFinished>()) {
      const auto source = sources_.find(end->job);
      const bool at_source = source != sources_.end() && source->second == event.node.value;
      if (at_source && concerns(expectation_, end->vm)) last_[end->job] = end->outcome;
    }
  }

 private:
  std::int64_t count() const {
    return std::count_if(last_.begin(), last_.end(),
                         [this](const auto& job) { return job.second == outcome_; });
  }
  void at_end(Time end) override {
    if (count() != expectation_.bound) {
      violate_at_end(end,
                     std::to_string(count()) + " instead of " + std::to_string(expectation_.bound));
    }
  }
  std::string measured() const override { return std::to_string(count()); }
  std::string bound() const override { return std::to_string(expectation_.bound); }

  Expectation expectation_;
  traces::MigrationOutcome outcome_;
  std::map<std::uint64_t, std::uint32_t> sources_;
  std::map<std::uint64_t, traces::MigrationOutcome> last_;
};

/// The longest time for which a VM that had started stood still: suspended, on a host that was
/// paused, or gone with its host until it ran again. What its guest or the operator ended is off,
/// not down.
class Downtime final : public Property {
 public:
  explicit Downtime(const Expectation& expectation)
      : Property(expectation.name, "no VM stands still for longer",
                 {ev::VpState::kType, ev::VmState::kType, ev::NodePaused::kType,
                  ev::NodeResumed::kType, ev::NodeKilled::kType}),
        expectation_(expectation) {}

  void on_event(const traces::Event& event) override {
    if (const auto* vp = event.as<ev::VpState>()) {
      if (concerns(expectation_, vp->vm)) processor(event, *vp);
    } else if (const auto* state = event.as<ev::VmState>()) {
      if (state->state != traces::VmState::Stopping) return;
      stopped_.erase(state->vm);
      place_.erase(state->vm);
    } else if (event.as<ev::NodeResumed>() != nullptr) {
      for (const auto& [vm, node] : place_) {
        if (node == event.node.value) goes_on(event, vm);
      }
    } else {
      host_stops(event, event.as<ev::NodeKilled>() != nullptr);
    }
  }

 private:
  void processor(const traces::Event& event, const ev::VpState& vp) {
    if (vp.state == traces::VpState::Running) {
      place_[vp.vm] = event.node.value;
      goes_on(event, vp.vm);
      return;
    }
    // A skeleton on the target is born suspended, and what was turned off has no place any more.
    const auto place = place_.find(vp.vm);
    if (place == place_.end() || place->second != event.node.value) return;
    place_.erase(place);
    if (vp.state == traces::VpState::Suspended) stopped_.emplace(vp.vm, event.time);
  }

  void host_stops(const traces::Event& event, bool for_good) {
    for (auto it = place_.begin(); it != place_.end();) {
      const bool here = it->second == event.node.value;
      if (here) stopped_.emplace(it->first, event.time);
      it = here && for_good ? place_.erase(it) : std::next(it);
    }
  }

  void goes_on(const traces::Event& event, std::uint32_t vm) {
    const auto found = stopped_.find(vm);
    if (found == stopped_.end()) return;
    const Duration down = event.time - found->second;
    stopped_.erase(found);
    worst_ = std::max(worst_, down);
    if (down.ns >= expectation_.bound) {
      violate(event, "VM " + std::to_string(vm) + " stood still for " + milliseconds(down));
    }
  }

  void at_end(Time end) override {
    for (const auto& [vm, since] : stopped_) {
      worst_ = std::max(worst_, end - since);
      if ((end - since).ns >= expectation_.bound) {
        violate_at_end(
            end, "VM " + std::to_string(vm) + " still stands since " + traces::to_text(since));
      }
    }
  }
  std::string measured() const override { return milliseconds(worst_); }
  std::vector<Figure> figures() const override { return {lasts("downtime", worst_)}; }
  std::string bound() const override { return milliseconds(Duration{expectation_.bound}); }

  Expectation expectation_;
  std::map<std::uint32_t, std::uint32_t> place_;  // where a VM may run
  std::map<std::uint32_t, Time> stopped_;
  Duration worst_{};
};

/// Where VMs run: `runs-on`, `vm-off`, `survives-with-owner`.
class Places : public Property {
 public:
  Places(const Expectation& expectation, std::string statement)
      : Property(expectation.name, std::move(statement),
                 {ev::NodeAdded::kType, ev::NodeKilled::kType, ev::NodeRestarted::kType,
                  ev::VpState::kType, ev::VmOwner::kType, ev::VmState::kType, ev::VmCreated::kType,
                  ev::MigrationStarted::kType, ev::MigrationFinished::kType}),
        expectation_(expectation) {}

  void on_event(const traces::Event& event) override {
    const std::uint32_t here = event.node.value;
    if (const auto* added = event.as<ev::NodeAdded>()) {
      names_[here] = std::string(added->name);
      alive_.insert(here);
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      alive_.erase(here);
      for (auto& [vm, nodes] : running_) nodes.erase(here);
      for (auto& [vm, nodes] : states_) nodes.erase(here);
    } else if (event.as<ev::NodeRestarted>() != nullptr) {
      alive_.insert(here);
    } else if (const auto* vp = event.as<ev::VpState>()) {
      if (vp->state == traces::VpState::Running) {
        running_[vp->vm].insert(here);
      } else {
        running_[vp->vm].erase(here);
      }
    } else if (const auto* owner = event.as<ev::VmOwner>()) {
      owners_[owner->vm] = owner->owner;
    } else if (const auto* state = event.as<ev::VmState>()) {
      states_[state->vm][here] = state->state;
    } else if (const auto* created = event.as<ev::VmCreated>()) {
      vms_.insert_or_assign(created->vm, std::string(created->name));
    }
  }

 protected:
  const std::set<std::uint32_t>& places(std::uint32_t vm) { return running_[vm]; }
  std::string name(std::uint32_t node) const {
    const auto found = names_.find(node);
    return found == names_.end() ? "nowhere" : found->second;
  }
  std::string list(std::uint32_t vm) {
    std::string text;
    for (std::uint32_t node : running_[vm]) text += (text.empty() ? "" : ", ") + name(node);
    return text.empty() ? "nowhere" : text;
  }
  std::set<std::uint32_t> subjects() const {
    if (expectation_.vm != 0) return {expectation_.vm};
    std::set<std::uint32_t> all;
    for (const auto& [vm, name] : vms_) all.insert(vm);
    return all;
  }
  /// What was found of one VM; with its name when it is one of several.
  void measure(std::uint32_t vm, const std::string& text) {
    if (!measured_.empty()) measured_ += ", ";
    if (expectation_.vm == 0 && vms_.size() > 1) measured_ += vms_[vm] + ": ";
    measured_ += text;
  }

  Expectation expectation_;
  std::map<std::uint32_t, std::string> names_;
  std::set<std::uint32_t> alive_;
  std::map<std::uint32_t, std::string> vms_;
  std::map<std::uint32_t, std::set<std::uint32_t>> running_;
  std::map<std::uint32_t, std::uint32_t> owners_;
  std::map<std::uint32_t, std::map<std::uint32_t, traces::VmState>> states_;
  std::string measured_;
};

class RunsOn final : public Places {
 public:
  explicit RunsOn(const Expectation& expectation)
      : Places(expectation, "at the end the VM runs on this host and on no other") {}

 private:
  void at_end(Time end) override {
    measured_.clear();
    for (std::uint32_t vm : subjects()) {
      const auto& where = places(vm);
      measure(vm, list(vm));
      if (where.size() != 1 || name(*where.begin()) != expectation_.host) {
        violate_at_end(end, "VM " + std::to_string(vm) + " runs on " + list(vm));
      }
    }
  }
  std::string measured() const override { return measured_; }
  std::string bound() const override { return expectation_.host; }
};

class VmOff final : public Places {
 public:
  explicit VmOff(const Expectation& expectation)
      : Places(expectation, "at the end the VM runs nowhere") {}

 private:
  void at_end(Time end) override {
    measured_.clear();
    for (std::uint32_t vm : subjects()) {
      measure(vm, "runs on " + list(vm));
      if (!places(vm).empty()) {
        violate_at_end(end, "VM " + std::to_string(vm) + " runs on " + list(vm));
      }
    }
  }
  std::string measured() const override { return measured_; }
};

/// Exactly when its owning host never died, the VM runs; otherwise it is off, or in doubt and
/// visible as such (spec G.2).
class SurvivesWithOwner final : public Places {
 public:
  explicit SurvivesWithOwner(const Expectation& expectation)
      : Places(expectation,
               "a VM runs exactly if its owning host lived, else it is off or in doubt") {}

  void on_event(const traces::Event& event) override {
    if (event.as<ev::NodeKilled>() != nullptr) {
      for (const auto& [vm, owner] : owners_) {
        if (owner == event.node.value) lost_.insert(vm);
      }
      std::erase_if(moving_, [&](const auto& move) { return move.second == event.node.value; });
    } else if (const auto* started = event.as<ev::MigrationStarted>()) {
      moving_.insert_or_assign(started->vm, event.node.value);
    } else if (const auto* ended = event.as<ev::MigrationFinished>()) {
      const auto move = moving_.find(ended->vm);
      if (move != moving_.end() && move->second == event.node.value) moving_.erase(move);
    } else if (const auto* given = event.as<ev::VmOwner>()) {
      // A commit that was already on its way when the old owner died makes another host the owner.
      // The same host that comes back has lost what ran on it.
      if (given->owner != owners_[given->vm]) lost_.erase(given->vm);
    } else if (const auto* vp = event.as<ev::VpState>()) {
      if (vp->state == traces::VpState::Running) ran_.insert(vp->vm);
    } else if (const auto* state = event.as<ev::VmState>()) {
      // Started again, or ended by its guest or the operator: no matter of hosts any more.
      if (state->state == traces::VmState::Running) lost_.erase(state->vm);
      if (state->state == traces::VmState::Running) ended_.erase(state->vm);
      if (state->state == traces::VmState::Stopping) ended_.insert(state->vm);
    }
    Places::on_event(event);
  }

 private:
  void at_end(Time end) override {
    measured_.clear();
    for (std::uint32_t vm : subjects()) {
      const auto& where = places(vm);
      const bool lost = lost_.count(vm) != 0;
      bool doubt = false;
      for (const auto& [node, state] : states_[vm]) {
        doubt = doubt || state == traces::VmState::Critical;
      }
      const std::string who = name(owners_[vm]);
      measure(vm, "runs on " + list(vm) + ", owner " + who + (lost ? " died" : "") +
                      (doubt ? ", in doubt" : ""));
      if (where.size() > 1) violate_at_end(end, "VM runs on " + list(vm));
      if (lost && !where.empty()) {
        violate_at_end(end, "VM runs on " + list(vm) + " although its owner " + who + " died");
      }
      if (ran_.count(vm) == 0) {
        // Its start may have been refused, or not have come about yet.
        lack("VM " + vms_[vm] + " never ran");
      } else if (!lost && where.empty() && !doubt && moves_from_owner(vm)) {
        // It stands still, as every migrated VM does for a while. That migrations end is held by
        // `settles-within`, `runs-on` and `migrations-completed`.
        lack("a migration of VM " + vms_[vm] + " was under way at the end");
      } else if (!lost && where.empty() && !doubt && ended_.count(vm) == 0) {
        violate_at_end(end, "VM runs nowhere although its owner " + who + " lives");
      }
      if (!lost && !where.empty() && *where.begin() != owners_[vm]) {
        violate_at_end(end, "VM runs on " + list(vm) + ", its owner is " + who);
      }
    }
  }
  std::string measured() const override { return measured_; }

  bool moves_from_owner(std::uint32_t vm) const {
    const auto move = moving_.find(vm);
    const auto owner = owners_.find(vm);
    return move != moving_.end() && owner != owners_.end() && move->second == owner->second;
  }

  std::set<std::uint32_t> lost_;
  std::set<std::uint32_t> ended_;
  std::set<std::uint32_t> ran_;
  std::map<std::uint32_t, std::uint32_t> moving_;  ///< VMs under way, and their sources
};

class NoGuestPanic final : public Property {
 public:
  explicit NoGuestPanic(const Expectation& expectation)
      : Property(expectation.name, "no guest found its memory or disk wrong",
                 {ev::GuestLog::kType, ev::VpState::kType}),
        expectation_(expectation) {}

  void on_event(const traces::Event& event) override {
    if (const auto* log = event.as<ev::GuestLog>()) {
      if (!concerns(expectation_, log->vm)) return;
      ++lines_;
      if (log->line.rfind("PANIC", 0) == 0) violate(event, std::string(log->line));
    } else if (const auto* vp = event.as<ev::VpState>()) {
      if (concerns(expectation_, vp->vm) && vp->state == traces::VpState::Stopped &&
          vp->reason != "finalized") {
        violate(event, "a processor stopped: " + std::string(vp->reason));
      }
    }
  }

 private:
  std::string measured() const override { return std::to_string(lines_) + " lines of guests"; }
  Expectation expectation_;
  std::uint64_t lines_ = 0;
};

/// Every heartbeat but the last one in flight was answered with its number plus one (IC-2).
class HeartbeatsAnswered final : public Property {
 public:
  explicit HeartbeatsAnswered(const Expectation& expectation)
      : Property(expectation.name, "every heartbeat is answered with its number plus one",
                 {ev::HeartbeatSent::kType, ev::HeartbeatReceived::kType, ev::VmState::kType}),
        expectation_(expectation) {}

  void on_event(const traces::Event& event) override {
    if (const auto* sent = event.as<ev::HeartbeatSent>()) {
      if (!concerns(expectation_, sent->vm)) return;
      const auto open = open_.find(sent->vm);
      if (open != open_.end()) {
        violate(event, "heartbeat " + std::to_string(open->second) + " was not answered in time");
      }
      open_[sent->vm] = sent->sequence;
      ++sent_;
    } else if (const auto* received = event.as<ev::HeartbeatReceived>()) {
      if (!concerns(expectation_, received->vm)) return;
      const auto open = open_.find(received->vm);
      if (open == open_.end() || received->sequence != open->second + 1) {
        violate(event, "answer " + std::to_string(received->sequence) + " belongs to no heartbeat");
      }
      open_.erase(received->vm);
      ++answered_;
    } else if (const auto* state = event.as<ev::VmState>()) {
      // Started anew: who was asked last can no longer answer.
      if (state->state == traces::VmState::Starting) open_.erase(state->vm);
    }
  }

 private:
  void at_end(Time end) override {
    if (sent_ == 0) violate_at_end(end, "no heartbeat was ever sent");
  }
  std::string measured() const override {
    return std::to_string(answered_) + " of " + std::to_string(sent_) + " answered";
  }
  std::vector<Figure> figures() const override {
    return {counts("unanswered", sent_ - std::min(sent_, answered_))};
  }
  Expectation expectation_;
  std::map<std::uint32_t, std::uint64_t> open_;
  std::uint64_t sent_ = 0;
  std::uint64_t answered_ = 0;
};

}  // namespace

const std::vector<ExpectationInfo>& expectations() {
  static const std::vector<ExpectationInfo> all{
      {"migrations-completed", ExpectedValue::Count, "so many migrations complete", true},
      {"migrations-aborted", ExpectedValue::Count, "so many migrations are aborted", true},
      {"migrations-in-doubt", ExpectedValue::Count, "so many migrations end in doubt", true},
      {"downtime-below", ExpectedValue::Duration, "no VM stands still for so long", true},
      {"runs-on", ExpectedValue::Host, "at the end the VM runs on this host and on no other", true},
      {"vm-off", ExpectedValue::True, "at the end the VM runs nowhere", true},
      {"survives-with-owner", ExpectedValue::True,
       "a VM runs exactly if its owning host lived, else it is off or in doubt"},
      {"no-guest-panic", ExpectedValue::True, "no guest found its memory or disk wrong"},
      {"heartbeats-answered", ExpectedValue::True,
       "every heartbeat is answered with its number plus one", true},
      {"settles-within", ExpectedValue::Duration,
       "so long after the last fault ended, no migration is open and every VM is in its place",
       true},
      {"clock-within", ExpectedValue::Duration,
       "what a guest says of its clock is so close to its host's, and never goes back"},
  };
  return all;
}

std::unique_ptr<Checker> make_expectation(const Expectation& expectation) {
  using traces::MigrationOutcome;
  const std::string& name = expectation.name;
  if (name == "migrations-completed") {
    return std::make_unique<MigrationCount>(expectation, MigrationOutcome::Completed,
                                            "migrations that completed");
  }
  if (name == "migrations-aborted") {
    return std::make_unique<MigrationCount>(expectation, MigrationOutcome::Aborted,
                                            "migrations that were aborted");
  }
  if (name == "migrations-in-doubt") {
    return std::make_unique<MigrationCount>(expectation, MigrationOutcome::InDoubt,
                                            "migrations that stayed in doubt");
  }
  if (name == "downtime-below") return std::make_unique<Downtime>(expectation);
  if (name == "runs-on") return std::make_unique<RunsOn>(expectation);
  if (name == "vm-off") return std::make_unique<VmOff>(expectation);
  if (name == "survives-with-owner") return std::make_unique<SurvivesWithOwner>(expectation);
  if (name == "no-guest-panic") return std::make_unique<NoGuestPanic>(expectation);
  if (name == "heartbeats-answered") return std::make_unique<HeartbeatsAnswered>(expectation);
  if (name == "settles-within") return make_settles_within(expectation);
  if (name == "clock-within") return make_clock_within(expectation);
  return nullptr;
}

}  // namespace checkers
