#include "hypervisor/vsp/guest/storvsc.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "traces/assert.hpp"

namespace vsp::guest {

using protocol::Operation;
using protocol::StoragePacket;

namespace {

constexpr std::uint32_t kDriverFormat = 0x32435453;  // "STC2"
/// Linux's transaction id for the handshake (spec D.1).
constexpr std::uint64_t kHandshake = UINT64_MAX - 2;

std::vector<std::uint8_t> transfer_cdb(std::uint8_t ten, std::uint8_t sixteen, std::uint64_t lba,
                                       std::uint32_t blocks, bool fua) {
  const bool wide = lba > UINT32_MAX || blocks > UINT16_MAX;
  std::vector<std::uint8_t> cdb = {wide ? sixteen : ten,
                                   static_cast<std::uint8_t>(fua ? 0x08 : 0x00)};
  const auto put = [&cdb](std::uint64_t value, unsigned bytes) {
    while (bytes-- > 0) cdb.push_back(static_cast<std::uint8_t>(value >> (8 * bytes)));
  };
  put(lba, wide ? 8 : 4);
  if (!wide) cdb.push_back(0);
  put(blocks, wide ? 4 : 2);
  cdb.resize(wide ? 16 : 10);
  return cdb;
}

/// The device did nothing and wants to be asked again (SPC-3 5.9.7 for UNIT ATTENTION).
bool wants_another_try(const protocol::ScsiRequest& srb) {
  constexpr std::uint8_t kBusy = 0x08, kCheckCondition = 0x02, kUnitAttention = 0x06;
  if (srb.scsi_status == kBusy) return true;
  return srb.scsi_status == kCheckCondition && srb.sense_info_length > 2 &&
         (srb.cdb_or_sense[2] & 0x0F) == kUnitAttention;
}

}  // namespace

std::vector<std::uint8_t> read_cdb(std::uint64_t lba, std::uint32_t blocks, bool fua) {
  return transfer_cdb(0x28, 0x88, lba, blocks, fua);
}

std::vector<std::uint8_t> write_cdb(std::uint64_t lba, std::uint32_t blocks, bool fua) {
  return transfer_cdb(0x2A, 0x8A, lba, blocks, fua);
}

std::vector<std::uint8_t> synchronize_cache_cdb() { return transfer_cdb(0x35, 0x91, 0, 0, false); }

StorVsc::StorVsc(vmbus::guest::Bus& bus, StorVscClient& client,
                 std::vector<StorageVersion> versions)
    : bus_(bus), client_(client), versions_(std::move(versions)) {}

void StorVsc::opened(std::uint32_t relid) {
  relid_ = relid;
  attempt_ = 0;
  outstanding_.clear();
  queue_.clear();
  step_ = Step::Begin;
  ask(Operation::BeginInitialization);
}

void StorVsc::ask(Operation operation) {
  StoragePacket packet;
  packet.operation = operation;
  packet.flags = protocol::kRequestCompletion;
  if (operation == Operation::QueryProtocolVersion) {
    const auto wanted = static_cast<std::uint16_t>(versions_[attempt_]);
    std::memcpy(packet.body.data(), &wanted, sizeof(wanted));
  }
  vmbus::PacketOut out;
  out.completion_requested = true;
  out.transaction = kHandshake;
  out.payload = std::as_bytes(std::span(&packet, 1));
  const bool sent = bus_.send(relid_, out);
  HVSIM_ASSERT(sent || bus_.failed(relid_), "the handshake finds an empty ring");
}

void StorVsc::answered(const StoragePacket& reply) {
  if (step_ == Step::Version && reply.status == protocol::kRevisionMismatch &&
      attempt_ + 1 < versions_.size()) {
    ++attempt_;
    ask(Operation::QueryProtocolVersion);
    return;
  }
  if (reply.status != protocol::kSuccess) {
    step_ = Step::Failed;
    client_.storage_refused(reply.status);
    return;
  }
  switch (step_) {
    case Step::Begin:
      step_ = Step::Version;
      ask(Operation::QueryProtocolVersion);
      break;
    case Step::Version:
      version_ = versions_[attempt_];
      step_ = Step::Properties;
      ask(Operation::QueryProperties);
      break;
    case Step::Properties: {
      protocol::ChannelProperties properties;
      std::memcpy(&properties, reply.body.data(), sizeof(properties));
      max_transfer_ = properties.max_transfer_bytes;
      step_ = Step::End;
      ask(Operation::EndInitialization);
      break;
    }
    case Step::End:
      step_ = Step::Ready;
      client_.storage_ready();
      flush();
      break;
    default:
      break;
  }
}

void StorVsc::submit(Command command) {
  HVSIM_ASSERT(command.tag != 0 && command.tag < kHandshake, "tags are the owner's numbers");
  const std::uint64_t tag = command.tag;
  const bool fresh = outstanding_.emplace(tag, std::move(command)).second;
  HVSIM_ASSERT(fresh, "a tag names one outstanding command");
  queue_.push_back(tag);
  flush();
}

void StorVsc::flush() {
  while (ready() && !queue_.empty() && send(outstanding_.at(queue_.front()))) queue_.pop_front();
}

bool StorVsc::send(const Command& command) {
  StoragePacket packet;
  packet.operation = Operation::ExecuteSrb;
  packet.flags = protocol::kRequestCompletion;
  protocol::ScsiRequest srb;
  // Up to version 4.2 an SRB ends with the command.
  const bool brief = version_ <= StorageVersion::Win7;
  srb.length = brief ? protocol::kShortSrb : sizeof(srb);
  srb.target = command.target;
  srb.lun = command.lun;
  srb.cdb_length = static_cast<std::uint8_t>(command.cdb.size());
  srb.sense_info_length = protocol::kSenseBytes;
  srb.data_in = command.data_in;
  srb.data_transfer_length = command.buffer.bytes;
  std::copy_n(command.cdb.begin(), std::min<std::size_t>(command.cdb.size(), 16),
              srb.cdb_or_sense.begin());
  std::memcpy(packet.body.data(), &srb, sizeof(srb));
  vmbus::PacketOut out;
  out.completion_requested = true;
  out.transaction = command.tag;
  out.payload = std::as_bytes(std::span(&packet, 1)).first(protocol::kPacketHead + srb.length);
  if (command.buffer.bytes != 0) {
    out.type = vmbus::PacketType::DataUsingGpaDirect;
    out.ranges = {command.buffer};
  }
  return bus_.send(relid_, out);
}

void StorVsc::writable() { flush(); }

void StorVsc::readable() {
  while (auto packet = bus_.receive(relid_)) {
    StoragePacket reply;
    if (packet->payload.size() < sizeof(reply)) continue;
    std::memcpy(&reply, packet->payload.data(), sizeof(reply));
    if (packet->type == vmbus::PacketType::DataInband &&
        reply.operation == Operation::EnumerateBus) {
      client_.luns_changed();
    }
    if (packet->type != vmbus::PacketType::Completion) continue;
    if (packet->transaction == kHandshake) {
      answered(reply);
      continue;
    }
    const std::uint64_t tag = packet->transaction;
    const bool queued = std::find(queue_.begin(), queue_.end(), tag) != queue_.end();
    if (queued || !outstanding_.contains(tag)) {
      client_.unasked(tag);
      continue;
    }
    protocol::ScsiRequest srb;
    std::memcpy(&srb, reply.body.data(), sizeof(srb));
    if (reply.status == protocol::kSuccess && wants_another_try(srb)) {
      queue_.push_back(tag);
      flush();
      continue;
    }
    outstanding_.erase(tag);
    Completion completion;
    completion.tag = packet->transaction;
    completion.srb_status =
        reply.status == protocol::kSuccess ? srb.srb_status : protocol::kSrbError;
    completion.scsi_status = srb.scsi_status;
    completion.bytes = srb.data_transfer_length;
    completion.sense = srb.cdb_or_sense;
    client_.completed(completion);
  }
}

void StorVsc::save(traces::ByteWriter& out) const {
  out.put(kDriverFormat);
  out.put(relid_);
  out.put(step_);
  out.put(attempt_);
  out.put(version_);
  out.put(max_transfer_);
  out.put<std::uint64_t>(outstanding_.size());
  for (const auto& [tag, command] : outstanding_) {
    out.put(tag);
    out.put(command.lun);
    out.put(command.target);
    out.block(std::as_bytes(std::span(command.cdb)));
    out.put(command.data_in);
    out.put(command.buffer.bytes);
    out.put(command.buffer.offset);
    out.block(std::as_bytes(std::span(command.buffer.pfns)));
  }
  out.put<std::uint64_t>(queue_.size());
  for (const std::uint64_t tag : queue_) out.put(tag);
}

bool StorVsc::restore(traces::ByteReader& in) {
  outstanding_.clear();
  queue_.clear();
  if (in.get<std::uint32_t>() != kDriverFormat) return false;
  relid_ = in.get<std::uint32_t>();
  step_ = in.get<Step>();
  attempt_ = in.get<std::uint32_t>();
  version_ = in.get<StorageVersion>();
  max_transfer_ = in.get<std::uint32_t>();
  if (step_ > Step::Failed || attempt_ >= versions_.size()) return false;
  const std::uint64_t commands = in.count(8 + 2 + 8 + 1 + 8 + 8);
  for (std::uint64_t i = 0; i < commands; ++i) {
    Command command;
    command.tag = in.get<std::uint64_t>();
    command.lun = in.get<std::uint8_t>();
    command.target = in.get<std::uint8_t>();
    const auto cdb = in.block();
    command.data_in = in.get<std::uint8_t>();
    command.buffer.bytes = in.get<std::uint32_t>();
    command.buffer.offset = in.get<std::uint32_t>();
    const auto pfns = in.block();
    if (!in.ok() || cdb.size() > 16 || pfns.size() % 8 != 0) return false;
    for (const std::byte byte : cdb) command.cdb.push_back(std::to_integer<std::uint8_t>(byte));
    command.buffer.pfns.resize(pfns.size() / 8);
    if (!pfns.empty()) std::memcpy(command.buffer.pfns.data(), pfns.data(), pfns.size());
    const std::uint64_t tag = command.tag;
    outstanding_.emplace(tag, std::move(command));
  }
  const std::uint64_t queued = in.count(8);
  for (std::uint64_t i = 0; i < queued; ++i) {
    queue_.push_back(in.get<std::uint64_t>());
    if (!outstanding_.contains(queue_.back())) return false;
  }
  return in.ok();
}

}  // namespace vsp::guest
