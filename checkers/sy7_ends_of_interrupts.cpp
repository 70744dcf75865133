// SY-7 (spec I.3, B.7): an interrupt of an auto-EOI source leaves nothing in service. Any other
// stays in service until the guest writes EOI, and until then no interrupt of its class or a lower
// one is delivered.
#include <array>
#include <bit>
#include <map>
#include <string>

#include "checkers/hypervisor_numbers.hpp"
#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

enum class Ends : std::uint8_t { Unknown, ByItself, ByEoi };

struct LocalApic {
  std::array<std::uint64_t, kSintCount> sint{};
  std::array<Ends, 256> requested{};  ///< how the last request of a vector ends
  std::array<std::uint64_t, 4> in_service{};

  void set(std::uint8_t vector, bool on) {
    const std::uint64_t bit = std::uint64_t{1} << (vector & 63);
    std::uint64_t& word = in_service[vector >> 6];
    word = on ? word | bit : word & ~bit;
  }
  int highest() const {
    for (int word = 3; word >= 0; --word) {
      const std::uint64_t bits = in_service[static_cast<std::size_t>(word)];
      if (bits != 0) return word * 64 + 63 - std::countl_zero(bits);
    }
    return -1;
  }
};

struct LocalApics {
  /// The source's registers were told here before the restore was.
  void take_over(const LocalApics& source) {
    for (const auto& [vp, from] : source.vps) {
      vps[vp].requested = from.requested;
      vps[vp].in_service = from.in_service;
    }
  }
  std::map<std::uint32_t, LocalApic> vps;
};

class EndsOfInterrupts final : public Property {
 public:
  EndsOfInterrupts()
      : Property("SY-7", "an interrupt waits for the end of the one before, auto-EOI for nothing",
                 {ev::InterruptRequested::kType, ev::InterruptDelivered::kType,
                  ev::InterruptInService::kType, ev::ApicEoi::kType, ev::ApicReset::kType,
                  ev::SynicControl::kType, ev::PartitionState::kType, ev::PartitionCall::kType,
                  ev::VpState::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* request = event.as<ev::InterruptRequested>()) {
      if (!request->accepted) return;
      LocalApic& apic = apic_of(event, *request);
      const bool by_itself =
          request->sint < kSintCount && (apic.sint[request->sint] & sint_bit::kAutoEoi) != 0;
      apic.requested[request->vector] = by_itself ? Ends::ByItself : Ends::ByEoi;
    } else if (const auto* delivered = event.as<ev::InterruptDelivered>()) {
      deliver(event, *delivered);
    } else if (const auto* service = event.as<ev::InterruptInService>()) {
      serve(event, *service);
    } else if (const auto* eoi = event.as<ev::ApicEoi>()) {
      LocalApic& apic = apic_of(event, *eoi);
      const int ended = apic.highest();
      if (ended >= 0) apic.set(static_cast<std::uint8_t>(ended), false);
    } else if (const auto* reset = event.as<ev::ApicReset>()) {
      LocalApic& apic = apic_of(event, *reset);
      apic.in_service = {};
      apic.requested.fill(Ends::Unknown);
    } else if (const auto* control = event.as<ev::SynicControl>()) {
      if (control->sint < kSintCount)
        apic_of(event, *control).sint[control->sint] = control->config;
    } else {
      apics_.follow(event);
    }
  }

 private:
  template <class E>
  LocalApic& apic_of(const traces::Event& event, const E& payload) {
    return apics_.at(event, payload.partition).vps[payload.vp];
  }

  template <class E>
  static std::string vector_of(const E& payload) {
    return "vector " + std::to_string(payload.vector) + " of VP " + std::to_string(payload.vp);
  }

  void deliver(const traces::Event& event, const ev::InterruptDelivered& delivered) {
    ++interrupts_;
    const int before = apic_of(event, delivered).highest();
    if (before < 0 || delivered.vector >> 4 > before >> 4) return;
    violate(event, vector_of(delivered) + " is delivered while vector " + std::to_string(before) +
                       " is in service");
  }

  void serve(const traces::Event& event, const ev::InterruptInService& service) {
    LocalApic& apic = apic_of(event, service);
    Ends& ends = apic.requested[service.vector];
    if (ends == Ends::ByItself && service.in_service) {
      violate(event, vector_of(service) + " is in service though its source is auto-EOI");
    } else if (ends == Ends::ByEoi && !service.in_service) {
      violate(event, vector_of(service) + " is not in service though the guest must end it");
    }
    if (!service.in_service) ++by_themselves_;
    ends = Ends::Unknown;
    apic.set(service.vector, service.in_service);
  }

  std::string measured() const override {
    return std::to_string(interrupts_) + " interrupts, " + std::to_string(by_themselves_) +
           " ended by themselves";
  }
  bool needs_detail() const override { return true; }

  PerPartition<LocalApics> apics_;
  std::uint64_t interrupts_ = 0;
  std::uint64_t by_themselves_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_sy7() { return std::make_unique<EndsOfInterrupts>(); }

}  // namespace checkers
