#include "scenarios/guests/model/worker.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "hypervisor/core/msrs.hpp"
#include "hypervisor/core/virtual_processor.hpp"

namespace guests {

using vsp::guest::Completion;

namespace {

constexpr std::uint64_t kMostLateTicks = 1000;  // what one tick makes up for at most
constexpr std::uint32_t kWorkerVersion = 1;
constexpr std::uint64_t kOsId = 0x8100ULL << 48 | 1ULL << 16;  // as the programs say
constexpr std::int64_t kTickNs = 1'000'000;
constexpr std::uint8_t kInvalidLun = 0x20;
constexpr std::uint64_t kSetupTag = UINT64_MAX - 0xFF;  // no tag of the disk pattern
constexpr std::uint32_t kInquiryBytes = 36;
constexpr std::uint32_t kCapacityBytes = 8;

vmbus::guest::BusConfig bus_config() {
  vmbus::guest::BusConfig config;
  config.message_page = place::kMessagePage;
  config.event_page = place::kEventPage;
  config.interrupt_page = place::kInterruptPage;
  config.versions.insert(config.versions.end(), {vmbus::Version::V1_1, vmbus::Version::V0_13});
  return config;
}

std::uint32_t big_endian(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::uint32_t>(byte);
  return value;
}

}  // namespace

WorkerModel::WorkerModel(hv::Partition& partition, const WorkerPlan& plan)
    : partition_(partition),
      plan_(plan),
      pages_(partition),
      console_(partition),
      bus_(partition, bus_config(), *this),
      storage_(bus_, *this),
      heartbeat_(bus_),
      alarm_(partition, pages_, console_),
      disk_(pages_, storage_, console_, plan.disk),
      memory_(partition, pages_, console_, plan.memory),
      tick_timer_(partition.node(), "guest.worker", partition.place(), [this] { tick(); }) {}

// ---------------------------------------------------------------- the processor

void WorkerModel::run() {
  running_ = true;
  bus_.run();
  if (phase_ == Phase::Off) boot();
  arm_tick();
}

void WorkerModel::suspend() {
  running_ = false;
  bus_.suspend();
  tick_timer_.disarm();
}

void WorkerModel::interrupt(std::uint8_t vector) {
  if (console_.ended()) return;
  if (vector == Alarm::kVector) {
    alarm_.take();
  } else {
    bus_.on_interrupt(vector);
  }
  work();
}

/// Reference time in 100 ns. It never goes back, whatever happens to the VM.
std::uint64_t WorkerModel::clock() {
  const std::uint64_t now = partition_.vp({0})->rdmsr(hv::msr::kTimeRefCount).value_or(0);
  if (now <= last_clock_) console_.panic("the clock went back, it says", now);
  last_clock_ = now;
  return now;
}

// ---------------------------------------------------------------- setting up

void WorkerModel::boot() {
  hv::VirtualProcessor& vp = *partition_.vp({0});
  const auto page = [](sim::Gpfn gpfn) { return sim::base_of(gpfn).value | hv::msr::kPageEnable; };
  vp.wrmsr(hv::msr::kGuestOsId, kOsId);
  vp.wrmsr(hv::msr::kHypercall, page(place::kHypercallPage));
  vp.wrmsr(hv::msr::kReferenceTsc, page(place::kReferencePage));
  phase_ = Phase::Connecting;
  bus_.connect();
  alarm_.set_up();
}

void WorkerModel::refused() { console_.panic("the host speaks no VMBus version of ours"); }

void WorkerModel::offers_complete() {
  const auto version = static_cast<std::uint32_t>(bus_.version());
  console_.line("worker: connected, VMBus " + std::to_string(version >> 16) + "." +
                std::to_string(version & 0xFFFF));
  const vmbus::guest::OfferInfo* disk = bus_.find(vmbus::kScsiInterface);
  if (disk == nullptr) return open_heartbeat();
  phase_ = Phase::OpeningDisk;
  storage_relid_ = disk->relid;
  bus_.open(storage_relid_, place::kStorageRings, place::kStorageRingPages,
            place::kStorageRingPages);
}

void WorkerModel::opened(std::uint32_t relid, bool success) {
  if (!success) return console_.panic("the host refuses to open a channel:", relid);
  if (phase_ == Phase::OpeningDisk && relid == storage_relid_) {
    phase_ = Phase::Handshake;
    storage_.opened(relid);
  } else if (phase_ == Phase::OpeningHeartbeat && relid == heartbeat_relid_) {
    heartbeat_.opened(relid);
    console_.line("worker: heartbeat open");
    begin_work();
  }
}

void WorkerModel::storage_ready() {
  phase_ = Phase::Inquiry;
  ask_disk({0x12, 0, 0, 0, kInquiryBytes, 0}, kInquiryBytes);
}

void WorkerModel::storage_refused(std::uint32_t status) {
  console_.panic("storage handshake refused, status", status);
}

/// A command whose answer set-up needs, into the set-up buffer.
void WorkerModel::ask_disk(std::vector<std::uint8_t> cdb, std::uint32_t bytes) {
  vsp::guest::Command command;
  command.tag = kSetupTag;
  command.cdb = std::move(cdb);
  command.data_in = vsp::protocol::kDataFromDevice;
  command.buffer.bytes = bytes;
  command.buffer.pfns = {place::kSetupBuffer.value};
  storage_.submit(std::move(command));
}

void WorkerModel::completed(const Completion& completion) {
  if (console_.ended()) return;
  if (phase_ == Phase::Working) {
    disk_.completed(completion);
  } else {
    disk_described(completion);
  }
}

void WorkerModel::disk_described(const Completion& completion) {
  const std::uint8_t status = completion.srb_status & kSrbStatusMask;
  // A controller without a disk.
  if (phase_ == Phase::Inquiry && status == kInvalidLun) return open_heartbeat();
  if (status != vsp::protocol::kSrbSuccess) {
    return console_.panic("a storage command failed, SRB status", status);
  }
  std::array<std::byte, kCapacityBytes> answer;
  pages_.read(place::kSetupBuffer, 0, answer);
  if (phase_ == Phase::Inquiry) {
    const auto type = std::to_integer<std::uint8_t>(answer[0]);
    if ((type & 0x1F) != 0) return console_.panic("LUN 0 is no disk but type", type);
    phase_ = Phase::Capacity;
    ask_disk({0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0}, kCapacityBytes);
    return;
  }
  disk_blocks_ = std::uint64_t{big_endian(std::span(answer).first(4))} + 1;  // it names the last
  if (big_endian(std::span(answer).subspan(4)) != 512) {
    return console_.panic("blocks are not 512 bytes");
  }
  has_disk_ = true;
  console_.value("worker: disk found, blocks", disk_blocks_);
  open_heartbeat();
}

void WorkerModel::open_heartbeat() {
  const vmbus::guest::OfferInfo* heartbeat = bus_.find(vmbus::kHeartbeatInterface);
  if (heartbeat == nullptr) return begin_work();
  phase_ = Phase::OpeningHeartbeat;
  heartbeat_relid_ = heartbeat->relid;
  bus_.open(heartbeat_relid_, place::kHeartbeatRings, place::kHeartbeatToHostPages,
            place::kHeartbeatToGuestPages);
}

void WorkerModel::begin_work() {
  phase_ = Phase::Working;
  start_ns_ = partition_.guest_ns(partition_.node().now());
  start_ = clock();
  if (has_disk_) disk_.begin(disk_blocks_, start_);
  console_.value("worker: working set in pages", plan_.memory.pages);
  arm_tick();
}

// ---------------------------------------------------------------- channels

void WorkerModel::readable(std::uint32_t relid) {
  if (relid == storage_relid_) {
    storage_.readable();
  } else if (relid == heartbeat_relid_) {
    heartbeat_.readable();
  }
  if (bus_.failed(relid)) console_.panic("the host broke a ring");
}

void WorkerModel::writable(std::uint32_t relid) {
  if (relid == storage_relid_) storage_.writable();
}

void WorkerModel::rescinded(std::uint32_t relid) {
  if (relid != storage_relid_ && relid != heartbeat_relid_) return;
  console_.panic("the host took a channel away that is in use:", relid);
}

void WorkerModel::unasked(std::uint64_t transaction) {
  console_.panic("a completion that nobody asked for, transaction", transaction);
}

// ---------------------------------------------------------------- the day's work

void WorkerModel::work() {
  if (phase_ != Phase::Working || console_.ended()) return;
  const std::uint64_t now = clock();
  const std::uint64_t stop = plan_.stop_after == 0 ? Alarm::kNever : start_ + plan_.stop_after;
  while (has_disk_ && !console_.ended()) {
    if (now >= stop && disk_.finish()) break;
    if (!disk_.poll(now)) break;
  }
  if (console_.ended()) return;
  if (now >= stop && (!has_disk_ || disk_.finish())) return finish();
  report_milestones();
  alarm_.set(std::min(has_disk_ ? disk_.due() : Alarm::kNever, now < stop ? stop : Alarm::kNever));
}

void WorkerModel::report_milestones() {
  if (!has_disk_ || disk_.verified() < milestone_) return;
  milestone_ *= 10;
  console_.value("worker: flushed and read back, writes so far", disk_.writes());
}

void WorkerModel::finish() {
  memory_.verify_all();
  if (console_.ended()) return;
  tick_timer_.disarm();
  console_.value("worker: pages written", memory_.writes());
  console_.value("worker: disk writes", disk_.writes());
  console_.value("worker: read back", disk_.verified());
  console_.value("worker: heartbeats answered", heartbeat_.answered());
  console_.line("worker: done");
  console_.exit(0);
}

void WorkerModel::arm_tick() {
  const bool wanted = phase_ == Phase::Working && plan_.dirty_pages_per_ms != 0;
  if (!running_ || !wanted || console_.ended()) return;
  const auto ticks = static_cast<std::int64_t>(tick_) + 1;
  tick_timer_.arm(partition_.world_time(start_ns_ + ticks * kTickNs));
}

/// The memory pattern needs no alarm: it is what the processor does all the time.
void WorkerModel::tick() {
  if (!running_ || console_.ended()) return;
  // More than one tick is over when the host itself stood still.
  const std::int64_t worked = partition_.guest_ns(partition_.node().now()) - start_ns_;
  tick_ = static_cast<std::uint64_t>(worked / kTickNs);
  memory_.write_up_to(tick_ * plan_.dirty_pages_per_ms, kMostLateTicks * plan_.dirty_pages_per_ms);
  arm_tick();
}

// ---------------------------------------------------------------- state

std::vector<std::byte> WorkerModel::save() const {
  traces::ByteWriter out;
  out.put(kWorkerVersion);
  out.put(phase_);
  out.put(storage_relid_);
  out.put(heartbeat_relid_);
  out.put<std::uint8_t>(has_disk_);
  out.put<std::uint8_t>(console_.ended());
  out.put(disk_blocks_);
  out.put(start_ns_);
  out.put(start_);
  out.put(tick_);
  out.put(last_clock_);
  out.put(milestone_);
  bus_.save(out);
  storage_.save(out);
  heartbeat_.save(out);
  alarm_.save(out);
  disk_.save(out);
  memory_.save(out);
  return out.take();
}

bool WorkerModel::restore(std::span<const std::byte> state) {
  traces::ByteReader in(state);
  if (in.get<std::uint32_t>() != kWorkerVersion) return false;
  phase_ = in.get<Phase>();
  storage_relid_ = in.get<std::uint32_t>();
  heartbeat_relid_ = in.get<std::uint32_t>();
  has_disk_ = in.get<std::uint8_t>() != 0;
  console_.set_ended(in.get<std::uint8_t>() != 0);
  disk_blocks_ = in.get<std::uint64_t>();
  start_ns_ = in.get<std::int64_t>();
  start_ = in.get<std::uint64_t>();
  tick_ = in.get<std::uint64_t>();
  last_clock_ = in.get<std::uint64_t>();
  milestone_ = in.get<std::uint64_t>();
  // Beyond this the end of a tick would not fit into guest time.
  constexpr std::uint64_t kMostTicks = INT64_MAX / (4 * kTickNs);
  constexpr std::int64_t kLatestStart = INT64_MAX / 4;
  if (phase_ > Phase::Working || tick_ > kMostTicks || start_ns_ < 0 || start_ns_ > kLatestStart ||
      start_ > kMostTicks * kTickNs || !bus_.restore(in) || !storage_.restore(in) ||
      !heartbeat_.restore(in)) {
    return false;
  }
  alarm_.restore(in);
  if (!disk_.restore(in)) return false;
  memory_.restore(in);
  const bool ready = phase_ != Phase::Working || console_.ended() || !has_disk_ || disk_.ready();
  return in.ok() && in.at_end() && ready;
}

}  // namespace guests
