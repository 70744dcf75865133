// MI-14, our own number behind the specification's list: the durable commit (spec G.2). Each host
// keeps one record per VM on its own disk, VM n in sector n. At the instant at which it relies on a
// record (it says that it owns the VM, cedes it, lets it run, or is believed to have committed) the
// record is on the medium and not only in the cache, and no other host's medium says that it is the
// owner; and a host that comes back with the record of an owner knows the VM again. Off is not
// gone.
//
// What is on a disk, the disk itself tells: its writes, flushes and losses of power.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "checkers/disk_requests.hpp"
#include "checkers/makers.hpp"
#include "checkers/ownership_record.hpp"
#include "checkers/property.hpp"
#include "traces/text.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using Claim = OwnershipRecord::Claim;
using traces::CommitStep;
using traces::Duration;
using traces::Time;

/// A host that boots reads its records in well under a millisecond.
constexpr Duration kReadsRecords{10'000'000};
constexpr std::size_t kSector = 512;

class DurableOwnership final : public Property {
 public:
  DurableOwnership()
      : Property("MI-14",
                 "ownership is on disk before anybody relies on it, and is found there again",
                 {ev::NodeAdded::kType, ev::NodeKilled::kType, ev::NodeRestarted::kType,
                  ev::NodePaused::kType, ev::NodeResumed::kType, ev::VerbStarted::kType,
                  ev::DiskWrite::kType, ev::DiskContent::kType, ev::DiskFlushed::kType,
                  ev::DiskPowerLost::kType, ev::DiskSectors::kType, ev::VmOwner::kType,
                  ev::VmState::kType, ev::VpState::kType, ev::MigrationCommit::kType}) {}

  void on_event(const traces::Event& event) override {
    disks(event);
    nodes(event);
    claims(event);
  }

 private:
  /// A record on a host's own disk. Writes are named by their events, 0 is none.
  struct Record {
    std::uint64_t written = 0;               ///< the latest that the disk took
    std::uint64_t durable = 0;               ///< the latest that is on the medium
    std::uint64_t hash = 0;                  ///< of what was written last
    std::optional<OwnershipRecord> newest;   ///< what `written` says
    std::optional<OwnershipRecord> settled;  ///< what `durable` says
    std::uint64_t epoch = 0;                 ///< with which its host said last that it owns the VM
    std::uint64_t relied = 0;                ///< the latest that its host has acted on
    std::uint64_t owner = 0;                 ///< the latest by which its host owns the VM
    bool makes_owner = false;  ///< `relied` was a commit or a withdrawal: an owner is told next

    void settle() {
      durable = written;
      settled = newest;
    }
    void forget_cached() {
      written = durable;
      newest = settled;
    }
  };
  struct Cession {
    std::uint64_t event = 0;
    std::uint64_t epoch = 0;  ///< under which the source owned the VM
  };
  struct Host {
    std::string name;
    bool up = true;
    std::map<std::uint32_t, Record> records;  ///< by VM
    /// VMs that it owned and has not found again, and since when it has had the time to.
    std::map<std::uint32_t, Time> missing;
  };

  /// nullptr when the event is of a node that is no host, and so of a disk that is no host's own.
  Host* host_of(std::uint32_t node) {
    const auto found = hosts_.find(node);
    return found == hosts_.end() ? nullptr : &found->second;
  }

  // -- what is on the disks --

  void disks(const traces::Event& event) {
    Host* host = host_of(event.node.value);
    if (host == nullptr) return;
    if (const auto* write = event.as<ev::DiskWrite>()) {
      for (std::uint32_t i = 0; i < write->sectors; ++i) {
        Record& record = host->records[static_cast<std::uint32_t>(write->lba + i)];
        record.written = event.index;
        record.hash = write->sectors == 1 ? write->hash : 0;
        record.newest.reset();
      }
    } else if (const auto* content = event.as<ev::DiskContent>()) {
      take_content(event, *host, *content);
    } else if (event.as<ev::DiskFlushed>() != nullptr) {
      for (auto& [vm, record] : host->records) record.settle();
    } else if (const auto* loss = event.as<ev::DiskPowerLost>()) {
      for (auto& [vm, record] : host->records) {
        if (loss->lost == 0) record.settle();
        if (loss->kept == 0) record.forget_cached();
      }
    } else if (const auto* left = event.as<ev::DiskSectors>()) {
      if (left->cause == traces::SectorCause::PowerLoss) survivors(*host, *left);
    }
  }

  void take_content(const traces::Event& event, Host& host, const ev::DiskContent& content) {
    auto rest = std::span(content.data);
    for (std::uint64_t lba = content.lba; !rest.empty(); ++lba) {
      Record& record = host.records[static_cast<std::uint32_t>(lba)];
      const auto sector = rest.first(std::min<std::size_t>(rest.size(), kSector));
      rest = rest.subspan(sector.size());
      record.newest = read_ownership(sector);
      if (!record.newest || !record.settled) continue;
      if (record.newest->epoch < record.settled->epoch) {
        violate(event, host.name + " writes a record of VM " + std::to_string(lba) +
                           " with epoch " + std::to_string(record.newest->epoch) + " over one of " +
                           std::to_string(record.settled->epoch));
      }
    }
  }

  /// Some of what was cached is there, some is not: contents tell.
  static void survivors(Host& host, const ev::DiskSectors& left) {
    const auto hashes = hashes_of(left.hashes);
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      Record& record = host.records[static_cast<std::uint32_t>(left.lba + i)];
      if (hashes[i] == record.hash) record.settle();
      record.forget_cached();
    }
  }

  // -- hosts that die and come back --

  void nodes(const traces::Event& event) {
    if (const auto* added = event.as<ev::NodeAdded>()) {
      if (added->kind == "host") hosts_[event.node.value].name = std::string(added->name);
      return;
    }
    Host* host = host_of(event.node.value);
    if (const auto* verb = event.as<ev::VerbStarted>()) {
      const bool nobody = event.node.value == 0 && verb->verb != "new-vm";
      if (nobody) unknown_everywhere(event, *verb);
    } else if (host == nullptr) {
      return;
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      host->up = false;
      host->missing.clear();
    } else if (event.as<ev::NodeRestarted>() != nullptr) {
      host->up = true;
      for (const auto& [vm, record] : host->records) {
        if (owns(record)) host->missing[vm] = event.time;
      }
      returns_ += host->missing.size();
    } else if (event.as<ev::NodePaused>() != nullptr) {
      for (auto& [vm, since] : host->missing) since = traces::kNever;
    } else if (event.as<ev::NodeResumed>() != nullptr) {
      for (auto& [vm, since] : host->missing) since = event.time;
    } else if (const auto* state = event.as<ev::VmState>()) {
      host->missing.erase(state->vm);
    }
  }

  static bool owns(const Record& record) {
    return record.owner != 0 && record.durable == record.owner;
  }
  static bool late(Time since, Time now) {
    return since != traces::kNever && now - since > kReadsRecords;
  }

  /// A verb found no host that has the VM.
  void unknown_everywhere(const traces::Event& event, const ev::VerbStarted& verb) {
    for (const auto& [node, host] : hosts_) {
      const auto record = host.records.find(verb.vm);
      if (!host.up || record == host.records.end() || !owns(record->second)) continue;
      const auto missing = host.missing.find(verb.vm);
      if (missing != host.missing.end() && !late(missing->second, event.time)) continue;
      violate(event, std::string(verb.verb) + ": nobody has VM " + std::to_string(verb.vm) +
                         ", although " + host.name + " is up and owns it by its own disk");
    }
  }

  // -- who relies on what --

  void claims(const traces::Event& event) {
    const std::uint32_t here = event.node.value;
    if (const auto* owner = event.as<ev::VmOwner>()) {
      Record& record = hosts_[here].records[owner->vm];
      const bool told = record.makes_owner && record.durable == record.relied;
      Says says{Claim::Owned};
      says.epoch = owner->epoch;
      relies(event, owner->vm, "says that it owns", told ? 0 : record.relied, says);
      record.makes_owner = false;
      record.owner = record.durable;
      record.epoch = owner->epoch;
    } else if (const auto* commit = event.as<ev::MigrationCommit>()) {
      if (commit->step == CommitStep::Acknowledged) {
        acknowledged(event, *commit);
      } else {
        step(event, *commit);
      }
    } else if (const auto* vp = event.as<ev::VpState>()) {
      if (vp->state == traces::VpState::Running) relies(event, vp->vm, "runs", 0, {Claim::Owned});
    }
  }

  void acknowledged(const traces::Event& event, const ev::MigrationCommit& commit) {
    const Host& target = hosts_[commit.owner];
    const auto record = target.records.find(commit.vm);
    const Cession& ceded = ceded_[commit.job];
    ++reliances_;
    const bool there = record != target.records.end() && record->second.durable > ceded.event;
    const std::string gives_up =
        subject(event.node.value, "gives up", commit.vm) + " to " + target.name;
    if (!there) {
      violate(event, gives_up + ", on whose disk there is no record of that");
    } else if (!record->second.settled || record->second.settled->epoch <= ceded.epoch) {
      violate(event, gives_up + ", whose record has no epoch after " + std::to_string(ceded.epoch));
    }
  }

  void step(const traces::Event& event, const ev::MigrationCommit& commit) {
    const bool cedes = commit.step == CommitStep::Ceded;
    const bool commits = commit.step == CommitStep::Committed;
    Record& record = hosts_[event.node.value].records[commit.vm];
    Says says{cedes ? Claim::Ceded : Claim::Owned};
    if (cedes || commits) says.job = commit.job;
    if (cedes) {
      says.epoch = record.epoch;
    } else {
      says.above = ceded_[commit.job].epoch;
    }
    relies(event, commit.vm,
           cedes     ? "cedes"
           : commits ? "takes over"
                     : "takes back",
           record.relied, says);
    record.makes_owner = !cedes;
    if (cedes) ceded_[commit.job] = {event.index, record.epoch};
  }

  /// What a record must say to be relied on.
  struct Says {
    Claim claim = Claim::Owned;
    std::optional<std::uint64_t> epoch, job;
    std::uint64_t above = 0;  ///< the epoch is larger than this
  };

  /// The record must be durable, newer than the write `after`, and say what is relied on.
  void relies(const traces::Event& event, std::uint32_t vm, const char* does, std::uint64_t after,
              const Says& says) {
    Record& record = hosts_[event.node.value].records[vm];
    ++reliances_;
    if (record.written > record.durable) {
      violate(event, subject(event.node.value, does, vm) +
                         ", but its record of that is only in the cache of its disk");
    } else if (record.durable == 0 || record.durable <= after) {
      violate(event,
              subject(event.node.value, does, vm) + ", but has no record of that on its disk");
    } else if (const std::string wrong = differs(record.settled, vm, says); !wrong.empty()) {
      violate(event, subject(event.node.value, does, vm) + ", but its record on disk " + wrong);
    }
    record.relied = record.durable;
    if (says.claim == Claim::Owned) sole_owner(event, vm, does);
  }

  /// Two media that say so at once: after a loss of power both hosts would run it.
  void sole_owner(const traces::Event& event, std::uint32_t vm, const char* does) {
    for (const auto& [node, host] : hosts_) {
      const auto other = host.records.find(vm);
      if (node == event.node.value || other == host.records.end()) continue;
      const auto& settled = other->second.settled;
      if (!settled || settled->vm != vm || settled->claim != Claim::Owned) continue;
      violate(event, subject(event.node.value, does, vm) + ", which " + host.name +
                         " owns by its own disk, with epoch " + std::to_string(settled->epoch));
    }
  }

  /// "" when the record says so.
  static std::string differs(const std::optional<OwnershipRecord>& record, std::uint32_t vm,
                             const Says& says) {
    if (!record) return "is no sound one";
    const auto has = [](const char* what, std::uint64_t is, const std::string& should) {
      return std::string("has ") + what + " " + std::to_string(is) + ", not " + should;
    };
    if (record->vm != vm) return has("VM", record->vm, std::to_string(vm));
    if (record->claim != says.claim) {
      return says.claim == Claim::Ceded ? "does not cede it" : "does not say that it owns it";
    }
    if (says.job && record->job != *says.job) {
      return has("job", record->job, std::to_string(*says.job));
    }
    if (says.epoch && record->epoch != *says.epoch) {
      return has("epoch", record->epoch, std::to_string(*says.epoch));
    }
    if (record->epoch <= says.above) {
      return has("epoch", record->epoch, "one after " + std::to_string(says.above));
    }
    return "";
  }

  std::string subject(std::uint32_t node, const char* does, std::uint32_t vm) {
    return hosts_[node].name + " " + does + " VM " + std::to_string(vm);
  }

  void at_end(Time end) override {
    for (const auto& [node, host] : hosts_) {
      for (const auto& [vm, since] : host.missing) {
        if (!late(since, end)) continue;
        violate_at_end(end, "VM " + std::to_string(vm) + " is gone: " + host.name +
                                ", which owns it by its own disk, is up since " +
                                traces::to_text(since) + " and does not know it");
      }
    }
  }

  std::string measured() const override {
    return std::to_string(reliances_) + " times relied on, " + std::to_string(returns_) +
           " owners came back";
  }

  std::map<std::uint32_t, Host> hosts_;     // by node
  std::map<std::uint64_t, Cession> ceded_;  // by job
  std::uint64_t reliances_ = 0;
  std::uint64_t returns_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_mi14() { return std::make_unique<DurableOwnership>(); }

}  // namespace checkers
