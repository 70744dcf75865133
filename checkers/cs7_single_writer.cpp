// CS-7 (spec I.9): a disk has one writer. Whoever writes carries the epoch that the disk granted
// with its latest change of owner, and between owners nobody writes. And a host has a disk open for
// a VM: when it has turned the VM off, or deleted its partition, the disks of that VM are closed
// within the same instant. A host that dies closes nothing, and what it held obliges nobody.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

class SingleWriter final : public Property {
 public:
  SingleWriter()
      : Property("CS-7", "a disk is written by its current owner only, who has a VM for it",
                 {ev::DiskOpened::kType, ev::DiskClosed::kType, ev::DiskWrite::kType,
                  ev::VmDisk::kType, ev::VmCreated::kType, ev::VmState::kType,
                  ev::PartitionState::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (event.time > ended_at_) look_at_ended();
    if (!writers(event)) vms(event);
  }

 private:
  struct Disk {
    bool owned = false;
    bool orphaned = false;  ///< its owner died
    std::uint32_t owner = 0;
    std::uint64_t epoch = 0;
  };
  using Place = std::pair<std::uint32_t, std::uint64_t>;  // node, partition
  /// A VM that a host has no more; whether its disks are closed, the end of the instant tells.
  struct Ended {
    std::uint64_t event = 0;
    std::uint32_t node = 0;
    std::uint32_t vm = 0;
    const char* how = "";
  };

  /// False when the event is of something else.
  bool writers(const traces::Event& event) {
    if (const auto* opened = event.as<ev::DiskOpened>()) {
      if (opened->granted) granted(event, *opened);
    } else if (const auto* closed = event.as<ev::DiskClosed>()) {
      Disk& disk = disks_[closed->disk];
      if (!disk.owned || disk.epoch != closed->epoch || disk.owner != event.node.value) {
        violate(event, "disk " + std::to_string(closed->disk) + " is closed by node " +
                           std::to_string(event.node.value) + " with epoch " +
                           std::to_string(closed->epoch) + ", " + owner_of(disk));
      }
      disk.owned = false;
    } else if (const auto* write = event.as<ev::DiskWrite>()) {
      ++writes_;
      const Disk& disk = disks_[write->disk];
      if (!disk.owned || disk.epoch != write->epoch) {
        violate(event, "disk " + std::to_string(write->disk) + " takes a write with epoch " +
                           std::to_string(write->epoch) + ", " + owner_of(disk));
      }
    } else {
      return false;
    }
    return true;
  }

  void vms(const traces::Event& event) {
    const std::uint32_t here = event.node.value;
    if (const auto* has = event.as<ev::VmDisk>()) {
      disks_of_[has->vm].insert(has->disk);
    } else if (const auto* created = event.as<ev::VmCreated>()) {
      if (created->partition != 0) vm_of_[{here, created->partition}] = created->vm;
    } else if (const auto* state = event.as<ev::VmState>()) {
      if (state->state == traces::VmState::Off) {
        ended(event, state->vm, "has turned off");
      } else {
        begun(here, state->vm);
      }
    } else if (const auto* partition = event.as<ev::PartitionState>()) {
      if (partition->to != traces::PartitionState::Deleted) return;
      const auto found = vm_of_.find({here, partition->partition});
      if (found == vm_of_.end()) return;
      const std::uint32_t vm = found->second;
      vm_of_.erase(found);
      const bool another = std::any_of(vm_of_.begin(), vm_of_.end(), [&](const auto& each) {
        return each.first.first == here && each.second == vm;
      });
      if (!another) ended(event, vm, "has deleted the partition of");
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      for (auto& [number, disk] : disks_) disk.orphaned |= disk.owned && disk.owner == here;
      std::erase_if(vm_of_, [here](const auto& each) { return each.first.first == here; });
      std::erase_if(ended_, [here](const Ended& each) { return each.node == here; });
    }
  }

  void ended(const traces::Event& event, std::uint32_t vm, const char* how) {
    ended_.push_back({event.index, event.node.value, vm, how});
    ended_at_ = event.time;
  }

  /// It ended and begins again in one instant: its disks are wanted.
  void begun(std::uint32_t node, std::uint32_t vm) {
    std::erase_if(ended_, [&](const Ended& each) { return each.node == node && each.vm == vm; });
  }

  /// The instant in which they ended is over.
  void look_at_ended() {
    for (const Ended& each : ended_) {
      for (const std::uint32_t number : disks_of_[each.vm]) {
        const Disk& disk = disks_[number];
        if (!disk.owned || disk.orphaned || disk.owner != each.node) continue;
        violate_at(each.event, ended_at_,
                   "node " + std::to_string(each.node) + " " + each.how + " VM " +
                       std::to_string(each.vm) + " and keeps its disk " + std::to_string(number) +
                       " open");
      }
    }
    ended_.clear();
  }

  void at_end(traces::Time) override { look_at_ended(); }

  void granted(const traces::Event& event, const ev::DiskOpened& opened) {
    Disk& disk = disks_[opened.disk];
    const bool same = disk.owned && disk.owner == event.node.value && disk.epoch == opened.epoch;
    if (!same) {
      ++owners_;
      if (opened.epoch <= disk.epoch) {
        violate(event, "node " + std::to_string(event.node.value) + " is granted disk " +
                           std::to_string(opened.disk) + " with epoch " +
                           std::to_string(opened.epoch) + ", which is not new: " + owner_of(disk));
      }
    }
    disk = {true, false, event.node.value, opened.epoch};
  }

  static std::string owner_of(const Disk& disk) {
    if (disk.epoch == 0) return "which nobody ever opened";
    return (disk.owned ? "owned by node " : "given up by node ") + std::to_string(disk.owner) +
           " with epoch " + std::to_string(disk.epoch);
  }

  std::string measured() const override {
    return std::to_string(writes_) + " writes under " + std::to_string(owners_) + " grants";
  }

  std::map<std::uint32_t, Disk> disks_;
  std::map<std::uint32_t, std::set<std::uint32_t>> disks_of_;  // by VM
  std::map<Place, std::uint32_t> vm_of_;
  std::vector<Ended> ended_;  // in the instant `ended_at_`
  traces::Time ended_at_{};
  std::uint64_t writes_ = 0;
  std::uint64_t owners_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_cs7() { return std::make_unique<SingleWriter>(); }

}  // namespace checkers
