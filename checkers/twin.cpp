// The twin check and what a twin needs to know (design §4): the intervals for which each VM stood
// still, and the comparison of all digests of both runs.
#include <map>
#include <optional>
#include <set>
#include <string>

#include "checkers/checker.hpp"
#include "traces/text.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::DigestPoint;

void set_type(traces::EventSet& set, traces::EventType type) {
  set.set(static_cast<std::size_t>(type));
}

/// The digests of one run, keyed by what they are of and which they are in the story.
class Side final : public traces::Observer {
 public:
  enum Kind : std::uint32_t { kMemory, kProcessor, kDisk };
  struct Key {
    Kind kind;
    std::uint32_t of;  // VM, or disk
    std::uint32_t vp;  // kProcessor
    DigestPoint point;
    std::uint32_t count;  // of this point for this object
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Entry {
    traces::Digest digest;
    std::uint64_t event;
    traces::Time time;
  };

  void on_event(const traces::Event& event) override {
    if (const auto* memory = event.as<ev::MemoryDigest>()) {
      note(event, kMemory, memory->vm, 0, memory->point, memory->digest);
      if (memory->point == DigestPoint::End) alive_.insert(memory->vm);
    } else if (const auto* vp = event.as<ev::VpDigest>()) {
      note(event, kProcessor, vp->vm, vp->vp, vp->point, vp->digest);
    } else if (const auto* disk = event.as<ev::DiskDigest>()) {
      note(event, kDisk, disk->disk, 0, disk->point, disk->digest);
    } else if (const auto* request = event.as<ev::ScsiRequest>()) {
      user_of_[request->disk] = request->vm;
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      power_lost_ = true;
    } else if (const auto* state = event.as<ev::VmState>()) {
      follow(event, *state);
    }
  }

  const std::map<Key, Entry>& entries() const { return entries_; }
  /// The VM was there at the end.
  bool alive(std::uint32_t vm) const { return alive_.count(vm) != 0; }
  /// There is a reason in the story why it was not.
  bool excused(std::uint32_t vm) const { return power_lost_ || excused_.count(vm) != 0; }
  /// The VM lost its host and was started from nothing: no twin, which loses no host, has the like.
  /// The event with which that new life began, or nothing.
  std::optional<std::uint64_t> reborn(std::uint32_t vm) const {
    const auto found = reborn_.find(vm);
    if (found == reborn_.end()) return std::nullopt;
    return found->second;
  }
  std::uint32_t user_of(std::uint32_t disk) const {
    const auto found = user_of_.find(disk);
    return found == user_of_.end() ? 0 : found->second;
  }

 private:
  void follow(const traces::Event& event, const ev::VmState& state) {
    // Off by its guest or operator, or in doubt: it has no digest at the end and need not.
    excused_.insert(state.vm);
    if (state.state == traces::VmState::Running) {
      excused_.erase(state.vm);
      runs_.insert(state.vm);
    } else if (state.state == traces::VmState::Stopping) {
      runs_.erase(state.vm);
    } else if (state.state == traces::VmState::Starting && runs_.count(state.vm) != 0) {
      reborn_.emplace(state.vm, event.index);
    }
  }

  void note(const traces::Event& event, Kind kind, std::uint32_t of, std::uint32_t vp,
            DigestPoint point, traces::Digest digest) {
    Key key{kind, of, vp, point, 0};
    while (entries_.count(key) != 0) ++key.count;
    entries_.emplace(key, Entry{digest, event.index, event.time});
  }

  std::map<Key, Entry> entries_;
  std::set<std::uint32_t> alive_;
  std::set<std::uint32_t> excused_;
  bool power_lost_ = false;
  std::set<std::uint32_t> runs_;  // started, and nobody in the story has ended it
  std::map<std::uint32_t, std::uint64_t> reborn_;
  std::map<std::uint32_t, std::uint32_t> user_of_;
};

const char* name_of(Side::Kind kind) {
  switch (kind) {
    case Side::kMemory:
      return "memory of VM ";
    case Side::kProcessor:
      return "processor of VM ";
    case Side::kDisk:
      return "disk ";
  }
  return "";
}

const char* place_of(DigestPoint point) {
  switch (point) {
    case DigestPoint::Suspended:
      return "suspension";
    case DigestPoint::Resumed:
      return "resume";
    case DigestPoint::End:
      return "the end";
    case DigestPoint::Request:
      return "a request";
  }
  return "";
}

}  // namespace

struct TwinCheck::Impl {
  Side original;
  Side twin;
};

TwinCheck::TwinCheck() : impl_(std::make_unique<Impl>()) {}
TwinCheck::~TwinCheck() = default;
traces::Observer& TwinCheck::original() { return impl_->original; }
traces::Observer& TwinCheck::twin() { return impl_->twin; }

traces::EventSet TwinCheck::events() {
  traces::EventSet set;
  for (traces::EventType type :
       {ev::MemoryDigest::kType, ev::VpDigest::kType, ev::DiskDigest::kType, ev::ScsiRequest::kType,
        ev::NodeKilled::kType, ev::VmState::kType}) {
    set_type(set, type);
  }
  return set;
}

Finding TwinCheck::conclude() const {
  Finding finding;
  finding.property = "twin-equal";
  finding.statement = "memory, processors and disks equal the twin's that never migrated";
  finding.verdict = Verdict::Holds;
  std::uint64_t compared = 0;
  std::uint64_t dead = 0;
  for (const auto& [key, mine] : impl_->original.entries()) {
    std::uint32_t vm = key.of;
    if (key.kind == Side::kDisk) {
      vm = impl_->original.user_of(key.of);
      // Its VM may have died before its first request, which only the twin's came to.
      if (vm == 0) vm = impl_->twin.user_of(key.of);
    }
    // A VM that died with its host has no equal: what it left is judged by SV-4.
    const auto reborn = impl_->original.reborn(vm);
    const bool gone = vm != 0 && key.point == DigestPoint::End && !impl_->original.alive(vm);
    if (gone || (reborn && mine.event > *reborn)) {
      ++dead;
      continue;
    }
    const auto other = impl_->twin.entries().find(key);
    const bool missing = other == impl_->twin.entries().end();
    if (!missing) ++compared;
    if (!missing && other->second.digest == mine.digest) continue;
    if (finding.verdict == Verdict::Violated) continue;
    finding.verdict = Verdict::Violated;
    finding.event = mine.event;
    finding.time = mine.time;
    finding.explanation = std::string(name_of(key.kind)) + std::to_string(key.of) + " at " +
                          place_of(key.point) + " is " + traces::to_text(mine.digest) +
                          ", the twin's " +
                          (missing ? "is missing" : traces::to_text(other->second.digest));
  }
  for (const auto& [key, theirs] : impl_->twin.entries()) {
    const bool lost = key.kind == Side::kMemory && key.point == DigestPoint::End &&
                      impl_->original.entries().count(key) == 0 && !impl_->original.excused(key.of);
    if (!lost || finding.verdict == Verdict::Violated) continue;
    finding.verdict = Verdict::Violated;
    finding.explanation =
        "VM " + std::to_string(key.of) + " is gone at the end and nothing in the story says why";
  }
  finding.measured = std::to_string(compared) + " digests compared";
  if (dead != 0) finding.measured += ", " + std::to_string(dead) + " of dead VMs left out";
  // When every VM died before its first suspension there is nothing that could differ.
  if (compared == 0 && finding.verdict == Verdict::Holds) {
    finding.verdict = Verdict::Unknown;
    finding.explanation = dead == 0 ? "neither run has a digest to compare"
                                    : "every VM died before there was a digest to compare";
  }
  return finding;
}

traces::EventSet HoldCollector::events() {
  traces::EventSet set;
  for (traces::EventType type :
       {ev::MigrationPhase::kType, ev::VpState::kType, ev::VmState::kType}) {
    set_type(set, type);
  }
  return set;
}

void HoldCollector::on_event(const traces::Event& event) {
  if (const auto* phase = event.as<ev::MigrationPhase>()) {
    if (phase->phase != traces::MigrationPhase::StopAndCopy) return;
    open_[phase->vm] = holds_.size();
    holds_.push_back(Hold{phase->job, phase->vm, event.time, traces::kNever});
  } else if (const auto* vp = event.as<ev::VpState>()) {
    if (vp->state == traces::VpState::Running) end(vp->vm, event.time);
  } else if (const auto* state = event.as<ev::VmState>()) {
    // Started from nothing: what was suspended never went on.
    if (state->state == traces::VmState::Starting) end(state->vm, traces::kNever);
  }
}

void HoldCollector::end(std::uint32_t vm, traces::Time at) {
  const auto found = open_.find(vm);
  if (found == open_.end()) return;
  holds_[found->second].to = at;
  open_.erase(found);
}

}  // namespace checkers
