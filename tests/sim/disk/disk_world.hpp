// A world with a disk array, two hosts that see its disk, and everything the disk said.
#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/disk/shared_disk.hpp"
#include "sim/kernel/world.hpp"
#include "traces/digest.hpp"
#include "traces/record.hpp"

namespace sim::test {

/// Copies of the disk's events, whose payloads live only during the call.
class DiskEvents final : public traces::Observer {
 public:
  struct Sectors {
    traces::SectorCause cause;
    std::uint64_t lba;
    std::vector<std::uint64_t> hashes;
  };
  std::vector<traces::ev::DiskOpened> opened;
  std::vector<traces::ev::DiskClosed> closed;
  std::vector<traces::ev::DiskWrite> writes;
  std::vector<traces::ev::DiskFlushed> flushed;
  std::vector<traces::ev::DiskPowerLost> power_lost;
  std::vector<traces::ev::DiskDigest> digests;
  std::vector<Sectors> sectors;
  std::vector<std::string> faults;
  std::vector<std::string> plants;
  DecisionSet decisions;

  void on_event(const traces::Event& event) override {
    if (auto decision = decision_of(event)) decisions.insert(std::move(*decision));
    if (const auto* e = event.as<traces::ev::DiskOpened>()) opened.push_back(*e);
    if (const auto* e = event.as<traces::ev::DiskClosed>()) closed.push_back(*e);
    if (const auto* e = event.as<traces::ev::DiskWrite>()) writes.push_back(*e);
    if (const auto* e = event.as<traces::ev::DiskFlushed>()) flushed.push_back(*e);
    if (const auto* e = event.as<traces::ev::DiskPowerLost>()) power_lost.push_back(*e);
    if (const auto* e = event.as<traces::ev::DiskDigest>()) digests.push_back(*e);
    if (const auto* e = event.as<traces::ev::FaultFired>()) faults.emplace_back(e->fault);
    if (const auto* e = event.as<traces::ev::PlantFired>()) plants.emplace_back(e->plant);
    if (const auto* e = event.as<traces::ev::DiskSectors>()) {
      std::vector<std::uint64_t> hashes(e->hashes.size() / 8);
      std::memcpy(hashes.data(), e->hashes.data(), e->hashes.size());
      sectors.push_back({e->cause, e->lba, std::move(hashes)});
    }
  }
};

inline std::vector<std::byte> sectors_of(std::size_t count, unsigned value) {
  return std::vector<std::byte>(count * kSectorSize, static_cast<std::byte>(value));
}

struct DiskWorld {
  explicit DiskWorld(std::set<std::string, std::less<>> plants = {}, std::uint64_t seed = 1,
                     std::uint64_t sectors = 4096)
      : DiskWorld(sectors, WorldConfig{.seed = seed, .plants = std::move(plants)}) {}
  DiskWorld(std::uint64_t sectors, WorldConfig config)
      : world(std::move(config), recorder),
        array(world.add_node("array", "storage")),
        a(world.add_node("a", "host")),
        b(world.add_node("b", "host")),
        disk(std::make_unique<SharedDisk>(
            array, DiskConfig{.name = "lun0", .number = 1, .sectors = sectors})) {
    recorder.attach(events, traces::EventSet().set());
  }
  ~DiskWorld() { recorder.detach(events); }

  /// Results of requests, in the order of their completion.
  struct Result {
    std::uint64_t request;
    DiskStatus status;
    Time when;
  };

  static Task<> do_write(DiskWorld* world, Node* host, std::uint64_t epoch, std::uint64_t lba,
                         std::vector<std::byte> data, std::uint64_t request) {
    const DiskStatus status = co_await world->disk->write(*host, epoch, Lba{lba}, std::move(data));
    world->results.push_back({request, status, host->now()});
  }
  static Task<> do_read(DiskWorld* world, Node* host, std::uint64_t lba, std::size_t sectors,
                        std::uint64_t request) {
    std::vector<std::byte> data(sectors * kSectorSize, std::byte{0xee});
    const DiskStatus status = co_await world->disk->read(*host, Lba{lba}, data);
    world->results.push_back({request, status, host->now()});
    world->read_data[request] = data;
  }
  static Task<> do_flush(DiskWorld* world, Node* host, std::uint64_t epoch, std::uint64_t request) {
    const DiskStatus status = co_await world->disk->flush(*host, epoch);
    world->results.push_back({request, status, host->now()});
  }

  /// Issued at now(), each as a task of its own; run() carries them out.
  std::uint64_t start_write(Node& host, std::uint64_t epoch, std::uint64_t lba,
                            std::vector<std::byte> data) {
    const std::uint64_t request = ++last_request;
    host.spawn("io", request, do_write(this, &host, epoch, lba, std::move(data), request));
    return request;
  }
  std::uint64_t start_read(Node& host, std::uint64_t lba, std::size_t sectors) {
    const std::uint64_t request = ++last_request;
    host.spawn("io", request, do_read(this, &host, lba, sectors, request));
    return request;
  }
  std::uint64_t start_flush(Node& host, std::uint64_t epoch) {
    const std::uint64_t request = ++last_request;
    host.spawn("io", request, do_flush(this, &host, epoch, request));
    return request;
  }
  void run(Duration duration = Duration{1'000'000'000}) { world.run_until(world.now() + duration); }

  DiskStatus write(Node& host, std::uint64_t epoch, std::uint64_t lba,
                   std::vector<std::byte> data) {
    start_write(host, epoch, lba, std::move(data));
    run();
    return results.back().status;
  }
  std::vector<std::byte> read(std::uint64_t lba, std::size_t sectors = 1) {
    const std::uint64_t request = start_read(b, lba, sectors);
    run();
    return results.back().status == DiskStatus::Ok ? read_data.at(request)
                                                   : std::vector<std::byte>();
  }
  DiskStatus flush(Node& host, std::uint64_t epoch) {
    start_flush(host, epoch);
    run();
    return results.back().status;
  }
  void power_cycle() {
    world.kill(array, "test");
    run();
    world.restart(array);
    run();
  }

  traces::Recorder recorder;
  DiskEvents events;
  World world;
  Node& array;
  Node& a;
  Node& b;
  std::unique_ptr<SharedDisk> disk;
  std::uint64_t last_request = 0;
  std::vector<Result> results;
  std::map<std::uint64_t, std::vector<std::byte>> read_data;
};

}  // namespace sim::test
