// SY-10 (spec I.3, B.8): the reference counter counts 100 ns of the time in which the partition was
// not suspended, and grows from each reading to the next whichever processor reads it. Where it was
// read already at this tick, a reading is one more than the last.
#include <algorithm>
#include <optional>
#include <string>

#include "checkers/hypervisor_numbers.hpp"
#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"
#include "checkers/reference_clock.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

struct Counter {
  void take_over(const Counter& source) {
    clock.take_over(source.clock);
    last = source.last;
  }
  void begin_amid() {
    clock.begin_amid();
    last.reset();
  }
  ReferenceClock clock;
  std::optional<std::uint64_t> last = 0;  // nothing: what was read before is not known
};

class ReferenceCounter final : public Property {
 public:
  ReferenceCounter()
      : Property("SY-10", "the reference counter keeps time, and stands still with its partition",
                 {ev::MsrAccessed::kType, ev::PartitionState::kType, ev::PartitionCall::kType,
                  ev::VpState::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* access = event.as<ev::MsrAccessed>()) {
      if (access->msr != synthetic_msr::kTimeRefCount || !access->accepted) return;
      if (access->write) {
        violate(event, "VP " + std::to_string(access->vp) + " writes the reference counter");
      } else {
        read(event, *access);
      }
      return;
    }
    if (const auto* vp = event.as<ev::VpState>()) {
      counters_.at(event, vp->partition).clock.processor(event.time, vp->state);
    }
    counters_.follow(event);
  }

 private:
  void read(const traces::Event& event, const ev::MsrAccessed& access) {
    ++readings_;
    Counter& counter = counters_.at(event, access.partition);
    const std::string what =
        "VP " + std::to_string(access.vp) + " reads " + std::to_string(access.value);
    if (counter.last && access.value <= *counter.last) {
      violate(event, what + " after a reading of " + std::to_string(*counter.last));
    } else if (counter.last && counter.clock.known()) {
      const std::uint64_t now = counter.clock.ticks(event.time);
      if (access.value != std::max(now, *counter.last + 1)) {
        violate(event, what + " when " + std::to_string(now) + " units have passed");
      }
    }
    counter.last = access.value;
  }

  std::string measured() const override { return std::to_string(readings_) + " readings"; }
  bool needs_detail() const override { return true; }

  PerPartition<Counter> counters_;
  std::uint64_t readings_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_sy10() { return std::make_unique<ReferenceCounter>(); }

}  // namespace checkers
