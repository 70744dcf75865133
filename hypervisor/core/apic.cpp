#include "hypervisor/core/apic.hpp"

#include <bit>

namespace hv {
namespace {

constexpr std::uint32_t kSoftwareEnabled = 1u << 8;
constexpr std::uint32_t kVersionValue = 0x0005'0014;  // integrated APIC, six LVT entries
constexpr std::uint8_t kFirstVector = 16;

int highest(const Apic::Vectors& vectors) {
  for (int word = 3; word >= 0; --word) {
    const std::uint64_t bits = vectors[static_cast<std::size_t>(word)];
    if (bits != 0) return word * 64 + 63 - std::countl_zero(bits);
  }
  return -1;
}
std::uint64_t bit_of(std::uint8_t vector) { return std::uint64_t{1} << (vector & 63); }
std::uint64_t& word_of(Apic::Vectors& vectors, std::uint8_t vector) { return vectors[vector >> 6]; }
std::uint32_t half_word(const Apic::Vectors& vectors, unsigned index) {
  return static_cast<std::uint32_t>(vectors[index / 2] >> (32 * (index % 2)));
}

}  // namespace

Apic::Apic(std::uint32_t id) : id_(id) { reset(); }

/// No firmware runs before a guest, so a VP starts as firmware hands it over: APIC enabled.
void Apic::reset() {
  state_ = State{};
  state_.base = kBaseAddress | kEnabled | (id_ == 0 ? kBootProcessor : 0);
  state_.svr = 0xFF | kSoftwareEnabled;
  state_.dfr = 0xFFFF'FFFF;
  state_.lvt.fill(0x1'0000);
}

bool Apic::request(std::uint8_t vector, bool auto_eoi) {
  if ((state_.svr & kSoftwareEnabled) == 0 || vector < kFirstVector) return false;
  word_of(state_.irr, vector) |= bit_of(vector);
  if (auto_eoi) {
    word_of(state_.auto_eoi, vector) |= bit_of(vector);
  } else {
    word_of(state_.auto_eoi, vector) &= ~bit_of(vector);
  }
  return true;
}

std::uint8_t Apic::processor_priority() const {
  const int in_service = highest(state_.isr);
  const auto service_class = static_cast<std::uint8_t>(in_service < 0 ? 0 : in_service & 0xF0);
  return (state_.tpr & 0xF0) >= service_class ? state_.tpr : service_class;
}

bool Apic::deliverable() const {
  const int requested = highest(state_.irr);
  return requested >= 0 && (requested & 0xF0) > (processor_priority() & 0xF0);
}

std::optional<std::uint8_t> Apic::acknowledge() {
  if (!deliverable()) return std::nullopt;
  const auto vector = static_cast<std::uint8_t>(highest(state_.irr));
  word_of(state_.irr, vector) &= ~bit_of(vector);
  if ((word_of(state_.auto_eoi, vector) & bit_of(vector)) != 0) {
    word_of(state_.auto_eoi, vector) &= ~bit_of(vector);
  } else {
    word_of(state_.isr, vector) |= bit_of(vector);
  }
  return vector;
}

std::optional<std::uint8_t> Apic::end_of_interrupt() {
  const int in_service = highest(state_.isr);
  if (in_service < 0) return std::nullopt;
  const auto vector = static_cast<std::uint8_t>(in_service);
  word_of(state_.isr, vector) &= ~bit_of(vector);
  return vector;
}

bool Apic::set_base(std::uint64_t value) {
  constexpr std::uint64_t kAddress = ~std::uint64_t{0xFFF};
  if ((value & kAddress) != kBaseAddress) return false;
  if ((value & ~(kAddress | kBootProcessor | kX2ApicEnabled | kEnabled)) != 0) return false;
  const bool enabled = (value & kEnabled) != 0;
  const bool extended = (value & kX2ApicEnabled) != 0;
  if (extended && !enabled) return false;
  if (x2apic() && enabled && !extended) return false;  // only by way of disabled
  state_.base = value;
  return true;
}

std::optional<std::uint64_t> Apic::read(std::uint8_t reg) const {
  if (reg >= kIsr && reg < kIsr + 8) return half_word(state_.isr, reg - kIsr);
  if (reg >= kTmr && reg < kTmr + 8) return 0;  // every interrupt here is an edge
  if (reg >= kIrr && reg < kIrr + 8) return half_word(state_.irr, reg - kIrr);
  if (reg >= kLvtTimer && reg <= kLvtError) return state_.lvt[reg - kLvtTimer];
  switch (reg) {
    case kId:
      return x2apic() ? id_ : id_ << 24;
    case kVersion:
      return kVersionValue;
    case kTpr:
      return state_.tpr;
    case kPpr:
      return processor_priority();
    case kLdr:
      return x2apic() ? (id_ >> 4 << 16 | 1u << (id_ & 15)) : state_.ldr;
    case kDfr:
      return state_.dfr;
    case kSvr:
      return state_.svr;
    case kEsr:
      return 0;
    case kIcr:
      return x2apic() ? state_.icr : state_.icr & 0xFFFF'FFFF;
    case kIcrHigh:
      return state_.icr >> 32;
    case kInitialCount:
      return state_.initial_count;
    case kCurrentCount:
      return 0;
    case kDivide:
      return state_.divide;
    default:
      return std::nullopt;
  }
}

Apic::Effect Apic::write(std::uint8_t reg, std::uint64_t value) {
  const auto low = static_cast<std::uint32_t>(value);
  if (reg >= kLvtTimer && reg <= kLvtError) {
    state_.lvt[reg - kLvtTimer] = low;
    return Effect::None;
  }
  switch (reg) {
    case kTpr:
      state_.tpr = static_cast<std::uint8_t>(value);
      return Effect::None;
    case kEoi:
      return Effect::Eoi;
    case kLdr:
      state_.ldr = low & 0xFF00'0000;
      return Effect::None;
    case kDfr:
      state_.dfr = low | 0x0FFF'FFFF;
      return Effect::None;
    case kSvr:
      state_.svr = low & 0x1FF;
      return Effect::None;
    case kEsr:
      return Effect::None;
    case kIcrHigh:
      state_.icr = (state_.icr & 0xFFFF'FFFF) | std::uint64_t{low} << 32;
      return Effect::None;
    case kIcr:
      // Bit 12, delivery status, always reads idle.
      state_.icr = (x2apic() ? value : (state_.icr & ~0xFFFF'FFFFull) | low) & ~0x1000ull;
      return Effect::SendIpi;
    case kInitialCount:
      state_.initial_count = low;
      return Effect::None;
    case kDivide:
      state_.divide = low & 0xB;
      return Effect::None;
    case kSelfIpi:
      return x2apic() ? Effect::SelfIpi : Effect::Refused;
    default:
      return Effect::Refused;
  }
}

bool Apic::addressed_by(std::uint64_t icr, bool sender_is_x2apic) const {
  const bool logical = (icr & 0x800) != 0;
  const auto destination = sender_is_x2apic ? static_cast<std::uint32_t>(icr >> 32)
                                            : static_cast<std::uint32_t>(icr >> 56);
  if (destination == (sender_is_x2apic ? 0xFFFF'FFFFu : 0xFFu)) return true;
  if (!logical) return destination == id_;
  if (sender_is_x2apic) {
    return destination >> 16 == id_ >> 4 && (destination & 1u << (id_ & 15)) != 0;
  }
  const std::uint32_t own = state_.ldr >> 24;
  if (state_.dfr >> 28 == 0xF) return (destination & own) != 0;           // flat
  return destination >> 4 == own >> 4 && (destination & own & 0xF) != 0;  // cluster
}

bool Apic::valid(const State& state) {
  const std::uint64_t mode = state.base & (kEnabled | kX2ApicEnabled);
  if ((state.base & ~(kBootProcessor | kEnabled | kX2ApicEnabled)) != kBaseAddress) return false;
  if (mode == kX2ApicEnabled) return false;
  if ((state.svr & ~0x1FFu) != 0 || (state.divide & ~0xBu) != 0) return false;
  constexpr std::uint64_t kReserved = 0xFFFF;
  return ((state.irr[0] | state.isr[0] | state.auto_eoi[0]) & kReserved) == 0;
}

}  // namespace hv
