// SY-11 (spec I.3, B.8): what a guest works out with the reference TSC page from its time stamp
// counter is the reference time, give or take one unit, and never goes back, not over a migration
// either. Another scale or offset comes with another sequence number.
#include <map>
#include <optional>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"
#include "checkers/reference_clock.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

__extension__ typedef unsigned __int128 Product;

struct TscPage {
  std::uint32_t sequence = 0;
  std::uint64_t scale = 0;
  std::int64_t offset = 0;

  std::uint64_t time(std::uint64_t tsc) const {
    return static_cast<std::uint64_t>(static_cast<Product>(tsc) * scale >> 64) +
           static_cast<std::uint64_t>(offset);
  }
  bool replaces_silently(const TscPage& before) const {
    return sequence != 0 && sequence == before.sequence &&
           (scale != before.scale || offset != before.offset);
  }
};

struct PageClock {
  void take_over(const PageClock& source) {
    clock.take_over(source.clock);
    last = source.last;
    // The page was shown here before the restore was told.
    silent = page && source.page && page->replaces_silently(*source.page);
  }
  void begin_amid() { clock.begin_amid(); }
  ReferenceClock clock;
  std::optional<TscPage> page;
  std::map<std::uint32_t, std::uint64_t> last;  // by VP
  bool silent = false;
};

class ReferencePage final : public Property {
 public:
  ReferencePage()
      : Property("SY-11", "the reference TSC page tells the reference time and never goes back",
                 {ev::ReferencePageShown::kType, ev::TscRead::kType, ev::OverlayChanged::kType,
                  ev::PartitionState::kType, ev::PartitionCall::kType, ev::VpState::kType,
                  ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* read = event.as<ev::TscRead>()) {
      look(event, *read);
    } else if (const auto* shown = event.as<ev::ReferencePageShown>()) {
      PageClock& clock = clocks_.at(event, shown->partition);
      const TscPage page{shown->sequence, shown->scale, shown->offset};
      if (clock.page && page.replaces_silently(*clock.page)) complain(event, page);
      clock.page = page;
    } else if (const auto* overlay = event.as<ev::OverlayChanged>()) {
      const bool gone = overlay->kind == traces::OverlayKind::ReferenceTsc && !overlay->enabled;
      if (gone) clocks_.at(event, overlay->partition).page.reset();
    } else {
      if (const auto* vp = event.as<ev::VpState>()) {
        clocks_.at(event, vp->partition).clock.processor(event.time, vp->state);
      }
      clocks_.follow(event);
    }
  }

 private:
  void complain(const traces::Event& event, const TscPage& page) {
    violate(event, "the reference TSC page changes under sequence number " +
                       std::to_string(page.sequence));
  }

  void look(const traces::Event& event, const ev::TscRead& read) {
    PageClock& clock = clocks_.at(event, read.partition);
    if (!clock.page || clock.page->sequence == 0) return;
    if (clock.silent) complain(event, *clock.page);
    ++readings_;
    const std::uint64_t time = clock.page->time(read.tsc);
    const std::string what = "VP " + std::to_string(read.vp) + " has " + std::to_string(time) +
                             " by the reference TSC page";
    if (clock.clock.known()) {
      const std::uint64_t now = clock.clock.ticks(event.time);
      if (time > now + 1 || now > time + 1) {
        violate(event, what + " when " + std::to_string(now) + " units have passed");
      }
    }
    std::uint64_t& last = clock.last[read.vp];
    if (time < last) violate(event, what + " after " + std::to_string(last));
    last = time;
  }

  std::string measured() const override { return std::to_string(readings_) + " readings"; }
  bool needs_detail() const override { return true; }

  PerPartition<PageClock> clocks_;
  std::uint64_t readings_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_sy11() { return std::make_unique<ReferencePage>(); }

}  // namespace checkers
