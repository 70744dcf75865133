// HV-11 (spec I.1): a child's I/O reaches a device only through the VSP. What enters a VM's disk
// lies where a write that its guest asked for, and that the storage VSP accepted, said; and nothing
// enters it for a write that has been completed.
//
// A write that was not completed with success may still be on its way, for as long as the run
// lasts.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

bool is_write(std::uint8_t opcode) {
  return opcode == 0x0A || opcode == 0x2A || opcode == 0xAA || opcode == 0x8A;
}

struct WriteRange {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
};

class Devices final : public Property {
 public:
  Devices()
      : Property("HV-11", "a VM's disk is written only where a request of its guest says so",
                 {ev::VmDisk::kType, ev::ScsiRequest::kType, ev::ScsiCompletion::kType,
                  ev::DiskWrite::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* given = event.as<ev::VmDisk>()) {
      of_vms_.insert(given->disk);
    } else if (const auto* request = event.as<ev::ScsiRequest>()) {
      if (!is_write(request->opcode) || request->disk == 0) return;
      const std::uint64_t end = request->lba + request->blocks;
      if (end < request->lba) return;  // refused for its address
      begin(request->disk, key_of(event, *request), {request->lba, end});
    } else if (const auto* done = event.as<ev::ScsiCompletion>()) {
      constexpr std::uint8_t kStatusBits = 0x3F;
      const bool good = (done->srb_status & kStatusBits) == 1 && done->scsi_status == 0;
      const auto disk = disks_.find(done->disk);
      if (good && disk != disks_.end()) disk->second.open.erase(key_of(event, *done));
    } else if (const auto* write = event.as<ev::DiskWrite>()) {
      if (of_vms_.contains(write->disk)) enters(event, *write);
    }
  }

 private:
  using Key = std::tuple<std::uint32_t, std::uint64_t, std::uint32_t, std::uint64_t>;
  struct Disk {
    std::map<Key, WriteRange> open;  // node, partition, relid, transaction
    std::vector<WriteRange> loose;   // whose transaction was used again before they ended well
  };

  template <class E>
  static Key key_of(const traces::Event& event, const E& payload) {
    return {event.node.value, payload.partition, payload.relid, payload.transaction};
  }

  void begin(std::uint32_t number, const Key& key, WriteRange range) {
    Disk& disk = disks_[number];
    const auto [place, is_new] = disk.open.try_emplace(key, range);
    if (is_new) return;
    disk.loose.push_back(place->second);
    place->second = range;
  }

  void enters(const traces::Event& event, const ev::DiskWrite& write) {
    ++writes_;
    const Disk& disk = disks_[write.disk];
    const std::uint64_t at = write.lba;
    const std::uint64_t end = write.lba + write.sectors;
    // One request may be written in parts; parts of several are never written as one.
    const auto covers = [&](const WriteRange& range) {
      return range.first <= at && end <= range.end;
    };
    const bool asked = std::any_of(disk.open.begin(), disk.open.end(),
                                   [&](const auto& entry) { return covers(entry.second); }) ||
                       std::any_of(disk.loose.begin(), disk.loose.end(), covers);
    if (asked) return;
    violate(event, std::to_string(write.sectors) + " sectors from " + std::to_string(at) +
                       " enter disk " + std::to_string(write.disk) +
                       ", and no request of its guest that is open asks for that");
  }

  std::string measured() const override { return std::to_string(writes_) + " writes"; }

  std::set<std::uint32_t> of_vms_;
  std::map<std::uint32_t, Disk> disks_;
  std::uint64_t writes_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_hv11() { return std::make_unique<Devices>(); }

}  // namespace checkers
