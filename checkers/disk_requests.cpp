#include "checkers/disk_requests.hpp"

#include <bit>
#include <cstring>
#include <optional>
#include <utility>

namespace checkers {

namespace {

namespace ev = traces::ev;
using Kind = DiskRequest::Kind;

/// Operation codes of block devices (SBC); everything else moves no blocks.
std::optional<Kind> kind_of(std::uint8_t opcode) {
  switch (opcode) {
    case 0x08:
    case 0x28:
    case 0x88:
    case 0xA8:
      return Kind::Read;
    case 0x0A:
    case 0x2A:
    case 0x8A:
    case 0xAA:
      return Kind::Write;
    case 0x35:
    case 0x91:
      return Kind::Flush;
    default:
      return std::nullopt;
  }
}

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
    : Property(std::move(id), std::move(statement), more) {}

traces::EventSet DiskProperty::events() const {
  traces::EventSet set = Property::events();
  for (traces::EventType type :
       {ev::ScsiRequest::kType, ev::ScsiData::kType, ev::ScsiCompletion::kType,
        ev::DiskSectors::kType, ev::NodeKilled::kType}) {
    set.set(static_cast<std::size_t>(type));
  }
  return set;
}

void DiskProperty::on_event(const traces::Event& event) {
  if (const auto* scsi = event.as<ev::ScsiRequest>()) {
    request(event, *scsi);
  } else if (const auto* moved = event.as<ev::ScsiData>()) {
    data(event, *moved);
  } else if (const auto* done = event.as<ev::ScsiCompletion>()) {
    completion(event, *done);
  } else if (const auto* report = event.as<ev::DiskSectors>()) {
    if (wants(report->cause)) sectors(event, *report, hashes_of(report->hashes));
  } else {
    if (event.as<ev::NodeKilled>() != nullptr) killed(event);
    other(event);
  }
}

void DiskProperty::request(const traces::Event& event, const ev::ScsiRequest& scsi) {
  const Key key{event.node.value, scsi.partition, scsi.relid, scsi.transaction};
  open_.erase(key);
  const auto kind = kind_of(scsi.opcode);
  if (!kind || scsi.disk == 0) return;
  DiskRequest& request = open_[key];
  request.kind = *kind;
  request.id = ++last_id_;
  request.disk = scsi.disk;
  request.lba = scsi.lba;
  request.sectors = *kind == Kind::Flush ? 0 : scsi.blocks;
  request.start = event.index;
  if (*kind != Kind::Write) accepted(event, request);
}

void DiskProperty::data(const traces::Event& event, const ev::ScsiData& data) {
  const auto found = open_.find({event.node.value, data.partition, data.relid, data.transaction});
  if (found == open_.end()) return;
  DiskRequest& request = found->second;
  if ((request.kind == Kind::Write) != data.write || request.kind == Kind::Flush) return;
  request.hashes = hashes_of(data.hashes);
  request.sectors = static_cast<std::uint32_t>(request.hashes.size());
  if (data.write) {
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
