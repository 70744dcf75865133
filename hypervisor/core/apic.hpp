// The virtual local APIC of one VP: interrupt requests, priorities, in-service vectors, and the
// registers that guests reach by MMIO, by x2APIC MSRs or by the synthetic MSRs (spec B.2, B.7).
// Pure state: what a register write does to others is returned, not done.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace hv {

class Apic {
 public:
  static constexpr std::uint64_t kBaseAddress = 0xFEE0'0000;

  /// Registers by xAPIC offset / 16, as in x2APIC MSR numbers.
  enum Register : std::uint8_t {
    kId = 0x02,
    kVersion = 0x03,
    kTpr = 0x08,
    kPpr = 0x0A,
    kEoi = 0x0B,
    kLdr = 0x0D,
    kDfr = 0x0E,
    kSvr = 0x0F,
    kIsr = 0x10,
    kTmr = 0x18,
    kIrr = 0x20,
    kEsr = 0x28,
    kIcr = 0x30,
    kIcrHigh = 0x31,
    kLvtTimer = 0x32,
    kLvtError = 0x37,
    kInitialCount = 0x38,
    kCurrentCount = 0x39,
    kDivide = 0x3E,
    kSelfIpi = 0x3F
  };

  using Vectors = std::array<std::uint64_t, 4>;

  /// Everything that lives across save and restore.
  struct State {
    std::uint64_t base = 0;
    std::uint8_t tpr = 0;
    std::uint32_t svr = 0;
    std::uint32_t ldr = 0;
    std::uint32_t dfr = 0;
    std::uint64_t icr = 0;
    std::uint32_t divide = 0;
    std::uint32_t initial_count = 0;
    std::array<std::uint32_t, 6> lvt{};
    Vectors irr{};
    Vectors isr{};
    Vectors auto_eoi{};  ///< requested vectors that leave no in-service bit
  };

  explicit Apic(std::uint32_t id);

  /// Edge interrupt. Lost while the APIC is software-disabled; false then.
  bool request(std::uint8_t vector, bool auto_eoi);
  /// Priority above TPR and above everything in service.
  bool deliverable() const;
  /// The processor takes the interrupt; nullopt when nothing is deliverable.
  std::optional<std::uint8_t> acknowledge();
  /// Ends the highest vector in service and names it.
  std::optional<std::uint8_t> end_of_interrupt();

  bool serves(std::uint8_t vector) const {
    return (state_.isr[vector >> 6] >> (vector & 63) & 1) != 0;
  }

  std::uint8_t tpr() const { return state_.tpr; }
  void set_tpr(std::uint8_t value) { state_.tpr = value; }
  std::uint32_t id() const { return id_; }
  bool x2apic() const { return (state_.base & kX2ApicEnabled) != 0; }
  /// The register page answers at its address.
  bool mmio_visible() const { return (state_.base & (kEnabled | kX2ApicEnabled)) == kEnabled; }

  std::uint64_t base() const { return state_.base; }
  /// False means #GP: another address, or a transition that the architecture forbids.
  bool set_base(std::uint64_t value);

  /// nullopt: no such register.
  std::optional<std::uint64_t> read(std::uint8_t reg) const;
  /// What a write asks of the owner besides changing registers.
  enum class Effect : std::uint8_t { None, Refused, Eoi, SendIpi, SelfIpi };
  Effect write(std::uint8_t reg, std::uint64_t value);
  std::uint64_t icr() const { return state_.icr; }
  /// True when an IPI with this destination field reaches this APIC.
  bool addressed_by(std::uint64_t icr, bool sender_is_x2apic) const;

  const State& state() const { return state_; }
  void set_state(const State& state) { state_ = state; }
  static bool valid(const State& state);
  void reset();

 private:
  static constexpr std::uint64_t kBootProcessor = 1u << 8;
  static constexpr std::uint64_t kX2ApicEnabled = 1u << 10;
  static constexpr std::uint64_t kEnabled = 1u << 11;
  std::uint8_t processor_priority() const;

  std::uint32_t id_;
  State state_;
};

}  // namespace hv
