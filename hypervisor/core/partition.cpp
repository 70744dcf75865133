#include "hypervisor/core/partition.hpp"

#include <algorithm>
#include <array>

#include "hypervisor/core/calls.hpp"
#include "hypervisor/core/emit.hpp"
#include "hypervisor/core/hypervisor.hpp"
#include "hypervisor/core/partition_impl.hpp"
#include "hypervisor/core/plants.hpp"
#include "hypervisor/core/points.hpp"
#include "traces/digest.hpp"

namespace hv {

using traces::PartitionState;

Partition::Partition(Hypervisor& hypervisor, PartitionId id, PartitionId parent,
                     PartitionConfig config, sim::GuestMemory* memory)
    : hypervisor_(hypervisor), id_(id), parent_(parent), config_(config), memory_(memory) {
  HVSIM_ASSERT(config_.time.instructions_per_us > 0 && config_.time.tsc_hz > 0,
               "a partition without a rate of instructions or of its TSC");
  if (memory_ != nullptr) impl_ = std::make_unique<Impl>(*this);
}

Partition::~Partition() = default;

sim::Node& Partition::node() const { return hypervisor_.node(); }

std::uint64_t Partition::place() const {
  constexpr std::uint64_t kOfNoVm = std::uint64_t{1} << 40;
  return config_.vm != 0 ? config_.vm : kOfNoVm | id_.value;
}

// ---------------------------------------------------------------- what observers learn

void Partition::report_call(std::uint16_t code, PartitionState before, Status status,
                            bool caller_is_parent) const {
  traces::ev::PartitionCall event;
  event.partition = id_.value;
  event.code = code;
  event.status = static_cast<std::uint16_t>(status);
  event.state = before;
  event.caller_is_parent = caller_is_parent;
  emit(*this, event);
}

void Partition::report_pool(std::uint64_t deposited, std::uint64_t withdrawn) const {
  traces::ev::PoolChanged event;
  event.partition = id_.value;
  event.deposited = deposited;
  event.withdrawn = withdrawn;
  event.available = impl_->pool.available;
  event.in_use = impl_->pool.in_use;
  emit(*this, event);
}

void Partition::set_state(PartitionState state) {
  const PartitionState before = state_;
  state_ = state;
  emit(*this, traces::ev::PartitionState{id_.value, before, state});
}

void Partition::report_mapped(sim::Gpfn first, std::uint64_t pages, sim::Frame frame,
                              sim::Rights rights) const {
  traces::ev::GpaMapped event;
  event.partition = id_.value;
  event.gpfn = first.value;
  event.pages = pages;
  event.frame = frame.value;
  event.read = rights.read;
  event.write = rights.write;
  event.execute = rights.execute;
  emit(*this, event);
}

// ---------------------------------------------------------------- GPA pages

Status Partition::check_map(sim::Gpfn first, std::uint64_t pages, sim::Frame frame) const {
  if (state_ != PartitionState::Active) return Status::InvalidPartitionState;
  const std::uint64_t owned = memory_->ram_pages();
  if (frame.value > owned || pages > owned - frame.value) return Status::AccessDenied;
  return Status::Success;
}

Status Partition::map_gpa_pages(sim::Gpfn first, std::uint64_t pages, sim::Frame frame,
                                sim::Rights rights) {
  const PartitionState before = state_;
  Status status = check_map(first, pages, frame);
  if (status == Status::Success) status = gpa_map_.map(first, pages, frame, rights);
  report_call(call::kMapGpaPages, before, status);
  if (status == Status::Success) report_mapped(first, pages, frame, rights);
  return status;
}

Status Partition::unmap_gpa_pages(sim::Gpfn first, std::uint64_t pages) {
  const PartitionState before = state_;
  Status status = check_map(first, 0, {});
  if (status == Status::Success && pages == 0) status = Status::InvalidParameter;
  if (status == Status::Success) gpa_map_.unmap(first, pages);
  report_call(call::kUnmapGpaPages, before, status);
  if (status == Status::Success) report_mapped(first, pages, {}, {});
  return status;
}

// ---------------------------------------------------------------- virtual processors

Status Partition::check_new_vp(VpIndex index) const {
  if (state_ != PartitionState::Active) return Status::InvalidPartitionState;
  if (index.value >= config_.vp_count || impl_->vps.contains(index)) {
    return Status::InvalidVpIndex;
  }
  const std::uint64_t overlays = memory_->frames() - memory_->ram_pages();
  const bool fits = OverlayPage::frames_for(index.value + 1) <= overlays;
  return fits ? Status::Success : Status::InsufficientMemory;
}

Status Partition::create_vp(VpIndex index, const CpuFactory& factory) {
  const Status status = check_new_vp(index);
  report_call(call::kCreateVp, state_, status);
  if (status != Status::Success) return status;
  auto vp = std::make_unique<VirtualProcessor>(*this, index);
  vp->attach(factory(*vp, index));
  VirtualProcessor& created = *(impl_->vps[index] = std::move(vp));
  created.set_state(traces::VpState::Suspended, "created");
  return status;
}

Status Partition::create_model_vp(VpIndex index, ModelGuest& guest) {
  const Status status = check_new_vp(index);
  report_call(call::kCreateVp, state_, status);
  if (status != Status::Success) return status;
  auto vp = std::make_unique<VirtualProcessor>(*this, index);
  vp->attach(guest);
  VirtualProcessor& created = *(impl_->vps[index] = std::move(vp));
  created.set_state(traces::VpState::Suspended, "created");
  return status;
}

VirtualProcessor* Partition::vp(VpIndex index) {
  if (impl_ == nullptr) return nullptr;
  const auto found = impl_->vps.find(index);
  return found == impl_->vps.end() ? nullptr : found->second.get();
}

std::vector<VirtualProcessor*> Partition::vps() {
  std::vector<VirtualProcessor*> result;
  if (impl_ == nullptr) return result;
  for (const auto& [index, vp] : impl_->vps) result.push_back(vp.get());
  return result;
}

void Partition::suspend(const char* reason) {
  if (suspended_) return;
  for (const auto& [index, vp] : impl_->vps) vp->suspend(reason);
  memory_->sample_watches();
  impl_->parent.stop_clock();
  impl_->ipi_alarm.disarm();
  impl_->clock.stop(node().now());
  suspended_ = true;
}

void Partition::resume(const char* reason) {
  if (state_ != PartitionState::Active) return;
  if (suspended_) {
    impl_->clock.start(node().now());
    suspended_ = false;
    impl_->parent.start_clock();
    impl_->start_ipi_clock();
  }
  for (const auto& [index, vp] : impl_->vps) vp->resume(reason);
}

// ---------------------------------------------------------------- messages, events, interrupts

Status Partition::connect_messages(ConnectionId id, MessagePort& port) {
  const Status status = state_ != PartitionState::Active
                            ? Status::InvalidPartitionState
                            : impl_->parent.connect(id, &port, nullptr, 0);
  report_call(call::kConnectPort, state_, status);
  return status;
}

Status Partition::connect_events(ConnectionId id, EventPort& port, std::uint16_t flags) {
  const Status status = state_ != PartitionState::Active
                            ? Status::InvalidPartitionState
                            : impl_->parent.connect(id, nullptr, &port, flags);
  report_call(call::kConnectPort, state_, status);
  return status;
}

void Partition::disconnect(ConnectionId id) { impl_->parent.disconnect(id); }

/// In the order of TLFS 14.9.7.
Status Partition::check_post(std::uint32_t port, VpIndex vp_index, Sint sint, std::uint32_t type,
                             std::size_t bytes) {
  if (state_ != PartitionState::Active) return Status::InvalidPortId;
  if (type == 0 || type >= kHypervisorMessage || bytes > kMaxPayload || sint.value == 0 ||
      sint.value >= kSints) {
    return Status::InvalidParameter;
  }
  unsigned outstanding = 0;
  for (const auto& [index, each] : impl_->vps) outstanding += each->synic().outstanding(port);
  const bool none_left = outstanding >= kBuffersPerPort;
  if (none_left && !plant(*this, plants::kBuffersWithoutEnd)) return Status::InsufficientBuffers;
  if (outstanding >= 1 && plant(*this, plants::kOneBufferPerPort)) {
    return Status::InsufficientBuffers;
  }
  return vp(vp_index) == nullptr ? Status::InvalidVpIndex : Status::Success;
}

Status Partition::post_message(std::uint32_t port, VpIndex vp_index, Sint sint, std::uint32_t type,
                               std::span<const std::byte> payload) {
  traces::ev::MessagePosted event;
  event.partition = id_.value;
  event.to_guest = true;
  event.port = port;
  event.vp = vp_index.value;
  event.sint = sint.value;
  event.type = type;
  event.size = static_cast<std::uint32_t>(payload.size());
  event.hash = traces::hash64_of(payload);
  Status status = check_post(port, vp_index, sint, type, payload.size());
  if (status == Status::Success) {
    status = vp(vp_index)->synic().post(port, sint, type, payload, &event.sequence);
  }
  event.status = static_cast<std::uint16_t>(status);
  emit(*this, event);
  if (status != Status::Success) return status;
  Synic& synic = vp(vp_index)->synic();
  const std::uint64_t place = std::uint64_t{vp_index.value} << 8 | sint.value;
  const bool may_wait = config().synic.retry.ns > 0;  // else only the guest's EOM would look
  if (may_wait &&
      node().world().buggify(node(), points::kMessageWaits, {vm(), port, place, event.sequence})) {
    synic.scan_later();
  } else {
    synic.scan();
  }
  return status;
}

Status Partition::signal_event(VpIndex vp_index, Sint sint, std::uint16_t flag) {
  VirtualProcessor* const target = vp(vp_index);
  if (state_ != PartitionState::Active) return Status::InvalidPortId;
  if (sint.value == 0 || sint.value >= kSints || flag >= kFlagsPerSint) {
    return Status::InvalidParameter;
  }
  return target == nullptr ? Status::InvalidVpIndex : target->synic().signal(sint, flag);
}

Status Partition::assert_interrupt(VpIndex vp_index, std::uint8_t vector) {
  VirtualProcessor* const target = vp(vp_index);
  if (state_ != PartitionState::Active) return Status::InvalidPartitionState;
  if (target == nullptr) return Status::InvalidVpIndex;
  if (vector < 16) return Status::InvalidParameter;
  target->request_interrupt(vector, false);
  return Status::Success;
}

Status Partition::guest_post_message(ConnectionId connection, std::uint32_t type,
                                     std::span<const std::byte> payload) {
  return impl_->parent.post(connection, type, payload);
}

Status Partition::guest_signal_event(ConnectionId connection, std::uint16_t flag) {
  return impl_->parent.signal(connection, flag);
}

// ---------------------------------------------------------------- memory for the stack

bool Partition::read(sim::Gpa gpa, std::span<std::byte> out) const {
  while (!out.empty()) {
    const auto frame = gpa_map_.ram(sim::page_of(gpa));
    if (!frame) return false;
    const std::uint32_t offset = sim::offset_in_page(gpa);
    const std::size_t part = std::min<std::size_t>(out.size(), sim::kPageSize - offset);
    memory_->read(*frame, offset, out.first(part));
    out = out.subspan(part);
    gpa = gpa + part;
  }
  return true;
}

bool Partition::write(sim::Gpa gpa, std::span<const std::byte> data) {
  if (data.empty()) return true;
  const std::uint64_t last = gpa.value + data.size() - 1;
  if (last < gpa.value) return false;
  for (std::uint64_t page = sim::page_of(gpa).value; page <= last >> sim::kPageShift; ++page) {
    if (!gpa_map_.ram(sim::Gpfn{page})) return false;
  }
  while (!data.empty()) {
    const sim::Frame frame = *gpa_map_.ram(sim::page_of(gpa));
    const std::uint32_t offset = sim::offset_in_page(gpa);
    const std::size_t part = std::min<std::size_t>(data.size(), sim::kPageSize - offset);
    memory_->write(frame, offset, data.first(part), traces::Writer::Host);
    forget_code(frame);
    data = data.subspan(part);
    gpa = gpa + part;
  }
  return true;
}

void Partition::forget_code(sim::Frame frame) {
  for (const auto& [index, each] : impl_->vps) {
    if (each->cpu() != nullptr) each->cpu()->forget_code(frame);
  }
}

// ---------------------------------------------------------------- time

std::int64_t Partition::guest_ns(sim::Time world) const { return impl_->clock.at(world); }

sim::Time Partition::world_time(std::int64_t guest_ns) const {
  return suspended_ ? sim::kNever : impl_->clock.world_time(guest_ns);
}

ReferenceTime Partition::reference_time() const {
  return {static_cast<std::uint64_t>(guest_ns(node().now())) / 100};
}

/// Two processors may read at one tick, and one may be behind the other by the window.
ReferenceTime Partition::read_reference_time() {
  impl_->last_reference = std::max(reference_time().ticks, impl_->last_reference + 1);
  if (plant(*this, plants::kCounterRounds)) return {impl_->last_reference / 10 * 10};
  return {impl_->last_reference};
}

}  // namespace hv
