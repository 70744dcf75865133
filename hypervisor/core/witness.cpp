// The witness of a partition: digests of its objects as they stand. It lists for itself what there
// is to see, by other ways than the saved form (saved_state.hpp): registers through the engine's
// own interface, pages where they lie, fields where they are used. What saving or restoring leaves
// out is therefore not left out here as well.
#include <utility>

#include "hypervisor/core/emit.hpp"
#include "hypervisor/core/partition_impl.hpp"
#include "traces/digest.hpp"

namespace hv {

namespace {

using Stream = traces::DigestStream;

void add_time(Stream& out, std::int64_t ns) { out.add_u64(static_cast<std::uint64_t>(ns)); }

void add_bytes(Stream& out, std::span<const std::byte> bytes) {
  out.add_u64(bytes.size());
  out.add(bytes);
}

void add_page(Stream& out, const OverlayPage& page) {
  out.add_u64(page.frame().value);
  out.add_u64(page.place() ? page.place()->value + 1 : 0);
}

void add_segment(Stream& out, const sim::Segment& segment) {
  out.add_u64(segment.selector);
  out.add_u64(segment.base);
  out.add_u64(segment.limit);
  out.add_u64(segment.attributes);
}

void add_engine(Stream& out, const sim::Cpu& cpu) {
  const sim::CpuRegisters registers = cpu.registers();
  for (const std::uint64_t value : registers.gpr) out.add_u64(value);
  for (const std::uint64_t value :
       {registers.rip, registers.rflags, registers.cr0, registers.cr2, registers.cr3, registers.cr4,
        registers.cr8, registers.efer, registers.gdt_base, registers.idt_base}) {
    out.add_u64(value);
  }
  out.add_u64(registers.gdt_limit);
  out.add_u64(registers.idt_limit);
  for (const sim::Segment* segment :
       {&registers.es, &registers.cs, &registers.ss, &registers.ds, &registers.fs, &registers.gs,
        &registers.ldtr, &registers.tr}) {
    add_segment(out, *segment);
  }
  out.add_u64(cpu.executed());
  out.add_u64(cpu.halted());
  out.add_u64(cpu.interruptible());
  // What registers() does not show: the FPU, the architectural MSRs. Taken from this engine now.
  add_bytes(out, cpu.save());
}

void add_apic(Stream& out, const Apic& apic) {
  out.add_u64(apic.base());
  out.add_u64(apic.tpr());
  for (unsigned reg = 0; reg <= Apic::kSelfIpi; ++reg) {
    out.add_u64(apic.read(static_cast<std::uint8_t>(reg)).value_or(0));
  }
  for (const std::uint64_t vectors : apic.state().auto_eoi) out.add_u64(vectors);
  out.add_u64(apic.deliverable());
}

void add_synic(Stream& out, const Synic& synic) {
  const Synic::State& state = synic.state();
  out.add_u64(state.control);
  out.add_u64(state.simp);
  out.add_u64(state.siefp);
  add_page(out, synic.message_page());
  add_page(out, synic.event_page());
  for (unsigned sint = 0; sint < kSints; ++sint) {
    out.add_u64(state.sint[sint]);
    out.add_u64(state.queues[sint].size());
    for (const QueuedMessage& message : state.queues[sint]) {
      out.add_u64(message.port);
      out.add_u64(message.sequence);
      out.add_u64(message.type);
      out.add_u64(message.timer);
      out.add_u64(message.expiration);
      add_bytes(out, message.payload);
    }
  }
  out.add_u64(state.sequences.size());
  for (const auto& [place, posts] : state.sequences) {
    out.add_u64(place.first);
    out.add_u64(place.second);
    out.add_u64(posts);
  }
  add_time(out, state.retry_at);
}

void add_timer(Stream& out, const SyntheticTimer& timer) {
  const SyntheticTimer::State& state = timer.state();
  out.add_u64(state.config);
  out.add_u64(state.count);
  out.add_u64(state.due);
  out.add_u64(state.fire_at);
  out.add_u64(state.blocked);
}

void add_to_parent(Stream& out, const ParentQueue::State& state) {
  out.add_u64(state.messages.size());
  for (const ParentQueue::Message& message : state.messages) {
    out.add_u64(message.connection);
    out.add_u64(message.sequence);
    out.add_u64(message.type);
    add_time(out, message.due);
    add_bytes(out, message.payload);
  }
  out.add_u64(state.signals.size());
  for (const ParentQueue::Signal& signal : state.signals) {
    out.add_u64(signal.connection);
    out.add_u64(signal.flag);
    add_time(out, signal.due);
  }
  out.add_u64(state.sequences.size());
  for (const auto& [connection, posts] : state.sequences) {
    out.add_u64(connection);
    out.add_u64(posts);
  }
}

}  // namespace

void VirtualProcessor::witness(traces::DigestStream& out) const {
  out.add_u64(index_.value);
  out.add_u64(static_cast<std::uint64_t>(state_));
  out.add_u64(waits_for_startup_);
  out.add_u64(held_);
  add_time(out, base_ns_);
  add_time(out, idle_ns_);
  out.add_u64(assist_);
  add_page(out, assist_page_);
  add_apic(out, apic_);
  add_synic(out, synic_);
  for (std::size_t i = 0; i < kTimersPerVp; ++i) add_timer(out, timers_[i]);
  if (cpu_) add_engine(out, *cpu_);
  if (model_ != nullptr) add_bytes(out, model_->save());
}

void Partition::Impl::witness(traces::DigestStream& out) const {
  add_time(out, partition.guest_ns(partition.node().now()));
  out.add_u64(partition.reference_time().ticks);
  out.add_u64(guest_os_id);
  out.add_u64(hypercall_msr);
  out.add_u64(reference_tsc_msr);
  out.add_u64(last_reference);
  add_page(out, hypercall_page);
  add_page(out, reference_page);
  add_to_parent(out, parent.state());
  out.add_u64(ipis.size());
  for (const Ipi& ipi : ipis) {
    out.add_u64(ipi.target);
    out.add_u64(ipi.mode);
    out.add_u64(ipi.vector);
    add_time(out, ipi.due);
  }
}

/// The digest of the first VP also covers what the partition shares.
void Partition::emit_digests(traces::DigestPoint point) const {
  memory_->emit_digest(point);
  bool first = true;
  for (const auto& [index, vp] : impl_->vps) {
    traces::DigestStream seen;
    vp->witness(seen);
    if (std::exchange(first, false)) impl_->witness(seen);
    traces::ev::VpDigest event;
    event.vm = config_.vm;
    event.partition = id_.value;
    event.vp = index.value;
    event.point = point;
    event.instructions = vp->cpu() != nullptr ? vp->cpu()->executed() : 0;
    event.digest = seen.finish();
    emit(*this, event);
  }
}

}  // namespace hv
