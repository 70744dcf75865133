// The life of an SRB: accepted with its data, served by a task of its own, completed once.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "hypervisor/vmbus/ranges.hpp"
#include "hypervisor/vsp/points.hpp"
#include "hypervisor/vsp/storvsp_impl.hpp"
#include "sim/kernel/invite.hpp"
#include "traces/digest.hpp"

namespace vsp {

namespace scsi = storage::scsi;
using scsi::Kind;

namespace {

constexpr sim::Duration kLateCompletion{5'000'000};

std::span<const std::uint8_t> cdb_of(const protocol::ScsiRequest& srb) {
  constexpr std::size_t kCdbBytes = 16;
  return std::span(srb.cdb_or_sense).first(std::min<std::size_t>(srb.cdb_length, kCdbBytes));
}

std::uint64_t transfer_bytes(const scsi::Command& command) {
  return std::uint64_t{command.blocks} * sim::kSectorSize;
}

scsi::Sense sense_for(sim::DiskStatus status, Kind kind) {
  switch (status) {
    case sim::DiskStatus::OutOfRange:
      return scsi::kLbaOutOfRange;
    case sim::DiskStatus::MediumError:
      return kind == Kind::Write || kind == Kind::Flush ? scsi::kWriteError
                                                        : scsi::kUnrecoveredRead;
    case sim::DiskStatus::NoSpace:
      return scsi::kSpaceAllocationFailed;
    case sim::DiskStatus::Reset:
      return scsi::kResetOccurred;
    default:
      return scsi::kNotReady;
  }
}

}  // namespace

std::uint64_t StorVsp::Impl::task_key(std::uint64_t serial) const {
  return sim::path_of("storvsp", place) + serial;
}

void StorVsp::Impl::accept(vmbus::Packet packet, const protocol::StoragePacket& storage) {
  auto owned = std::make_unique<Request>();
  Request& request = *owned;
  request.serial = next_serial++;
  request.session = session;
  request.packet = std::move(packet);
  std::memcpy(&request.srb, storage.body.data(), sizeof(request.srb));
  request.command = scsi::parse(cdb_of(request.srb));
  if (request.command && plant("storvsp.misplaces-blocks")) request.command->lba ^= 8;
  if (request.srb.path == 0 && request.srb.target == 0) {
    const auto lun = luns.find(request.srb.lun);
    if (lun != luns.end()) request.disk = lun->second;
  }
  request.acceptable = buffer_valid(request);
  witness_request(request);
  if (request.acceptable && request.disk != nullptr && request.command->kind == Kind::Write) {
    take_data(request);
  }
  // One after the other, so that the order on the disk is the order in the ring.
  request.start = std::max(host.now(), next_start);
  next_start = request.start + config.request_cost;
  outstanding.emplace(request.serial, std::move(owned));
  host.spawn("storvsp", task_key(request.serial), serve(*this, request));
}

bool StorVsp::Impl::buffer_valid(const Request& request) const {
  if (!request.command) return false;
  const std::uint64_t length = request.srb.data_transfer_length;
  std::uint64_t mapped = 0;
  for (const vmbus::GpaRange& range : request.packet.ranges) mapped += range.bytes;
  const bool in_band = request.packet.type == vmbus::PacketType::DataInband;
  const bool direct = request.packet.type == vmbus::PacketType::DataUsingGpaDirect;
  if ((!in_band && !direct) || length > config.max_transfer_bytes || length > mapped) return false;
  switch (request.command->kind) {
    case Kind::Read:
      return request.srb.data_in == protocol::kDataFromDevice || request.command->blocks == 0;
    case Kind::Write:
      return request.srb.data_in == protocol::kDataToDevice || request.command->blocks == 0;
    default:
      return true;
  }
}

void StorVsp::Impl::take_data(Request& request) {
  const std::uint64_t bytes = transfer_bytes(*request.command);
  if (bytes > request.srb.data_transfer_length) return;  // refused when it is served
  request.data.resize(bytes);
  request.acceptable = channel->copy_in(request.packet, 0, request.data);
  if (!request.acceptable || bytes == 0) return;
  witness_data(request, true, bytes);
  if (plant("storvsp.short-write")) {
    std::fill(request.data.end() - sim::kSectorSize, request.data.end(), std::byte{0});
  }
}

sim::Task<> StorVsp::Impl::serve(Impl& impl, Request& request) {
  co_await impl.host.sleep_until(request.start);
  Outcome outcome = co_await execute(impl, request);
  const sim::Duration late = sim::invited_delay(impl.host, kPointLateCompletion,
                                                {impl.config.vm, request.serial}, kLateCompletion);
  if (late.ns != 0) co_await impl.host.sleep(late);
  impl.finish(request, std::move(outcome));
}

sim::Task<StorVsp::Impl::Outcome> StorVsp::Impl::execute(Impl& impl, Request& request) {
  Outcome outcome;
  if (request.disk == nullptr && !impl.answers_absent(request)) {
    outcome.srb_status = protocol::kSrbInvalidLun;
  } else if (!request.acceptable) {
    outcome.srb_status = protocol::kSrbInvalidRequest;
  } else if (request.command->kind == Kind::Control) {
    outcome = impl.control(request);
  } else if (!impl.refuses(request, outcome)) {
    outcome = co_await transfer(impl, request);
  }
  if (outcome.busy) outcome.srb_status = protocol::kSrbError;
  if (outcome.sense) outcome.srb_status = protocol::kSrbError | protocol::kSrbAutosenseValid;
  co_return outcome;
}

/// Two questions have an answer where no disk is: who is there, and is anybody there. A 2012 host's
/// adapter without any disk knows nothing of LUNs.
bool StorVsp::Impl::answers_absent(const Request& request) const {
  if (!request.command) return false;
  if (request.command->opcode == scsi::Opcode::ReportLuns) return true;
  const bool says_absent =
      !luns.empty() || version > static_cast<std::uint16_t>(StorageVersion::Win8);
  return says_absent && request.command->opcode == scsi::Opcode::Inquiry;
}

StorVsp::Impl::Outcome StorVsp::Impl::control(const Request& request) {
  Outcome outcome;
  scsi::Answer answer;
  if (request.command->opcode == scsi::Opcode::ReportLuns) {
    std::vector<std::uint8_t> present;
    if (request.srb.path == 0 && request.srb.target == 0) {
      for (const auto& [lun, disk] : luns) present.push_back(lun);
    }
    answer = scsi::report_luns(cdb_of(request.srb), present);
  } else if (request.disk == nullptr) {
    answer = scsi::absent_inquiry(cdb_of(request.srb));
  } else {
    const scsi::Unit unit{request.disk->sectors(), request.disk->number(),
                          static_cast<std::uint32_t>(config.max_transfer_bytes / sim::kSectorSize)};
    answer = scsi::answer_control(cdb_of(request.srb), unit);
  }
  outcome.sense = answer.sense;
  outcome.data = std::move(answer.data);
  if (outcome.data.size() > request.srb.data_transfer_length) {
    outcome.data.resize(request.srb.data_transfer_length);
  }
  return outcome;
}

/// Every second request at most, so that trying again ends well however often trouble is invited.
bool StorVsp::Impl::refuses(const Request& request, Outcome& outcome) {
  if (request.serial % 2 != 0) return false;
  const sim::Operation operation{config.vm, request.serial};
  const bool moves = request.command->kind == Kind::Read || request.command->kind == Kind::Write;
  const auto claimed = static_cast<std::uint32_t>(moves ? transfer_bytes(*request.command) : 0);
  if (host.world().buggify(host, kPointBusy, operation)) {
    outcome.busy = !plant("storvsp.busy-is-good");
    if (!outcome.busy) outcome.moved = claimed;
    return true;
  }
  if (!host.world().buggify(host, kPointUnitAttention, operation)) return false;
  if (plant("storvsp.attention-is-good")) {
    outcome.moved = claimed;
  } else {
    outcome.sense = scsi::kResetOccurred;
  }
  return true;
}

/// Reads the medium piece by piece and keeps nothing.
sim::Task<sim::DiskStatus> StorVsp::Impl::verify(storage::VirtualDisk& disk,
                                                 scsi::Command command) {
  constexpr std::uint64_t kPiece = 256;
  std::vector<std::byte> piece;
  for (std::uint64_t done = 0; done < command.blocks; done += kPiece) {
    piece.resize(std::min(kPiece, command.blocks - done) * sim::kSectorSize);
    const sim::Lba at{command.lba + done};
    const sim::DiskStatus status = co_await disk.read(at, piece);
    if (status != sim::DiskStatus::Ok) co_return status;
  }
  co_return sim::DiskStatus::Ok;
}

/// Reads, writes and flushes. Every status of the disk becomes sense data.
sim::Task<StorVsp::Impl::Outcome> StorVsp::Impl::transfer(Impl& impl, Request& request) {
  Outcome outcome;
  const scsi::Command command = *request.command;
  storage::VirtualDisk& disk = *request.disk;
  const std::uint64_t sectors = disk.sectors();
  if (command.lba > sectors || command.blocks > sectors - command.lba) {
    outcome.sense = scsi::kLbaOutOfRange;
    co_return outcome;
  }
  sim::DiskStatus status = sim::DiskStatus::Ok;
  if (command.kind == Kind::Flush) {
    if (!impl.plant("storvsp.lying-flush")) status = co_await disk.flush();
  } else if (command.kind == Kind::Verify) {
    status = co_await verify(disk, command);
  } else if (transfer_bytes(command) > request.srb.data_transfer_length) {
    outcome.sense = scsi::kInvalidField;
    co_return outcome;
  } else if (command.blocks == 0) {
    co_return outcome;  // no data is no error (SBC-3)
  } else if (command.kind == Kind::Read) {
    outcome.data.resize(transfer_bytes(command));
    constexpr std::uint64_t kPlantedMask = 0x7F;
    const bool cut = command.lba > kPlantedMask && impl.plant("storvsp.read-cuts-lba");
    status = co_await disk.read({cut ? command.lba & kPlantedMask : command.lba}, outcome.data);
    if (status == sim::DiskStatus::Ok && impl.plant("storvsp.rewrites-what-it-read")) {
      std::vector<std::byte> again = outcome.data;
      status = co_await disk.write({command.lba}, std::move(again));
    }
  } else {
    std::vector<std::byte> data = std::move(request.data);
    status = co_await disk.write({command.lba}, std::move(data));
    if (status == sim::DiskStatus::Ok && command.force_unit_access) {
      status = co_await disk.flush();
    }
    outcome.moved = static_cast<std::uint32_t>(transfer_bytes(command));
  }
  if (status != sim::DiskStatus::Ok) {
    outcome.sense = sense_for(status, command.kind);
    outcome.data.clear();
    outcome.moved = 0;
  }
  co_return outcome;
}

void StorVsp::Impl::finish(Request& request, Outcome outcome) {
  const bool reachable = request.session == session && channel != nullptr && !channel->failed();
  constexpr std::uint64_t kPlantedSerial = 20;
  const bool swallowed = request.serial == kPlantedSerial && plant("storvsp.swallows-request");
  if (reachable && !swallowed) {
    const bool moves =
        request.command &&
        (request.command->kind == Kind::Read || request.command->kind == Kind::Write) &&
        !outcome.sense && !outcome.busy;
    const bool late = !outcome.data.empty() && plant("storvsp.dma-after-completion");
    if (late) {
      outcome.moved = static_cast<std::uint32_t>(outcome.data.size());
    } else {
      deliver_data(request, outcome);
    }
    const bool reads = moves && request.command->kind == Kind::Read;
    if (reads && plant("storvsp.claims-more")) outcome.moved += sim::kSectorSize;
    Reply reply = reply_to(request, outcome);
    if (moves && plant("storvsp.wrong-transaction")) reply.transaction ^= 0x100;
    if (moves && plant("storvsp.completes-twice")) send(reply);
    send(std::move(reply));
    if (late) deliver_data(request, outcome);
  }
  outstanding.erase(request.serial);
  finished.raise();
  finished.reset();
  if (!outstanding.empty()) return drain();
  if (pending_reset) {
    send(std::move(*pending_reset));
    pending_reset.reset();
  }
  if (quiesced) idle.raise();
  drain();
}

/// DMA to the guest, and what the guest's buffer then holds.
void StorVsp::Impl::deliver_data(const Request& request, Outcome& outcome) {
  if (outcome.data.empty()) return;
  std::span<const std::byte> data(outcome.data);
  const bool media = request.command->kind == Kind::Read;
  if (media && plant("storvsp.read-leaves-buffer")) {
    outcome.moved = static_cast<std::uint32_t>(data.size());
    return;
  }
  if (media && plant("storvsp.short-dma")) data = data.first(data.size() - sim::kSectorSize);
  if (!channel->copy_out(request.packet, 0, data)) {
    outcome.srb_status = protocol::kSrbInvalidRequest;
    outcome.moved = 0;
    return;
  }
  outcome.moved = static_cast<std::uint32_t>(outcome.data.size());
  if (media) witness_data(request, false, outcome.moved);
}

StorVsp::Impl::Reply StorVsp::Impl::reply_to(const Request& request, const Outcome& outcome) const {
  protocol::ScsiRequest srb = request.srb;
  srb.srb_status = outcome.srb_status;
  srb.scsi_status = outcome.busy    ? scsi::kBusy
                    : outcome.sense ? scsi::kCheckCondition
                                    : scsi::kGood;
  srb.data_transfer_length = outcome.moved;
  srb.cdb_or_sense = {};
  srb.sense_info_length = 0;
  if (outcome.sense) {
    const auto sense = outcome.sense->bytes();
    std::copy(sense.begin(), sense.end(), srb.cdb_or_sense.begin());
    srb.sense_info_length = sense.size();
  }
  Reply reply;
  reply.transaction = request.packet.transaction;
  reply.packet.operation = protocol::Operation::CompleteIo;
  reply.packet.status = protocol::kSuccess;
  std::memcpy(reply.packet.body.data(), &srb, sizeof(srb));
  reply.scsi = true;
  reply.opcode = request.srb.cdb_or_sense[0];
  reply.disk = request.disk == nullptr ? 0 : request.disk->number();
  return reply;
}

void StorVsp::Impl::witness_request(const Request& request) const {
  traces::ev::ScsiRequest event;
  event.partition = channel->partition().id().value;
  event.relid = channel->relid();
  event.transaction = request.packet.transaction;
  event.vm = config.vm;
  event.disk = request.disk == nullptr ? 0 : request.disk->number();
  event.opcode = request.srb.cdb_or_sense[0];
  if (request.command) {
    event.lba = request.command->lba;
    event.blocks = request.command->blocks;
  }
  event.bytes = request.srb.data_transfer_length;
  emit(event);
}

/// Looks at the guest's buffer itself, not at what the VSP copied (law 4).
void StorVsp::Impl::witness_data(const Request& request, bool write, std::uint64_t bytes) const {
  if (!host.world().detail()) return;
  std::vector<std::byte> buffer(bytes);
  const auto pieces = vmbus::pieces_of(request.packet.ranges, 0, bytes);
  if (!pieces) return;
  std::span<std::byte> rest(buffer);
  for (const vmbus::PagePiece& piece : *pieces) {
    const sim::Gpa gpa = sim::base_of({piece.pfn}) + piece.offset;
    if (!channel->partition().read(gpa, rest.first(piece.bytes))) return;
    rest = rest.subspan(piece.bytes);
  }
  traces::ByteWriter hashes;
  for (std::uint64_t at = 0; at < bytes; at += sim::kSectorSize) {
    hashes.put(traces::hash64_of(std::span(buffer).subspan(at, sim::kSectorSize)));
  }
  traces::ev::ScsiData event;
  event.partition = channel->partition().id().value;
  event.relid = channel->relid();
  event.transaction = request.packet.transaction;
  event.write = write;
  event.lba = request.command->lba;
  event.hashes = hashes.bytes();
  emit(event);
}

void StorVsp::Impl::witness_completion(const Reply& reply) const {
  if (!reply.scsi) return;
  protocol::ScsiRequest srb;
  std::memcpy(&srb, reply.packet.body.data(), sizeof(srb));
  traces::ev::ScsiCompletion event;
  event.partition = channel->partition().id().value;
  event.relid = channel->relid();
  event.transaction = reply.transaction;
  event.vm = config.vm;
  event.disk = reply.disk;
  event.opcode = reply.opcode;
  event.srb_status = srb.srb_status;
  event.scsi_status = srb.scsi_status;
  event.bytes = srb.data_transfer_length;
  emit(event);
}

}  // namespace vsp
