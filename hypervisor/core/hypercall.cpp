#include "hypervisor/core/hypercall.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "hypervisor/core/emit.hpp"
#include "hypervisor/core/hypervisor.hpp"
#include "hypervisor/core/plants.hpp"
#include "hypervisor/core/virtual_processor.hpp"

namespace hv {
namespace {

template <class T>
T load(std::span<const std::byte> bytes, std::size_t at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | static_cast<T>(static_cast<T>(bytes[at + i]) << (8 * i)));
  }
  return value;
}

/// A range of guest memory inside one page, as the guest's own access would see it.
bool read_guest(Partition& partition, std::uint64_t gpa, std::span<std::byte> out) {
  if (out.empty()) return true;
  const auto entry = partition.gpa_map().lookup(sim::page_of({gpa}));
  if (!entry || !entry->rights.read) return false;
  partition.memory().read(entry->frame, sim::offset_in_page({gpa}), out);
  return true;
}

bool is_writable(Partition& partition, std::uint64_t gpa) {
  const auto entry = partition.gpa_map().lookup(sim::page_of({gpa}));
  return entry && entry->rights.write;
}

void write_guest(Partition& partition, std::uint64_t gpa, std::span<const std::byte> data) {
  if (data.empty()) return;
  const auto entry = partition.gpa_map().lookup(sim::page_of({gpa}));
  traces::ev::HypercallOutput output;
  output.partition = partition.id().value;
  output.gpa = gpa;
  output.bytes = static_cast<std::uint32_t>(data.size());
  partition.node().world().emit(partition.node().id(), output);
  partition.memory().write(entry->frame, sim::offset_in_page({gpa}), data, traces::Writer::Host);
  partition.forget_code(entry->frame);
}

/// 8-byte aligned and inside one page (spec B.3).
bool well_placed(std::uint64_t gpa, std::size_t bytes) {
  return bytes == 0 || (gpa % 8 == 0 && sim::offset_in_page({gpa}) + bytes <= sim::kPageSize);
}

/// A call on its way through the checks of spec B.4, in their order.
class Dispatch {
 public:
  Dispatch(Partition& caller, VirtualProcessor& vp, sim::HypercallRegisters& registers)
      : caller_(caller),
        vp_(vp),
        registers_(registers),
        frame_(HypercallFrame::read(registers)),
        control_(HypercallControl::decode(frame_.control)) {}

  void run() {
    Status status = check();
    if (status == Status::Success) status = info_->rep ? run_rep() : run_simple();
    if (!registers_.repeat) {
      const std::uint16_t done = info_ != nullptr && info_->rep ? done_ : std::uint16_t{0};
      HypercallFrame::write_result(registers_, hypercall_result(status, done));
    }
    report_return();
  }

 private:
  std::size_t input_bytes() const {
    return info_->header + std::size_t{info_->element_in} * control_.rep_count;
  }
  std::size_t output_bytes() const {
    return info_->output + std::size_t{info_->element_out} * control_.rep_count;
  }

  Status check() {
    info_ = find_hypercall(control_.code);
    if (info_ == nullptr) return Status::InvalidHypercallCode;
    const bool form_fits = info_->rep
                               ? control_.rep_count != 0 && control_.rep_start < control_.rep_count
                               : control_.rep_count == 0 && control_.rep_start == 0;
    if (!form_fits || (control_.fast && !info_->fast)) return Status::InvalidHypercallInput;
    if (!control_.reserved_clear || control_.variable_header != 0) {
      return Status::InvalidHypercallInput;
    }
    if (info_->rep) done_ = control_.rep_start;
    if (!control_.fast && (!well_placed(frame_.input, input_bytes()) ||
                           !well_placed(frame_.output, output_bytes()))) {
      return Status::InvalidAlignment;
    }
    const bool may = (caller_.config().privileges.hypercall & info_->privilege) == info_->privilege;
    if (!may && !plant(caller_, plants::kPrivilegeIgnored)) return Status::AccessDenied;
    return fetch();
  }

  /// Header and elements as they are now; a continuation reads them again.
  Status fetch() {
    input_.resize(input_bytes());
    output_.resize(output_bytes());
    if (control_.fast) {
      const std::uint64_t parameters[2] = {frame_.input, frame_.output};
      for (std::size_t i = 0; i < input_.size(); ++i) {
        input_[i] = static_cast<std::byte>(parameters[i / 8] >> (8 * (i % 8)));
      }
      return Status::Success;
    }
    if (!read_guest(caller_, frame_.input, input_)) return Status::InvalidParameter;
    if (!output_.empty() && !is_writable(caller_, frame_.output)) return Status::InvalidParameter;
    return Status::Success;
  }

  HypercallInput header() const {
    return {caller_, vp_.index(), control_.code, std::span(input_).first(info_->header)};
  }

  Status run_simple() {
    const Status status = info_->simple(header(), output_);
    if (status == Status::Success) write_guest(caller_, frame_.output, output_);
    return status;
  }

  /// Elements in order until one fails or the hypervisor has held the processor long enough.
  Status run_rep() {
    const sim::Duration cost = caller_.config().time.rep_element;
    const std::int64_t hold = caller_.config().time.hypercall_hold.ns;
    const std::int64_t budget = cost.ns > 0 ? std::max<std::int64_t>(hold / cost.ns, 1) : 4096;
    const std::uint16_t first = done_;
    Status status = Status::Success;
    while (done_ < control_.rep_count && done_ - first < budget) {
      const std::size_t in = info_->header + std::size_t{info_->element_in} * done_;
      const std::size_t out = info_->output + std::size_t{info_->element_out} * done_;
      status = info_->element(header(), std::span(input_).subspan(in, info_->element_in),
                              std::span(output_).subspan(out, info_->element_out));
      report_element(status);
      if (status != Status::Success) break;
      ++done_;
    }
    write_elements(first);
    vp_.charge(cost * (done_ - first));
    if (status == Status::Success && done_ < control_.rep_count) continue_later();
    return status;
  }

  void write_elements(std::uint16_t first) {
    const std::size_t from = info_->output + std::size_t{info_->element_out} * first;
    const std::size_t bytes = std::size_t{info_->element_out} * (done_ - first);
    write_guest(caller_, frame_.output + from, std::span(output_).subspan(from, bytes));
  }

  /// The instruction runs again, from the first element that is not done (spec B.3).
  void continue_later() {
    constexpr std::uint64_t kStartBits = std::uint64_t{0xFFF} << 48;
    std::uint64_t start = done_;
    if (plant(caller_, plants::kContinuationRepeats)) --start;
    const std::uint64_t control = (frame_.control & ~kStartBits) | start << 48;
    HypercallFrame::write_control(registers_, control);
    registers_.repeat = true;
  }

  // -- what observers learn --

  void report_element(Status status) const {
    traces::ev::HypercallElement event;
    event.partition = caller_.id().value;
    event.vp = vp_.index().value;
    event.code = control_.code;
    event.element = done_;
    event.status = static_cast<std::uint16_t>(status);
    emit(caller_, event);
  }

  /// What stands in the registers, not what we believe to have put there.
  void report_return() const {
    traces::ev::HypercallReturned event;
    event.partition = caller_.id().value;
    event.vp = vp_.index().value;
    event.control = frame_.control;
    event.continued = registers_.repeat;
    if (event.continued) {
      event.next = HypercallFrame::read(registers_).control;
    } else {
      event.result = HypercallFrame::read_result(registers_);
    }
    emit(caller_, event);
  }

  Partition& caller_;
  VirtualProcessor& vp_;
  sim::HypercallRegisters& registers_;
  HypercallFrame frame_;
  HypercallControl control_;
  const HypercallInfo* info_ = nullptr;
  std::vector<std::byte> input_;
  std::vector<std::byte> output_;
  std::uint16_t done_ = 0;
};

}  // namespace

HypercallControl HypercallControl::decode(std::uint64_t word) {
  HypercallControl control;
  control.code = static_cast<std::uint16_t>(word);
  control.fast = (word >> 16 & 1) != 0;
  control.variable_header = static_cast<std::uint16_t>(word >> 17 & 0x3FF);
  control.rep_count = static_cast<std::uint16_t>(word >> 32 & 0xFFF);
  control.rep_start = static_cast<std::uint16_t>(word >> 48 & 0xFFF);
  constexpr std::uint64_t kReserved =
      std::uint64_t{0x1F} << 27 | std::uint64_t{0xF} << 44 | std::uint64_t{0xF} << 60;
  control.reserved_clear = (word & kReserved) == 0;
  return control;
}

HypercallFrame HypercallFrame::read(const sim::HypercallRegisters& registers) {
  if (registers.long_mode) return {registers.rcx, registers.rdx, registers.r8};
  const auto pair = [](std::uint64_t high, std::uint64_t low) {
    return high << 32 | (low & 0xFFFF'FFFF);
  };
  return {pair(registers.rdx, registers.rax), pair(registers.rbx, registers.rcx),
          pair(registers.rdi, registers.rsi)};
}

std::uint64_t HypercallFrame::read_result(const sim::HypercallRegisters& registers) {
  if (registers.long_mode) return registers.rax;
  return registers.rdx << 32 | (registers.rax & 0xFFFF'FFFF);
}

void HypercallFrame::write_result(sim::HypercallRegisters& registers, std::uint64_t result) {
  if (registers.long_mode) {
    registers.rax = result;
    return;
  }
  registers.rax = result & 0xFFFF'FFFF;
  registers.rdx = result >> 32;
}

void HypercallFrame::write_control(sim::HypercallRegisters& registers, std::uint64_t control) {
  if (registers.long_mode) {
    registers.rcx = control;
    return;
  }
  registers.rax = control & 0xFFFF'FFFF;
  registers.rdx = control >> 32;
}

std::uint64_t HypercallInput::u64(std::size_t at) const { return load<std::uint64_t>(header, at); }
std::uint32_t HypercallInput::u32(std::size_t at) const { return load<std::uint32_t>(header, at); }
std::uint16_t HypercallInput::u16(std::size_t at) const { return load<std::uint16_t>(header, at); }

void Hypervisor::hypercall(Partition& caller, VpIndex vp, sim::HypercallRegisters& registers) {
  VirtualProcessor* const processor = caller.vp(vp);
  HVSIM_ASSERT(processor != nullptr, "a hypercall by a processor that does not exist");
  registers.repeat = false;
  Dispatch(caller, *processor, registers).run();
}

}  // namespace hv
