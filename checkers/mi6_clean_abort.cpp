// MI-6 (spec I.10): a migration that fails before its commit leaves the VM running where it was,
// and nothing of it on the target. The target is known by its set-up phase; what it has of the VM
// is the partition that it created, and it must be deleted when the target says that it is done.
// Which disks it has open the disks themselves say.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

class CleanAbort final : public Property {
 public:
  CleanAbort()
      : Property("MI-6", "an aborted migration leaves the source running and no residue",
                 {ev::MigrationPhase::kType, ev::MigrationFinished::kType,
                  ev::MigrationResidue::kType, ev::VpState::kType, ev::VmCreated::kType,
                  ev::PartitionState::kType, ev::NodeKilled::kType, ev::DiskOpened::kType,
                  ev::DiskClosed::kType, ev::ScsiRequest::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* vp = event.as<ev::VpState>()) {
      processors_[{event.node.value, vp->vm}][vp->vp] = vp->state;
    } else if (const auto* phase = event.as<ev::MigrationPhase>()) {
      enter(event, *phase);
    } else if (const auto* created = event.as<ev::VmCreated>()) {
      if (created->partition != 0)
        partitions_[{event.node.value, created->vm}] = created->partition;
    } else if (const auto* partition = event.as<ev::PartitionState>()) {
      if (partition->to == traces::PartitionState::Deleted) {
        std::erase_if(partitions_, [&](const auto& entry) {
          return entry.first.first == event.node.value && entry.second == partition->partition;
        });
      }
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      std::erase_if(partitions_,
                    [&](const auto& entry) { return entry.first.first == event.node.value; });
    } else if (const auto* end = event.as<ev::MigrationFinished>()) {
      finished(event, *end);
    } else if (const auto* residue = event.as<ev::MigrationResidue>()) {
      look(event, *residue);
    } else {
      follow_disks(event);
    }
  }

 private:
  using Place = std::pair<std::uint32_t, std::uint32_t>;  // node, VM
  struct Disk {
    std::uint32_t vm = 0;     // 0: nobody has used it yet
    std::uint32_t owner = 0;  // node, 0: none
    std::uint32_t last = 0;   // node that owned it before
  };

  void follow_disks(const traces::Event& event) {
    if (const auto* opened = event.as<ev::DiskOpened>()) {
      if (!opened->granted) return;
      Disk& disk = disks_[opened->disk];
      disk.owner = event.node.value;
      if (disk.vm == 0) disk.vm = handed_over(disk);
    } else if (const auto* closed = event.as<ev::DiskClosed>()) {
      Disk& disk = disks_[closed->disk];
      disk.last = std::exchange(disk.owner, 0);
    } else if (const auto* request = event.as<ev::ScsiRequest>()) {
      if (request->disk != 0) disks_[request->disk].vm = request->vm;
    }
  }

  /// Its guest has not touched it, but it went from the source of a migration to the target.
  std::uint32_t handed_over(const Disk& disk) const {
    for (const auto& [job, target] : targets_) {
      const auto source = sources_.find(job);
      if (source == sources_.end() || source->second != disk.last) continue;
      if (target.first.first == disk.owner) return target.first.second;
    }
    return 0;
  }

  std::uint32_t open_disks(std::uint32_t node, std::uint32_t vm) const {
    std::uint32_t count = 0;
    for (const auto& [number, disk] : disks_) count += disk.owner == node && disk.vm == vm ? 1 : 0;
    return count;
  }

  void enter(const traces::Event& event, const ev::MigrationPhase& phase) {
    if (phase.phase == traces::MigrationPhase::Preflight) {
      sources_[phase.job] = event.node.value;
    } else if (phase.phase == traces::MigrationPhase::Setup) {
      const auto source = sources_.find(phase.job);
      const bool at_target = source != sources_.end() && source->second != event.node.value;
      const auto created = partitions_.find({event.node.value, phase.vm});
      if (at_target && created != partitions_.end()) targets_.insert_or_assign(phase.job, *created);
    }
  }

  void finished(const traces::Event& event, const ev::MigrationFinished& end) {
    if (end.outcome != traces::MigrationOutcome::Aborted) return;
    const auto source = sources_.find(end.job);
    if (source == sources_.end() || source->second != event.node.value) return;
    ++aborts_;
    aborted_.insert(end.job);
    const auto vm = processors_.find({event.node.value, end.vm});
    // A guest that stopped by itself during the migration is not brought back by the abort.
    const bool runs = vm != processors_.end() &&
                      std::none_of(vm->second.begin(), vm->second.end(), [](const auto& vp) {
                        return vp.second == traces::VpState::Suspended;
                      });
    if (!runs) violate(event, "VM " + std::to_string(end.vm) + " does not run after the abort");
  }

  void look(const traces::Event& event, const ev::MigrationResidue& residue) {
    ++looked_;
    const std::uint32_t disks = std::max(residue.disks, open_disks(event.node.value, residue.vm));
    if (residue.partitions != 0 || residue.pages != 0 || disks != 0) {
      violate(event, "VM " + std::to_string(residue.vm) + " leaves " +
                         std::to_string(residue.partitions) + " partitions, " +
                         std::to_string(residue.pages) + " pages and " + std::to_string(disks) +
                         " open disks on the target");
    } else if (partitions_.count({event.node.value, residue.vm}) != 0) {
      violate(event, "the target has no residue of VM " + std::to_string(residue.vm) +
                         ", it says, and never deleted its partition");
    }
  }

  /// The target has its own patience, which no event tells: a partition that is still there at the
  /// end of the run may go yet.
  void at_end(traces::Time) override {
    for (const std::uint64_t job : aborted_) {
      const auto target = targets_.find(job);
      if (target == targets_.end()) continue;
      const auto& [place, partition] = target->second;
      const auto left = partitions_.find(place);
      if (left == partitions_.end() || left->second != partition) continue;
      lack("node " + std::to_string(place.first) + " still has a partition of VM " +
           std::to_string(place.second) + ", whose migration was aborted");
    }
  }

  std::string measured() const override {
    return std::to_string(aborts_) + " aborts, " + std::to_string(looked_) + " targets looked at";
  }

  std::map<Place, std::map<std::uint32_t, traces::VpState>> processors_;
  std::map<Place, std::uint64_t> partitions_;  // those that were created and not deleted
  std::map<std::uint64_t, std::pair<Place, std::uint64_t>> targets_;  // by job
  std::set<std::uint64_t> aborted_;
  std::map<std::uint64_t, std::uint32_t> sources_;
  std::map<std::uint32_t, Disk> disks_;
  std::uint64_t aborts_ = 0;
  std::uint64_t looked_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_mi6() { return std::make_unique<CleanAbort>(); }

}  // namespace checkers
