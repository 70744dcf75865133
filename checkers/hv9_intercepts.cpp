// HV-9 (spec I.1): an access to memory that the GPA map does not allow takes the processor that
// made it out of execution at once, and no other. It does nothing any more: nobody here ends an
// intercept otherwise than by destroying the partition.
#include <map>
#include <optional>
#include <set>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

struct Intercepted {
  void take_over(const Intercepted& source) { stopped = source.stopped; }
  struct Open {
    std::uint32_t vp;
    std::uint64_t event;
    traces::Time time;
  };
  std::optional<Open> open;  // told, and the processor not stopped yet
  std::set<std::uint32_t> stopped;
};

class Intercepts final : public Property {
 public:
  Intercepts()
      : Property("HV-9", "an intercepted access stops the processor that made it, and it alone",
                 {ev::VpIntercept::kType, ev::VpState::kType, ev::InterruptDelivered::kType,
                  ev::HypercallReturned::kType, ev::MsrAccessed::kType, ev::TscRead::kType,
                  ev::PartitionState::kType, ev::PartitionCall::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* intercept = event.as<ev::VpIntercept>()) {
      acts(event, *intercept, "is intercepted");
      all_.at(event, intercept->partition).open = {intercept->vp, event.index, event.time};
      ++intercepts_;
    } else if (const auto* vp = event.as<ev::VpState>()) {
      processor(event, *vp);
      all_.follow(event);
    } else if (const auto* taken = event.as<ev::InterruptDelivered>()) {
      acts(event, *taken, "takes an interrupt");
    } else if (const auto* returned = event.as<ev::HypercallReturned>()) {
      acts(event, *returned, "makes a hypercall");
    } else if (const auto* access = event.as<ev::MsrAccessed>()) {
      acts(event, *access, "uses an MSR");
    } else if (const auto* read = event.as<ev::TscRead>()) {
      acts(event, *read, "reads its TSC");
    } else {
      all_.follow(event);
    }
  }

 private:
  void processor(const traces::Event& event, const ev::VpState& vp) {
    Intercepted& partition = all_.at(event, vp.partition);
    const std::string name = "VP " + std::to_string(vp.vp);
    if (partition.open) {
      const Intercepted::Open open = *partition.open;
      partition.open.reset();
      partition.stopped.insert(open.vp);
      if (open.vp != vp.vp || vp.state == traces::VpState::Running) {
        violate(event,
                name + " changes its state where VP " + std::to_string(open.vp) + " was to stop");
      } else if (event.time != open.time) {
        violate(event, name + " stops later than the access that was intercepted");
      }
    } else if (vp.state == traces::VpState::Running && partition.stopped.contains(vp.vp)) {
      violate(event, name + " runs again, and its intercept was never ended");
    }
  }

  template <class E>
  void acts(const traces::Event& event, const E& payload, const char* what) {
    const Intercepted* partition = all_.find(event, payload.partition);
    if (partition == nullptr) return;
    const bool held = (partition->open && partition->open->vp == payload.vp) ||
                      partition->stopped.contains(payload.vp);
    if (held) {
      violate(event, "VP " + std::to_string(payload.vp) + " " + what +
                         " after an access that was intercepted");
    }
  }

  void at_end(traces::Time) override {
    all_.for_each([this](const Intercepted& partition) {
      if (!partition.open) return;
      violate_at(partition.open->event, partition.open->time,
                 "VP " + std::to_string(partition.open->vp) +
                     " makes an access that is intercepted, and does not stop");
    });
  }

  std::string measured() const override { return std::to_string(intercepts_) + " intercepts"; }
  bool needs_detail() const override { return true; }

  PerPartition<Intercepted> all_;
  std::uint64_t intercepts_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_hv9() { return std::make_unique<Intercepts>(); }

}  // namespace checkers
