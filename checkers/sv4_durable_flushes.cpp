// SV-4 (spec I.6): what was acknowledged before a SYNCHRONIZE CACHE was issued survives every loss
// of power after that flush completed.
//
// Two looks at it. When a flush completes, the medium must have taken over everything that was
// acknowledged before: the disk's own report says when it did. And when power is lost, no sector
// may fall back behind what was flushed.
#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "checkers/disk_requests.hpp"
#include "checkers/makers.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::SectorCause;

struct Written {
  std::uint64_t hash = 0;
  std::uint64_t id = 0;
  std::uint64_t start = 0;
  std::uint64_t end = kPending;
  bool durable = false;
};

class DurableFlushes final : public DiskProperty {
 public:
  DurableFlushes()
      : DiskProperty("SV-4", "no loss of power takes back a write that was flushed",
                     {ev::DiskWrite::kType, ev::DiskFlushed::kType, ev::DiskPowerLost::kType}) {}

 private:
  using Sector = std::vector<Written>;

  struct Acknowledged {
    DiskRequest request;
    std::uint64_t landed = 0;  ///< event at which the disk took it
  };

  struct Disk {
    std::map<std::uint64_t, Sector> sectors;
    std::map<std::uint64_t, std::uint64_t> landed;  // LBA of a write -> event
    std::deque<Acknowledged> acknowledged;          // and not yet flushed, in order
    std::uint64_t forgotten = 0;                    // how many left `acknowledged` at its front
    std::uint64_t flushed = 0;                      // event of the medium's latest report
  };

  void accepted(const traces::Event& event, const DiskRequest& request) override {
    Disk& disk = disks_[request.disk];
    if (request.kind == DiskRequest::Kind::Flush) {
      covers_[request.id] = disk.forgotten + disk.acknowledged.size();
    } else if (request.kind == DiskRequest::Kind::Write) {
      for (std::uint32_t i = 0; i < request.sectors; ++i) {
        disk.sectors[request.lba + i].push_back(
            {request.hashes[i], request.id, request.start, kPending, false});
      }
    }
  }

  void completed(const traces::Event& event, const DiskRequest& request, bool success) override {
    Disk& disk = disks_[request.disk];
    if (request.kind == DiskRequest::Kind::Flush) {
      const auto covered = covers_.find(request.id);
      if (success) flushed(event, disk, request, covered->second);
      covers_.erase(covered);
    } else if (request.kind == DiskRequest::Kind::Write) {
      each(disk, request, [&](Written& written) { written.end = event.index; });
      if (!success || request.sectors == 0) return;
      const auto landed = disk.landed.find(request.lba);
      const bool seen = landed != disk.landed.end() && landed->second > request.start;
      disk.acknowledged.push_back({request, seen ? landed->second : request.start});
    }
  }

  /// A write without completion may land or not; it stays possible.
  void abandoned(const traces::Event& event, const DiskRequest& request) override {
    if (request.kind == DiskRequest::Kind::Flush) covers_.erase(request.id);
  }

  template <class Do>
  static void each(Disk& disk, const DiskRequest& request, Do action) {
    for (std::uint32_t i = 0; i < request.sectors; ++i) {
      for (Written& written : disk.sectors[request.lba + i]) {
        if (written.id == request.id) action(written);
      }
    }
  }

  /// The first `covered` writes that were ever acknowledged have to be safe from here on.
  void flushed(const traces::Event& event, Disk& disk, const DiskRequest& flush,
               std::uint64_t covered) {
    ++flushes_;
    while (disk.forgotten < covered && !disk.acknowledged.empty()) {
      const Acknowledged write = std::move(disk.acknowledged.front());
      disk.acknowledged.pop_front();
      ++disk.forgotten;
      ++writes_;
      if (disk.flushed < write.landed) {
        violate(event, "a flush of disk " + std::to_string(flush.disk) +
                           " completes, but the write of " + std::to_string(write.request.sectors) +
                           " sectors at " + std::to_string(write.request.lba) +
                           " that was acknowledged before it is only in the cache");
      }
      each(disk, write.request, [](Written& written) { written.durable = true; });
      for (std::uint32_t i = 0; i < write.request.sectors; ++i) {
        forget(disk.sectors[write.request.lba + i], write.request.start);
      }
    }
  }

  /// What ended before a durable write began can never come back.
  static void forget(Sector& sector, std::uint64_t durable_start) {
    std::erase_if(sector, [&](const Written& written) { return written.end < durable_start; });
  }

  void more(const traces::Event& event) override {
    if (const auto* write = event.as<ev::DiskWrite>()) {
      const auto disk = disks_.find(write->disk);
      if (disk != disks_.end()) disk->second.landed[write->lba] = event.index;
    } else if (const auto* flushed = event.as<ev::DiskFlushed>()) {
      disks_[flushed->disk].flushed = event.index;
    } else if (event.as<ev::DiskPowerLost>() != nullptr) {
      ++losses_;
    }
  }

  bool wants(SectorCause cause) const override { return cause == SectorCause::PowerLoss; }
  void sectors(const traces::Event& event, const ev::DiskSectors& report,
               const std::vector<std::uint64_t>& hashes) override {
    const auto found = disks_.find(report.disk);
    if (found == disks_.end()) return;
    Disk& disk = found->second;
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      const auto sector = disk.sectors.find(report.lba + i);
      if (sector != disk.sectors.end()) {
        lost(event, report.disk, report.lba + i, hashes[i], sector->second);
      }
    }
    // What was only acknowledged may be gone now, and no later flush can bring it back.
    disk.forgotten += disk.acknowledged.size();
    disk.acknowledged.clear();
  }

  void lost(const traces::Event& event, std::uint32_t disk, std::uint64_t lba, std::uint64_t hash,
            Sector& sector) {
    const auto is = [hash](const Written& written) { return written.hash == hash; };
    const bool known = std::any_of(sector.begin(), sector.end(), is);
    const bool durable = std::any_of(sector.begin(), sector.end(),
                                     [](const Written& written) { return written.durable; });
    if (durable && !known) {
      violate(event, "sector " + std::to_string(lba) + " of disk " + std::to_string(disk) +
                         " lost a write that a completed flush had covered");
    }
    // From here on this is what the medium holds.
    std::erase_if(sector, [](const Written& written) { return written.end != kPending; });
    sector.push_back({hash, 0, event.index, event.index, true});
  }

  std::string measured() const override {
    return std::to_string(flushes_) + " flushes of " + std::to_string(writes_) + " writes, " +
           std::to_string(losses_) + " losses of power";
  }

  std::map<std::uint32_t, Disk> disks_;
  std::map<std::uint64_t, std::uint64_t> covers_;  // id of a flush -> writes acknowledged before
  std::uint64_t flushes_ = 0;
  std::uint64_t writes_ = 0;
  std::uint64_t losses_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_sv4() { return std::make_unique<DurableFlushes>(); }

}  // namespace checkers
