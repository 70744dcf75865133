#include "checkers/disk_requests.hpp"

#include <bit>
#include <cstring>
#include <optional>
#include <utility>

namespace checkers {

namespace {

namespace ev = traces::ev;
using Kind = DiskRequest::Kind;

bool succeeded(const ev::ScsiCompletion& done) {
  constexpr std::uint8_t kSrbStatusBits = 0x3F;  // without the autosense and frozen-queue flags
  return (done.srb_status & kSrbStatusBits) == 1 && done.scsi_status == 0;
}

}  // namespace

std::vector<std::uint64_t> hashes_of(traces::Bytes bytes) {
  static_assert(std::endian::native == std::endian::little, "traces are little-endian");
  std::vector<std::uint64_t> hashes(bytes.size() / 8);
  if (!hashes.empty()) std::memcpy(hashes.data(), bytes.data(), hashes.size() * 8);
  return hashes;
}

DiskProperty::DiskProperty(std::string id, std::string statement,
                           std::initializer_list<traces::EventType> more)
    : RingProperty(std::move(id), std::move(statement), more) {}

traces::EventSet DiskProperty::events() const {
  traces::EventSet set = RingProperty::events();
  for (traces::EventType type :
       {ev::ScsiRequest::kType, ev::ScsiData::kType, ev::ScsiCompletion::kType,
        ev::DiskSectors::kType, ev::RingConsumed::kType}) {
    set.set(static_cast<std::size_t>(type));
  }
  return set;
}

void DiskProperty::other(const traces::Event& event) {
  if (const auto* packet = event.as<ev::RingConsumed>()) {
    consumed(event, *packet);
  } else if (const auto* scsi = event.as<ev::ScsiRequest>()) {
    request(event, *scsi);
  } else if (const auto* moved = event.as<ev::ScsiData>()) {
    data(event, *moved);
  } else if (const auto* done = event.as<ev::ScsiCompletion>()) {
    completion(event, *done);
  } else if (const auto* report = event.as<ev::DiskSectors>()) {
    if (wants(report->cause)) sectors(event, *report, hashes_of(report->hashes));
  } else {
    if (event.as<ev::NodeKilled>() != nullptr) killed(event);
    more(event);
  }
}

/// The ring is still as the host found it: what it has read is overwritten only later.
void DiskProperty::consumed(const traces::Event& event, const ev::RingConsumed& consumed) {
  const Key key{event.node.value, consumed.partition, consumed.relid, consumed.transaction};
  asked_.erase(key);
  const WatchedRing* ring = this->ring({channel_of(event, consumed), false});
  if (ring == nullptr) return;
  if (const auto cdb = cdb_of(*ring, consumed.start)) asked_[key] = *cdb;
}

std::optional<BlockCommand> DiskProperty::command_of(const traces::Event& event, const Key& key,
                                                     const ev::ScsiRequest& scsi) {
  const auto asked = asked_.find(key);
  if (asked != asked_.end()) {
    const BlockCommand command = parse_cdb(asked->second);
    asked_.erase(asked);
    return command;
  }
  // A ring that its own guest breaks says nothing. Of any other the packet must be known.
  if (!hostile(channel_of(event, scsi))) {
    lack("no witness saw what the guest asked of channel " + std::to_string(scsi.relid) +
         " with transaction " + std::to_string(scsi.transaction));
    return std::nullopt;
  }
  BlockCommand command = parse_cdb({scsi.opcode});
  command.lba = scsi.lba;
  command.blocks = command.kind == Kind::Flush ? 0 : scsi.blocks;
  return command;
}

void DiskProperty::request(const traces::Event& event, const ev::ScsiRequest& scsi) {
  const Key key{event.node.value, scsi.partition, scsi.relid, scsi.transaction};
  open_.erase(key);
  const auto command = command_of(event, key, scsi);
  if (!command || command->kind == Kind::Other || scsi.disk == 0) return;
  DiskRequest& request = open_[key];
  request.kind = command->kind;
  request.id = ++last_id_;
  request.disk = scsi.disk;
  request.lba = command->lba;
  request.asked = command->blocks;
  request.sectors = command->kind == Kind::Write ? 0 : command->blocks;
  request.start = event.index;
  if (command->kind != Kind::Write) accepted(event, request);
}

void DiskProperty::data(const traces::Event& event, const ev::ScsiData& data) {
  const auto found = open_.find({event.node.value, data.partition, data.relid, data.transaction});
  if (found == open_.end()) return;
  DiskRequest& request = found->second;
  if ((request.kind == Kind::Write) != data.write || request.kind == Kind::Flush) return;
  request.hashes = hashes_of(data.hashes);
  if (data.write) {
    request.sectors = static_cast<std::uint32_t>(request.hashes.size());
    accepted(event, request);
  } else {
    read(event, request);
  }
}

void DiskProperty::completion(const traces::Event& event, const ev::ScsiCompletion& done) {
  const auto found = open_.find({event.node.value, done.partition, done.relid, done.transaction});
  if (found == open_.end()) return;  // RB-6 and MI-4 judge that
  const DiskRequest request = std::move(found->second);
  open_.erase(found);
  completed(event, request, succeeded(done));
}

void DiskProperty::killed(const traces::Event& event) {
  for (auto it = open_.begin(); it != open_.end();) {
    if (std::get<0>(it->first) != event.node.value) {
      ++it;
      continue;
    }
    abandoned(event, it->second);
    it = open_.erase(it);
  }
}

}  // namespace checkers
