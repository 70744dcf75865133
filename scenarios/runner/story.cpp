#include "scenarios/runner/story.hpp"

#include <fmt/format.h>

#include <ostream>

#include "traces/reflection.hpp"

namespace scenarios {

namespace ev = traces::ev;

namespace {

constexpr std::uint64_t kPage = 4096;

/// Milliseconds with three digits behind the point, exact.
std::string milliseconds(std::int64_t ns) {
  return fmt::format("{}.{:03} ms", ns / 1'000'000, ns / 1'000 % 1'000);
}

template <class Enum>
std::string name_of(const traces::Event& event, const char* field, Enum) {
  const auto value = traces::field(event, field);
  std::string text(value ? traces::to_text(*value) : "?");
  for (char& c : text) c = c == '_' ? ' ' : c;
  return text;
}

}  // namespace

std::string human_bytes(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.3g} {}", value, kUnits[unit]);
}

traces::EventSet Story::events() {
  traces::EventSet set;
  for (traces::EventType type :
       {ev::NodeAdded::kType,         ev::NodeKilled::kType,       ev::NodeRestarted::kType,
        ev::NodePaused::kType,        ev::NodeResumed::kType,      ev::FaultFired::kType,
        ev::PlantFired::kType,        ev::BuggifyFired::kType,     ev::VerbStarted::kType,
        ev::VerbFinished::kType,      ev::GuestLog::kType,         ev::VmCreated::kType,
        ev::VmState::kType,           ev::VmOwner::kType,          ev::VpState::kType,
        ev::VpIntercept::kType,       ev::MigrationStarted::kType, ev::MigrationCheck::kType,
        ev::MigrationPhase::kType,    ev::MigrationRound::kType,   ev::MigrationCommit::kType,
        ev::MigrationFinished::kType, ev::MigrationVerdict::kType, ev::DiskOpened::kType,
        ev::DiskPowerLost::kType,     ev::LinkState::kType,        ev::WorldEnded::kType}) {
    set.set(static_cast<std::size_t>(type));
  }
  return set;
}

void Story::line(const traces::Event& event, const std::string& text) {
  const std::string who = event.node.value == 0 ? "" : nodes_.of(event.node);
  out_ << fmt::format("{:>14}  {:<10} {}\n", milliseconds(event.time.ns), who, text);
}

std::string Story::vm(std::uint32_t number) const {
  const auto found = vms_.find(number);
  return found == vms_.end() ? fmt::format("VM {}", number) : found->second;
}

std::string Story::node(std::uint32_t id) const { return nodes_.of(traces::NodeId{id}); }

void Story::on_event(const traces::Event& event) {
  nodes_.learn(event);
  machine(event);
  migration(event);
  trouble(event);
}

void Story::machine(const traces::Event& event) {
  if (const auto* created = event.as<ev::VmCreated>()) {
    vms_[created->vm] = std::string(created->name);
    if (created->partition == 0) {
      line(event, fmt::format("{} is configured: {} of memory, guest {}", created->name,
                              human_bytes(created->pages * kPage), created->guest));
    }
  } else if (const auto* state = event.as<ev::VmState>()) {
    line(event, fmt::format("{} is {} ({})", vm(state->vm), name_of(event, "state", state->state),
                            state->reason));
  } else if (const auto* log = event.as<ev::GuestLog>()) {
    line(event, fmt::format("{} says: {}", vm(log->vm), log->line));
  } else if (const auto* verb = event.as<ev::VerbStarted>()) {
    if (verb->verb == "new-vm") return;  // vm.created tells it better
    const char* joint = verb->argument.empty() ? "" : verb->verb == "move-vm" ? " to " : ": ";
    line(event, fmt::format("job {}: {} {}{}{}", verb->job, verb->verb, vm(verb->vm), joint,
                            verb->argument));
  } else if (const auto* done = event.as<ev::VerbFinished>()) {
    const bool quiet = done->status == traces::JobStatus::Completed && done->verb != "move-vm" &&
                       done->detail.empty();
    if (quiet) return;
    const std::string why = done->detail.empty() ? "" : fmt::format(": {}", done->detail);
    line(event, fmt::format("job {}: {} {}{}", done->job, done->verb,
                            name_of(event, "status", done->status), why));
  } else if (event.as<ev::WorldEnded>() != nullptr) {
    line(event, "the world ends");
  }
}

void Story::migration(const traces::Event& event) {
  if (const auto* check = event.as<ev::MigrationCheck>()) {
    const std::string detail = check->detail.empty() ? "" : fmt::format(" ({})", check->detail);
    line(event,
         fmt::format("pre-flight: {}: {}{}", check->check, check->passed ? "yes" : "no", detail));
  } else if (const auto* started = event.as<ev::MigrationStarted>()) {
    line(event, fmt::format("setup: {} of {} to {}, at most {} rounds, stop at {} dirty pages",
                            human_bytes(started->pages * kPage), vm(started->vm),
                            node(started->target), started->round_limit, started->threshold));
  } else if (const auto* phase = event.as<ev::MigrationPhase>()) {
    line(event, fmt::format("phase: {}", name_of(event, "phase", phase->phase)));
  } else if (const auto* round = event.as<ev::MigrationRound>()) {
    const std::string what = round->final ? "final set" : fmt::format("round {}", round->round);
    line(event,
         fmt::format("{}: {} pages, {} in {}, {} dirty by then", what, round->pages,
                     human_bytes(round->bytes), milliseconds(round->took.ns), round->remaining));
  } else if (const auto* vp = event.as<ev::VpState>()) {
    if (vp->reason == "created" || vp->reason == "finalized") return;
    if (vp->state == traces::VpState::Suspended) {
      suspended_[vp->vm] = event.time;
      line(event, fmt::format("{} stops ({})", vm(vp->vm), vp->reason));
    } else if (vp->state == traces::VpState::Running && suspended_.count(vp->vm) != 0) {
      line(event, fmt::format("{} runs again ({}) after {}", vm(vp->vm), vp->reason,
                              milliseconds((event.time - suspended_[vp->vm]).ns)));
      suspended_.erase(vp->vm);
    } else if (vp->state == traces::VpState::Stopped) {
      line(event, fmt::format("{}'s processor stops for good ({})", vm(vp->vm), vp->reason));
    } else {
      line(event, fmt::format("{} runs ({})", vm(vp->vm), vp->reason));
    }
  } else if (const auto* commit = event.as<ev::MigrationCommit>()) {
    line(event, fmt::format("commit record: {}, owner is {}", name_of(event, "step", commit->step),
                            node(commit->owner)));
  } else if (const auto* said = event.as<ev::MigrationVerdict>()) {
    line(event, fmt::format("asked whether it took {} over with epoch {}: {}; its record has {}",
                            vm(said->vm), said->asked, name_of(event, "verdict", said->verdict),
                            said->epoch));
  } else if (const auto* end = event.as<ev::MigrationFinished>()) {
    const std::string why = end->reason.empty() ? "" : fmt::format(": {}", end->reason);
    line(event, fmt::format("migration of {} {} here{}", vm(end->vm),
                            name_of(event, "outcome", end->outcome), why));
  } else if (const auto* disk = event.as<ev::DiskOpened>()) {
    if (!disk->granted) line(event, fmt::format("disk {} is refused", disk->disk));
  }
}

void Story::trouble(const traces::Event& event) {
  if (const auto* killed = event.as<ev::NodeKilled>()) {
    line(event, fmt::format("POWER LOST ({})", killed->reason));
  } else if (event.as<ev::NodeRestarted>() != nullptr) {
    line(event, "boots again");
  } else if (event.as<ev::NodePaused>() != nullptr) {
    line(event, "stands still");
  } else if (event.as<ev::NodeResumed>() != nullptr) {
    line(event, "goes on");
  } else if (const auto* fault = event.as<ev::FaultFired>()) {
    line(event, fmt::format("FAULT {} {} {}", fault->fault, fault->target, fault->detail));
  } else if (const auto* plant = event.as<ev::PlantFired>()) {
    line(event, fmt::format("PLANTED BUG {} takes effect", plant->plant));
  } else if (const auto* point = event.as<ev::BuggifyFired>()) {
    const auto [known, first] = invited_.emplace(point->point);
    if (first) line(event, fmt::format("invited trouble: {}, here for the first time", *known));
  } else if (const auto* intercept = event.as<ev::VpIntercept>()) {
    line(event, fmt::format("intercept at {:#x}: {}", intercept->gpa, intercept->instruction));
  } else if (const auto* power = event.as<ev::DiskPowerLost>()) {
    line(event, fmt::format("disk {} lost {} cached sectors, kept {}", power->disk, power->lost,
                            power->kept));
  }
}

}  // namespace scenarios
