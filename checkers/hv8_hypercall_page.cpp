// HV-8 (spec I.1, B.2): while a partition's guest has not said who it is, the partition has no
// hypercall page.
#include <string>

#include "checkers/hypervisor_numbers.hpp"
#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

struct Identity {
  /// The pages of a restored partition were laid before the restore was told.
  void take_over(const Identity& source) {
    os = source.os;
    unseen = source.unseen;
  }
  void begin_amid() { unseen = true; }
  std::uint64_t os = 0;
  bool page = false;
  bool unseen = false;  ///< the guest said it before the trace
};

class HypercallPage final : public Property {
 public:
  HypercallPage()
      : Property("HV-8", "a guest that has not said who it is has no hypercall page",
                 {ev::MsrAccessed::kType, ev::OverlayChanged::kType, ev::PartitionState::kType,
                  ev::PartitionCall::kType, ev::VpState::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* access = event.as<ev::MsrAccessed>()) {
      accessed(event, *access);
    } else if (const auto* overlay = event.as<ev::OverlayChanged>()) {
      if (overlay->kind != traces::OverlayKind::Hypercall) return;
      identities_.at(event, overlay->partition).page = overlay->enabled;
      if (overlay->enabled) ++pages_;
    } else {
      identities_.follow(event);
      const auto* vp = event.as<ev::VpState>();
      if (vp != nullptr && vp->state == traces::VpState::Running) judge(event, vp->partition);
    }
  }

 private:
  void accessed(const traces::Event& event, const ev::MsrAccessed& access) {
    if (!access.accepted || access.msr > synthetic_msr::kHypercall) return;
    Identity& identity = identities_.at(event, access.partition);
    if (access.msr == synthetic_msr::kGuestOsId) {
      identity.os = access.value;  // read or written, this is what it is
      identity.unseen = false;
    } else if (!access.write && (access.value & 1) != 0 && identity.os == 0 && !identity.unseen) {
      violate(event, "the hypercall page of partition " + std::to_string(access.partition) +
                         " reads as enabled without GUEST_OS_ID");
    }
    judge(event, access.partition);
  }

  void judge(const traces::Event& event, std::uint64_t partition) {
    const Identity& identity = identities_.at(event, partition);
    if (!identity.page || identity.os != 0 || identity.unseen) return;
    violate(event,
            "partition " + std::to_string(partition) + " has a hypercall page without GUEST_OS_ID");
  }

  std::string measured() const override { return std::to_string(pages_) + " pages laid"; }
  bool needs_detail() const override { return true; }

  PerPartition<Identity> identities_;
  std::uint64_t pages_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_hv8() { return std::make_unique<HypercallPage>(); }

}  // namespace checkers
