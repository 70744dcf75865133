// settles-within: once the faults are over, an installation comes to rest in time. No migration is
// under way, and every VM runs where its owner is, or is off for a reason.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"
#include "traces/text.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::Duration;
using traces::Time;
using traces::VmState;

class SettlesWithin final : public Property {
 public:
  explicit SettlesWithin(const Expectation& expectation)
      : Property(expectation.name,
                 "so long after the last fault ended nothing is open and every VM is in its place",
                 {ev::NodeAdded::kType, ev::NodeKilled::kType, ev::NodeRestarted::kType,
                  ev::NodePaused::kType, ev::NodeResumed::kType, ev::FaultFired::kType,
                  ev::VerbStarted::kType, ev::VmCreated::kType, ev::VmOwner::kType,
                  ev::VmState::kType, ev::VpState::kType, ev::MigrationStarted::kType,
                  ev::MigrationPhase::kType, ev::MigrationFinished::kType}),
        bound_{expectation.bound},
        only_(expectation.vm) {}

  void on_event(const traces::Event& event) override {
    if (!late_ && event.time - calm_ > bound_) late_ = open();
    nodes(event);
    vms(event);
    migrations(event);
    if (disturbs(event)) {
      calm_ = event.time;
      late_.reset();
      settled_.reset();
    }
    if (!open().empty()) {
      settled_.reset();
    } else if (!settled_) {
      settled_ = event.time;
    }
  }

 private:
  using Job = std::pair<std::uint64_t, std::uint32_t>;  // migration job, node that works on it

  struct Vm {
    std::string name;
    std::uint32_t owner = 0;
    std::map<std::uint32_t, VmState> states;  ///< by node
    std::set<std::uint32_t> running;          ///< nodes whose processors may run it
    std::set<std::uint32_t> ends;             ///< nodes of its last migration
    bool lost = false;                        ///< its owner died while it ran
    bool ended = false;                       ///< by its guest or the operator
  };

  static bool disturbs(const traces::Event& event) {
    switch (event.type) {
      case ev::FaultFired::kType:
      case ev::NodeKilled::kType:
      case ev::NodeRestarted::kType:
      case ev::NodePaused::kType:
      case ev::NodeResumed::kType:
      case ev::VerbStarted::kType:
        return true;
      default:
        return false;
    }
  }

  void nodes(const traces::Event& event) {
    const std::uint32_t here = event.node.value;
    if (const auto* added = event.as<ev::NodeAdded>()) {
      names_[here] = std::string(added->name);
      up_.insert(here);
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      up_.erase(here);
      for (auto& [number, vm] : vms_) {
        vm.states.erase(here);
        vm.running.erase(here);
        if (vm.owner == here) vm.lost = true;
      }
      for (auto job = open_.begin(); job != open_.end();) {
        job = job->first.second == here ? open_.erase(job) : std::next(job);
      }
    } else if (event.as<ev::NodePaused>() != nullptr) {
      up_.erase(here);
    } else if (event.as<ev::NodeRestarted>() != nullptr || event.as<ev::NodeResumed>() != nullptr) {
      up_.insert(here);
    }
  }

  void vms(const traces::Event& event) {
    const std::uint32_t here = event.node.value;
    if (const auto* created = event.as<ev::VmCreated>()) {
      vms_[created->vm].name = std::string(created->name);
    } else if (const auto* owner = event.as<ev::VmOwner>()) {
      Vm& vm = vms_[owner->vm];
      if (vm.owner != owner->owner) vm.lost = false;
      vm.owner = owner->owner;
    } else if (const auto* state = event.as<ev::VmState>()) {
      Vm& vm = vms_[state->vm];
      vm.states[here] = state->state;
      if (state->state == VmState::Running) vm.lost = vm.ended = false;
      if (state->state == VmState::Stopping) vm.ended = true;
    } else if (const auto* vp = event.as<ev::VpState>()) {
      Vm& vm = vms_[vp->vm];
      if (vp->state == traces::VpState::Running) {
        vm.running.insert(here);
      } else {
        vm.running.erase(here);
      }
    }
  }

  void migrations(const traces::Event& event) {
    const std::uint32_t here = event.node.value;
    if (const auto* phase = event.as<ev::MigrationPhase>()) {
      // A target announces this phase when the VM runs already.
      const auto& states = vms_[phase->vm].states;
      const auto state = states.find(here);
      const bool runs = state != states.end() && state->second == VmState::Running;
      if (phase->phase == traces::MigrationPhase::Resume && runs) return;
      open_[{phase->job, here}] = phase->vm;
    } else if (const auto* started = event.as<ev::MigrationStarted>()) {
      vms_[started->vm].ends = {here, started->target};
    } else if (const auto* finished = event.as<ev::MigrationFinished>()) {
      open_.erase({finished->job, here});
    } else if (const auto* state = event.as<ev::VmState>()) {
      // A target has no other end: it runs the VM.
      if (state->state != VmState::Running) return;
      for (auto job = open_.begin(); job != open_.end();) {
        const bool over =
            job->first.second == here && job->second == state->vm && vms_[state->vm].owner == here;
        job = over ? open_.erase(job) : std::next(job);
      }
    }
  }

  std::string name(std::uint32_t node) const {
    const auto found = names_.find(node);
    return found == names_.end() ? "node " + std::to_string(node) : found->second;
  }

  /// What has not come to rest, "" when everything has.
  std::string open() const {
    for (const auto& [job, vm] : open_) {
      if (only_ != 0 && vm != only_) continue;
      return "migration " + std::to_string(job.first) + " of VM " + std::to_string(vm) +
             " is open on " + name(job.second);
    }
    for (const auto& [number, vm] : vms_) {
      if (only_ != 0 && number != only_) continue;
      std::string what = restless(vm);
      if (!what.empty()) return "VM " + std::to_string(number) + " (" + vm.name + ") " + what;
    }
    return "";
  }

  std::string restless(const Vm& vm) const {
    for (const auto& [node, state] : vm.states) {
      if (up_.count(node) == 0) continue;
      if (state == VmState::Critical) {
        const bool alone = std::any_of(vm.ends.begin(), vm.ends.end(),
                                       [this](std::uint32_t end) { return up_.count(end) == 0; });
        if (alone) return "";  // nobody is left to ask: it stays visible (spec G.2)
        return "is critical on " + name(node) + " although the other host is up";
      }
      const bool rests = state == VmState::Running || state == VmState::Off;
      if (!rests) return "is neither on nor off on " + name(node);
    }
    if (up_.count(vm.owner) == 0 || vm.lost || vm.ended || vm.states.empty()) return "";
    if (vm.running.count(vm.owner) != 0) return "";
    return "does not run although its owner " + name(vm.owner) + " is up";
  }

  void at_end(Time end) override {
    if (end - calm_ > bound_) {
      const std::string what = late_ ? *late_ : open();
      if (!what.empty()) {
        violate_at_end(end, "undisturbed since " + traces::to_text(calm_) + ", but after " +
                                traces::to_text(bound_) + " " + what);
      }
    } else if (!open().empty()) {
      lack("the run ended too early: " + open());
    }
  }

  std::string measured() const override {
    if (!settled_) return "not settled";
    return milliseconds(std::max(*settled_ - calm_, Duration{0}));
  }
  std::string bound() const override { return milliseconds(bound_); }
  std::vector<Figure> figures() const override {
    if (!settled_) return {};
    return {lasts("time to settle", std::max(*settled_ - calm_, Duration{0}))};
  }

  Duration bound_;
  std::uint32_t only_;
  Time calm_{};                      ///< the last fault, restart or verb
  std::optional<std::string> late_;  ///< what was open when the time was up; "" nothing
  std::optional<Time> settled_;
  std::map<std::uint32_t, std::string> names_;
  std::set<std::uint32_t> up_;
  std::map<std::uint32_t, Vm> vms_;
  std::map<Job, std::uint32_t> open_;  ///< migrations under way, and their VM
};

}  // namespace

std::unique_ptr<Checker> make_settles_within(const Expectation& expectation) {
  return std::make_unique<SettlesWithin>(expectation);
}

}  // namespace checkers
