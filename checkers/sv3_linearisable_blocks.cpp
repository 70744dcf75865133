// SV-3 (spec I.6): every sector behaves like a register. A read returns what the last completed
// write left there or what a concurrent one writes; once a new value has been read, no later read
// returns an older one. Sectors are judged one by one: writes are atomic per sector.
//
// What a loss of power left on the disk is taken as it is reported here; whether it may be lost is
// SV-4's question.
//
// What a request asks for is read from its CDB. What enters the disk, wherever that is, must be
// what a guest's write brings there; and what was reported as done must have been seen.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkers/disk_requests.hpp"
#include "checkers/makers.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::SectorCause;

/// What a sector may hold, with the interval of the write that brings it.
struct Candidate {
  std::uint64_t hash = 0;
  std::uint64_t id = 0;  ///< of the write
  std::uint64_t start = 0;
  std::uint64_t end = kPending;
};

struct Sector {
  std::vector<Candidate> values;
  bool untouched = true;               ///< what was there at first may still be there
  std::optional<std::uint64_t> first;  ///< its hash, once it has been read

  /// A write that began at `start` has taken effect: all that ended before is gone.
  void supersede(std::uint64_t start) {
    std::erase_if(values, [start](const Candidate& value) { return value.end < start; });
    untouched = false;
  }
};

/// What a read in flight may return for one sector.
struct Allowed {
  std::vector<std::uint64_t> hashes;
  bool untouched = false;

  bool contains(std::uint64_t hash) const {
    return std::find(hashes.begin(), hashes.end(), hash) != hashes.end();
  }
};

class LinearisableBlocks final : public DiskProperty {
 public:
  LinearisableBlocks()
      : DiskProperty("SV-3", "every read returns the last completed write or a concurrent one",
                     {}) {}

 private:
  using Disk = std::map<std::uint64_t, Sector>;  // by LBA

  struct Read {
    DiskRequest request;
    std::vector<Allowed> allowed;
  };

  void accepted(const traces::Event& event, const DiskRequest& request) override {
    if (request.kind == DiskRequest::Kind::Flush) return;
    Disk& disk = disks_[request.disk];
    if (request.kind == DiskRequest::Kind::Read) {
      Read& read = reads_[request.id];
      read.request = request;
      for (std::uint32_t i = 0; i < request.sectors; ++i) {
        read.allowed.push_back(allowed(disk[request.lba + i]));
      }
      return;
    }
    for (std::uint32_t i = 0; i < request.sectors; ++i) {
      disk[request.lba + i].values.push_back(
          {request.hashes[i], request.id, request.start, kPending});
      allow(request.disk, request.lba + i, request.hashes[i]);
    }
  }

  static Allowed allowed(const Sector& sector) {
    Allowed result;
    for (const Candidate& value : sector.values) result.hashes.push_back(value.hash);
    result.untouched = sector.untouched;
    return result;
  }

  /// A value that appears while reads are on their way may be what they return.
  void allow(std::uint32_t disk, std::uint64_t lba, std::uint64_t hash) {
    for (auto& [id, read] : reads_) {
      const DiskRequest& request = read.request;
      if (request.disk != disk || lba < request.lba || lba - request.lba >= request.sectors)
        continue;
      read.allowed[lba - request.lba].hashes.push_back(hash);
    }
  }

  void read(const traces::Event& event, const DiskRequest& request) override {
    const auto found = reads_.find(request.id);
    if (found == reads_.end()) return;
    Disk& disk = disks_[request.disk];
    const std::size_t count = std::min(request.hashes.size(), found->second.allowed.size());
    for (std::size_t i = 0; i < count; ++i) {
      judge(event, request.disk, request.lba + i, request.hashes[i], found->second.allowed[i],
            disk[request.lba + i], "a read returns");
    }
  }

  void judge(const traces::Event& event, std::uint32_t disk, std::uint64_t lba, std::uint64_t hash,
             const Allowed& allowed, Sector& sector, const char* what) {
    ++sectors_;
    if (allowed.contains(hash)) {
      seen(sector, hash);
      return;
    }
    // Nobody told what the disk held at first: the first look settles it.
    if (allowed.untouched && (!sector.first || *sector.first == hash)) {
      sector.first = hash;
      return;
    }
    violate(event, std::string(what) + " something in sector " + std::to_string(lba) + " of disk " +
                       std::to_string(disk) +
                       " that is neither the last completed write nor one of " +
                       std::to_string(allowed.hashes.size()) + " possible ones");
  }

  /// The value has been read, so its write has taken effect, if only one brings that value.
  static void seen(Sector& sector, std::uint64_t hash) {
    const auto same = [hash](const Candidate& value) { return value.hash == hash; };
    if (std::count_if(sector.values.begin(), sector.values.end(), same) != 1) return;
    if (sector.untouched && (!sector.first || *sector.first == hash)) return;
    sector.supersede(std::find_if(sector.values.begin(), sector.values.end(), same)->start);
  }

  void completed(const traces::Event& event, const DiskRequest& request, bool success) override {
    if (request.kind == DiskRequest::Kind::Read) reads_.erase(request.id);
    const bool moves = request.kind != DiskRequest::Kind::Flush;
    if (success && moves && request.hashes.size() != request.asked) {
      violate(event, std::string("a ") +
                         (request.kind == DiskRequest::Kind::Read ? "read" : "write") + " of " +
                         std::to_string(request.asked) + " sectors at " +
                         std::to_string(request.lba) + " of disk " + std::to_string(request.disk) +
                         " succeeds, but only " + std::to_string(request.hashes.size()) +
                         " of them were seen in the guest's buffer");
    }
    if (request.kind != DiskRequest::Kind::Write) return;
    ++writes_;
    Disk& disk = disks_[request.disk];
    for (std::uint32_t i = 0; i < request.sectors; ++i)
      end(disk[request.lba + i], event, request, success);
  }

  /// A failed write may have taken effect or not, but it does not any more.
  static void end(Sector& sector, const traces::Event& event, const DiskRequest& request,
                  bool success) {
    for (Candidate& value : sector.values) {
      if (value.id == request.id) value.end = event.index;
    }
    if (success) sector.supersede(request.start);
  }

  void abandoned(const traces::Event& event, const DiskRequest& request) override {
    completed(event, request, false);
  }

  bool wants(SectorCause) const override { return true; }
  void sectors(const traces::Event& event, const ev::DiskSectors& report,
               const std::vector<std::uint64_t>& hashes) override {
    const auto found = disks_.find(report.disk);
    if (found == disks_.end()) return;  // no guest's disk
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      const auto sector = found->second.find(report.lba + i);
      const bool known = sector != found->second.end();
      if (report.cause == SectorCause::Write) {
        if (!known || !allowed(sector->second).contains(hashes[i])) {
          violate(event, "what enters sector " + std::to_string(report.lba + i) + " of disk " +
                             std::to_string(report.disk) + " no guest's write brings there");
        }
        continue;
      }
      if (!known) continue;
      if (report.cause == SectorCause::End) {
        judge(event, report.disk, report.lba + i, hashes[i], allowed(sector->second),
              sector->second, "at the end the disk holds");
      } else {
        lose(event, report.disk, report.lba + i, hashes[i], sector->second);
      }
    }
  }

  /// The disk says what is left. Requests on their way stay possible.
  void lose(const traces::Event& event, std::uint32_t disk, std::uint64_t lba, std::uint64_t hash,
            Sector& sector) {
    std::erase_if(sector.values, [](const Candidate& value) { return value.end != kPending; });
    sector.values.push_back({hash, 0, event.index, event.index});
    sector.untouched = false;
    allow(disk, lba, hash);
  }

  std::string measured() const override {
    return std::to_string(sectors_) + " sectors compared, " + std::to_string(writes_) + " writes";
  }

  std::map<std::uint32_t, Disk> disks_;
  std::map<std::uint64_t, Read> reads_;  // by id of the request
  std::uint64_t sectors_ = 0;
  std::uint64_t writes_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_sv3() { return std::make_unique<LinearisableBlocks>(); }

}  // namespace checkers
