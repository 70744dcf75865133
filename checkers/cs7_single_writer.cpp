// CS-7 (spec I.9): a disk has one writer. Whoever writes carries the epoch that the disk granted
// with its latest change of owner, and between owners nobody writes.
#include <map>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

class SingleWriter final : public Property {
 public:
  SingleWriter()
      : Property("CS-7", "a disk is written by its current owner only",
                 {ev::DiskOpened::kType, ev::DiskClosed::kType, ev::DiskWrite::kType}) {}

  void on_event(const traces::Event& event) override {
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
    }
  }

 private:
  struct Disk {
    bool owned = false;
    std::uint32_t owner = 0;
    std::uint64_t epoch = 0;
  };

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
    disk = {true, event.node.value, opened.epoch};
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
  std::uint64_t writes_ = 0;
  std::uint64_t owners_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_cs7() { return std::make_unique<SingleWriter>(); }

}  // namespace checkers
