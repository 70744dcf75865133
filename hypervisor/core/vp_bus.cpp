// What a VP's instructions ask of the outside: memory, ports, MMIO, CPUID, hypercalls.
#include <array>
#include <string>

#include "hypervisor/core/cpuid.hpp"
#include "hypervisor/core/emit.hpp"
#include "hypervisor/core/guest_clock.hpp"
#include "hypervisor/core/hypervisor.hpp"
#include "hypervisor/core/partition_impl.hpp"
#include "hypervisor/core/plants.hpp"
#include "hypervisor/core/virtual_processor.hpp"
#include "sim/cpu/disassembler.hpp"

namespace hv {
namespace {

constexpr sim::Gpfn kApicPage{Apic::kBaseAddress >> sim::kPageShift};
constexpr std::size_t kLongestInstruction = 15;
constexpr std::int64_t kTscTold = 1'000'000;  // ns; a guest may look at its TSC all the time

traces::AccessKind kind_of(sim::Access access) {
  switch (access) {
    case sim::Access::Read:
      return traces::AccessKind::Read;
    case sim::Access::Write:
      return traces::AccessKind::Write;
    case sim::Access::Execute:
      return traces::AccessKind::Execute;
  }
  return traces::AccessKind::Read;
}

}  // namespace

// ---------------------------------------------------------------- memory

sim::PhysicalPage VirtualProcessor::page(sim::Gpfn gpfn, sim::Access access) {
  using Kind = sim::PhysicalPage::Kind;
  if (gpfn == kApicPage && apic_.mmio_visible()) return {Kind::Mmio, {}, {}, false};
  auto entry = partition_.gpa_map_.lookup(gpfn);
  if (!entry) {
    InterceptHandler* const handler = partition_.intercepts_;
    const bool owned = handler != nullptr && handler->owns_mmio(gpfn);
    return {owned ? Kind::Mmio : Kind::Unmapped, {}, {}, false};
  }
  if (entry->overlay && access == sim::Access::Write && entry->rights.write) {
    const auto covered = partition_.gpa_map_.ram(gpfn);
    if (covered && plant(partition_, plants::kOverlayWritesThrough)) entry->frame = *covered;
  }
  constexpr sim::Rights kAll{true, true, true};
  if (entry->rights != kAll && plant(partition_, plants::kRightsIgnored)) entry->rights = kAll;
  if (partition_.node().world().detail()) {
    traces::ev::VpMapped event;
    event.partition = partition_.id().value;
    event.vp = index_.value;
    event.gpfn = gpfn.value;
    event.frame = entry->frame.value;
    event.access = kind_of(access);
    event.read = entry->rights.read;
    event.write = entry->rights.write;
    event.execute = entry->rights.execute;
    emit(partition_, event);
  }
  return {Kind::Ram, entry->frame, entry->rights,
          partition_.memory().must_report_store(entry->frame)};
}

/// Both terms only grow, so the sum changes whenever one of them does.
std::uint64_t VirtualProcessor::map_generation() const {
  return partition_.gpa_map_.generation() + partition_.memory().generation() + partition_.flushes_;
}

void VirtualProcessor::page_stored(sim::Frame frame) { partition_.memory().stored(frame); }

/// Only noted: when the run has ended, RIP is certainly at the instruction.
void VirtualProcessor::memory_intercept(sim::Gpa gpa, std::uint64_t, sim::Access access) {
  intercept_ = Intercept{gpa, access};
}

void VirtualProcessor::report_intercept() {
  HVSIM_ASSERT(intercept_.has_value(), "a run ended with an intercept that nobody reported");
  const Intercept intercept = *intercept_;
  intercept_.reset();
  const sim::CpuRegisters registers = cpu_->registers();
  const std::uint64_t linear = registers.cs.base + registers.rip;
  const std::string text = disassemble(linear);
  traces::ev::VpIntercept event;
  event.partition = partition_.id().value;
  event.vp = index_.value;
  event.gpa = intercept.gpa.value;
  event.access = kind_of(intercept.access);
  event.rip = registers.rip;
  event.instruction = text;
  emit(partition_, event);
  if (plant(partition_, plants::kInterceptHalts)) return park();
  stop("memory access outside the GPA map");
}

/// The instruction at a linear address; empty when its bytes cannot be reached.
std::string VirtualProcessor::disassemble(std::uint64_t linear) const {
  std::array<std::byte, kLongestInstruction> code;
  std::size_t length = 0;
  for (; length < code.size(); ++length) {
    const auto gpa = cpu_->translate(linear + length);
    const auto entry = gpa ? partition_.gpa_map_.lookup(sim::page_of(*gpa)) : std::nullopt;
    if (!entry) break;
    partition_.memory().read(entry->frame, sim::offset_in_page(*gpa),
                             std::span(code).subspan(length, 1));
  }
  if (length == 0) return {};
  const sim::CpuRegisters registers = cpu_->registers();
  constexpr std::uint64_t kLongModeActive = 1u << 10;
  constexpr std::uint32_t kCodeLong = 1u << 21;
  constexpr std::uint32_t kCodeBig = 1u << 22;
  unsigned bits = (registers.cs.attributes & kCodeBig) != 0 ? 32 : 16;
  if ((registers.efer & kLongModeActive) != 0 && (registers.cs.attributes & kCodeLong) != 0) {
    bits = 64;
  }
  return sim::disassemble_one(std::span(code).first(length), registers.rip, bits);
}

// ---------------------------------------------------------------- ports and MMIO

std::uint32_t VirtualProcessor::port_in(std::uint16_t port, unsigned bytes) {
  InterceptHandler* const handler = partition_.intercepts_;
  const std::uint32_t floating = bytes >= 4 ? ~0u : (1u << (8 * bytes)) - 1;
  const std::uint32_t value = handler != nullptr ? handler->port_in(index_, port, bytes) : floating;
  charge(partition_.config_.time.port_exit);
  return value;
}

void VirtualProcessor::port_out(std::uint16_t port, unsigned bytes, std::uint32_t value) {
  InterceptHandler* const handler = partition_.intercepts_;
  if (handler != nullptr) handler->port_out(index_, port, bytes, value);
  charge(partition_.config_.time.port_exit);
}

std::uint64_t VirtualProcessor::mmio_read(sim::Gpa gpa, unsigned bytes) {
  InterceptHandler* const handler = partition_.intercepts_;
  std::uint64_t value = ~std::uint64_t{0};
  if (sim::page_of(gpa) == kApicPage && apic_.mmio_visible()) {
    value = apic_.read(static_cast<std::uint8_t>(sim::offset_in_page(gpa) >> 4)).value_or(0);
  } else if (handler != nullptr) {
    value = handler->mmio_read(index_, gpa, bytes);
  }
  charge(partition_.config_.time.mmio_exit);
  return value;
}

void VirtualProcessor::mmio_write(sim::Gpa gpa, unsigned bytes, std::uint64_t value) {
  InterceptHandler* const handler = partition_.intercepts_;
  if (sim::page_of(gpa) == kApicPage && apic_.mmio_visible()) {
    write_apic(static_cast<std::uint8_t>(sim::offset_in_page(gpa) >> 4), value);
  } else if (handler != nullptr) {
    handler->mmio_write(index_, gpa, bytes, value);
  }
  charge(partition_.config_.time.mmio_exit);
}

// ---------------------------------------------------------------- instructions

std::optional<std::uint64_t> VirtualProcessor::rdmsr(std::uint32_t msr) {
  const auto value = read_msr(msr);
  charge(partition_.config_.time.msr_exit);
  return value;
}

bool VirtualProcessor::wrmsr(std::uint32_t msr, std::uint64_t value) {
  const bool accepted = write_msr(msr, value);
  charge(partition_.config_.time.msr_exit);
  return accepted;
}

sim::CpuidResult VirtualProcessor::cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
  const CpuidContext context{partition_.config_, index_, partition_.impl_->guest_os_id != 0};
  const sim::CpuidResult result = guest_cpuid(context, leaf, subleaf);
  charge(partition_.config_.time.cpuid_exit);
  return result;
}

void VirtualProcessor::hypercall(sim::HypercallRegisters& registers) {
  partition_.hypervisor_.hypercall(partition_, index_, registers);
  charge(partition_.config_.time.hypercall_exit);
}

/// Not an exit: the processor reads its counter by itself.
std::uint64_t VirtualProcessor::tsc() {
  const std::int64_t now = clock_ns();
  const std::uint64_t value =
      scale(static_cast<std::uint64_t>(now), partition_.config_.time.tsc_hz, 1'000'000'000);
  if (now / kTscTold != tsc_told_ && partition_.node().world().detail()) {
    tsc_told_ = now / kTscTold;
    emit(partition_, traces::ev::TscRead{partition_.id().value, index_.value, value});
  }
  return value;
}

void VirtualProcessor::write_cr8(std::uint64_t value) {
  apic_.set_tpr(static_cast<std::uint8_t>((value & 15) << 4));
  update_interrupt_line();
}

std::uint64_t VirtualProcessor::read_cr8() { return apic_.tpr() >> 4; }

}  // namespace hv
