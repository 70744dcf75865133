#include "hypervisor/core/partition_impl.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "hypervisor/core/emit.hpp"
#include "hypervisor/core/plants.hpp"
#include "traces/bytes.hpp"

namespace hv {

Partition::Impl::Impl(Partition& owner)
    : partition(owner),
      parent(owner),
      hypercall_page(owner, traces::OverlayKind::Hypercall, 0),
      reference_page(owner, traces::OverlayKind::ReferenceTsc, 0),
      ipi_alarm(owner.node(), "hv.ipi", owner.place(), [this] { deliver_ipi(); }) {
  owner.node().follow(*this);
}

Partition::Impl::~Impl() { partition.node().unfollow(*this); }

// ---------------------------------------------------------------- partition-wide overlays

/// The contents are the hypervisor's to choose (spec B.3): VMCALL and RET, the rest breakpoints.
void Partition::Impl::show_hypercall_page(std::optional<sim::Gpfn> place) {
  if (place) {
    std::array<std::byte, sim::kPageSize> code;
    code.fill(std::byte{0xCC});
    constexpr std::byte kCall[] = {std::byte{0x0F}, std::byte{0x01}, std::byte{0xC1},
                                   std::byte{0xC3}};
    std::copy(std::begin(kCall), std::end(kCall), code.begin());
    partition.memory().write(hypercall_page.frame(), 0, code, traces::Writer::Host);
    partition.forget_code(hypercall_page.frame());
  }
  hypercall_page.move_to(place);
}

/// The TSC counts guest time from zero, as the reference counter does, so the offset is zero and
/// neither it nor the scale changes when the partition moves: nor may the sequence (spec B.8).
void Partition::Impl::show_reference_page(std::optional<sim::Gpfn> place) {
  if (place) {
    std::uint64_t hz = partition.config().time.tsc_hz;
    if (plant(partition, plants::kReferencePageDrifts)) hz += hz / 200'000;
    const Wide scaled = (Wide{10'000'000} << 64) / hz;
    const bool fits = scaled >> 64 == 0;
    traces::ByteWriter page;
    page.put<std::uint32_t>(fits ? 1 : 0);  // sequence; 0: use the MSR
    page.put<std::uint32_t>(0);
    page.put<std::uint64_t>(fits ? static_cast<std::uint64_t>(scaled) : 0);
    page.put<std::int64_t>(0);
    partition.memory().write(reference_page.frame(), 0, page.bytes(), traces::Writer::Host);
  }
  reference_page.move_to(place);
}

// ---------------------------------------------------------------- inter-processor interrupts

void Partition::Impl::send_ipi(const Ipi& ipi) {
  const std::int64_t last = ipis.empty() ? 0 : ipis.back().due;
  ipis.push_back(ipi);
  ipis.back().due = std::max(ipi.due, last);
  if (ipis.size() == 1) start_ipi_clock();
}

void Partition::Impl::start_ipi_clock() {
  if (!ipis.empty()) ipi_alarm.arm(partition.world_time(ipis.front().due));
}

void Partition::Impl::deliver_ipi() {
  constexpr std::uint8_t kLowestPriority = 1;
  constexpr std::uint8_t kInit = 5;
  constexpr std::uint8_t kStartUp = 6;
  const Ipi ipi = ipis.front();
  ipis.pop_front();
  start_ipi_clock();
  VirtualProcessor* const target = partition.vp({ipi.target});
  if (target == nullptr) return;
  if (ipi.mode <= kLowestPriority) target->request_interrupt(ipi.vector, false);
  if (ipi.mode == kInit) target->init();
  if (ipi.mode == kStartUp) target->start_up(ipi.vector);
}

// ---------------------------------------------------------------- life

void Partition::Impl::tear_down() {
  for (const auto& [index, vp] : vps) vp->tear_down();
  vps.clear();
  parent.clear();
  ipi_alarm.disarm();
  ipis.clear();
  hypercall_page.move_to(std::nullopt);
  reference_page.move_to(std::nullopt);
  if (clock.running()) clock.stop(partition.node().now());
  partition.suspended_ = true;
  partition.gpa_map_.unmap({0}, partition.gpa_map_.limit());
  const std::uint64_t used = std::exchange(pool.in_use, 0);
  if (!plant(partition, plants::kPoolLosesPages)) pool.available += used;
}

void Partition::Impl::node_killed() {
  for (const auto& [index, vp] : vps) vp->power_lost();
}

void Partition::Impl::node_resumed() {
  if (partition.suspended_) return;
  for (const auto& [index, vp] : vps) vp->host_resumed();
}

}  // namespace hv
