// A machine with a storage adapter and a heartbeat, a disk behind it, and a guest with drivers.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hypervisor/vsp/guest/heartbeat_client.hpp"
#include "hypervisor/vsp/guest/storvsc.hpp"
#include "hypervisor/vsp/heartbeat.hpp"
#include "hypervisor/vsp/storvsp.hpp"
#include "tests/hypervisor/vmbus/machine.hpp"

namespace test {

/// Opens what it is offered and drives storage and heartbeat.
class StorageGuest final : public Guest, public vsp::guest::StorVscClient {
 public:
  static constexpr std::uint64_t kBuffer = 512;  ///< first page of the buffers

  void offers_complete() override {
    const auto* scsi = bus->find(vmbus::kScsiInterface);
    const auto* beat = bus->find(vmbus::kHeartbeatInterface);
    if (scsi != nullptr) bus->open(scsi_relid = scsi->relid, {16}, 8, ring_pages);
    if (beat != nullptr) bus->open(beat_relid = beat->relid, {400}, 4, 4);
  }
  void opened(std::uint32_t relid, bool success) override {
    Guest::opened(relid, success);
    if (success && relid == scsi_relid && handshake) storage->opened(relid);
    if (success && relid == beat_relid) heartbeat->opened(relid);
  }
  void readable(std::uint32_t relid) override {
    if (relid == scsi_relid && handshake) return storage->readable();
    if (relid == beat_relid) return heartbeat->readable();
    Guest::readable(relid);
  }
  void writable(std::uint32_t relid) override {
    Guest::writable(relid);
    if (relid == scsi_relid && handshake) storage->writable();
  }
  void storage_ready() override { ++ready; }
  void luns_changed() override { ++rescans; }
  void storage_refused(std::uint32_t status) override { refused_with = status; }
  void completed(const vsp::guest::Completion& completion) override {
    order.push_back(completion.tag);
    ++times[completion.tag];
    results[completion.tag] = completion;
  }
  std::vector<std::byte> save() const override {
    traces::ByteWriter out;
    bus->save(out);
    storage->save(out);
    heartbeat->save(out);
    out.put(scsi_relid);
    out.put(beat_relid);
    return out.take();
  }
  bool restore(std::span<const std::byte> state) override {
    traces::ByteReader in(state);
    const bool good = bus->restore(in) && storage->restore(in) && heartbeat->restore(in);
    scsi_relid = in.get<std::uint32_t>();
    beat_relid = in.get<std::uint32_t>();
    return good && in.ok() && in.at_end();
  }

  std::unique_ptr<vsp::guest::StorVsc> storage;
  std::unique_ptr<vsp::guest::HeartbeatClient> heartbeat;
  bool handshake = true;         ///< false: the test speaks for itself
  std::uint32_t ring_pages = 4;  ///< of the ring to the guest
  std::uint32_t scsi_relid = 0, beat_relid = 0;
  int ready = 0, rescans = 0;
  std::optional<std::uint32_t> refused_with;
  std::vector<std::uint64_t> order;
  std::map<std::uint64_t, int> times;
  std::map<std::uint64_t, vsp::guest::Completion> results;
};

/// One host with its VM. The disk is shared by all rigs of a world.
struct StorageHost {
  StorageHost(World& world, const std::string& name, sim::SharedDisk& disk,
              vsp::StorVspConfig config = {}, vmbus::ServerConfig server = {})
      : world(world),
        machine(world, name, guest, 1, server),
        handle(machine.host, disk),
        storvsp(machine.host, fill(config)),
        heartbeat(*machine.partition, {.vm = 1}) {
    guest.storage = std::make_unique<vsp::guest::StorVsc>(*guest.bus, guest);
    guest.heartbeat = std::make_unique<vsp::guest::HeartbeatClient>(*guest.bus);
    storvsp.attach(0, handle);
    machine.server->add_device("scsi", storvsp);
    machine.server->add_device("heartbeat", heartbeat);
  }
  ~StorageHost() { machine.server.reset(); }
  static vsp::StorVspConfig fill(vsp::StorVspConfig config) {
    config.vm = 1;
    config.instance = {7, 7, 7, {}};
    return config;
  }
  void boot() {
    handle.open();
    machine.boot();
    guest.bus->connect();
    world.run();
  }
  static vmbus::GpaRange buffer(std::uint64_t page, std::uint32_t bytes, std::uint32_t offset = 0) {
    vmbus::GpaRange range;
    range.bytes = bytes;
    range.offset = offset;
    for (std::uint64_t i = 0; i * sim::kPageSize < bytes + offset; ++i) {
      range.pfns.push_back(StorageGuest::kBuffer + page + i);
    }
    return range;
  }
  vsp::guest::Command command(std::uint64_t tag, std::vector<std::uint8_t> cdb,
                              std::uint8_t direction, std::uint64_t page, std::uint32_t bytes) {
    vsp::guest::Command command;
    command.tag = tag;
    command.cdb = std::move(cdb);
    command.data_in = direction;
    if (bytes != 0) command.buffer = buffer(page, bytes);
    return command;
  }
  /// Fills pages with a value and writes them to the disk.
  void write(std::uint64_t tag, std::uint64_t lba, std::uint32_t blocks, int value,
             std::uint64_t page = 0, bool fua = false) {
    const std::vector<std::byte> data(blocks * 512, static_cast<std::byte>(value));
    machine.guest_write(sim::base_of({StorageGuest::kBuffer + page}), data);
    guest.storage->submit(command(tag, vsp::guest::write_cdb(lba, blocks, fua),
                                  vsp::protocol::kDataToDevice, page, blocks * 512));
  }
  void read(std::uint64_t tag, std::uint64_t lba, std::uint32_t blocks, std::uint64_t page = 64) {
    guest.storage->submit(command(tag, vsp::guest::read_cdb(lba, blocks),
                                  vsp::protocol::kDataFromDevice, page, blocks * 512));
  }
  void flush(std::uint64_t tag) {
    guest.storage->submit(
        command(tag, vsp::guest::synchronize_cache_cdb(), vsp::protocol::kDataNone, 0, 0));
  }
  std::vector<std::byte> memory(std::uint64_t page, std::size_t bytes) {
    std::vector<std::byte> data(bytes);
    machine.partition->read(sim::base_of({StorageGuest::kBuffer + page}), data);
    return data;
  }
  bool all(std::uint64_t page, std::size_t bytes, int value) {
    for (const std::byte byte : memory(page, bytes)) {
      if (byte != static_cast<std::byte>(value)) return false;
    }
    return true;
  }

  World& world;
  StorageGuest guest;
  Machine machine;
  storage::SharedDiskHandle handle;
  vsp::StorVsp storvsp;
  vsp::Heartbeat heartbeat;
};

struct StorageRig {
  explicit StorageRig(std::set<std::string, std::less<>> plants = {},
                      vsp::StorVspConfig config = {})
      : world(std::move(plants)),
        array(world.world.add_node("array", "storage")),
        disk(array, {.name = "disk", .number = 1, .sectors = 4096}),
        host(world, "host", disk, config) {}
  World world;
  sim::Node& array;
  sim::SharedDisk disk;
  StorageHost host;
};

}  // namespace test
