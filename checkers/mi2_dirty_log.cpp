// MI-2 (spec I.10): the dirty log misses nothing. Every page whose content changed in an interval,
// by the witness that compares contents, is in the set that the log reported for that interval.
#include <map>
#include <optional>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"
#include "traces/page_set.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

class DirtyLog final : public Property {
 public:
  DirtyLog()
      : Property("MI-2", "every changed page is in the dirty log's next set",
                 {ev::MemoryWritten::kType, ev::MigrationDirtySet::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* written = event.as<ev::MemoryWritten>()) {
      take(event, {event.node.value, written->partition, written->interval}, written->set, written_,
           reported_, true);
    } else if (const auto* reported = event.as<ev::MigrationDirtySet>()) {
      take(event, {event.node.value, reported->partition, reported->round}, reported->set,
           reported_, written_, false);
    }
  }

 private:
  struct Interval {
    std::uint32_t node;
    std::uint64_t partition;
    std::uint32_t round;
    friend auto operator<=>(const Interval&, const Interval&) = default;
  };
  using Sets = std::map<Interval, traces::PageSet>;

  void take(const traces::Event& event, Interval interval, traces::Bytes bytes, Sets& own,
            Sets& other, bool is_witness) {
    auto set = traces::PageSet::decode(bytes);
    if (!set) {
      violate(event, "a page set that cannot be read");
      return;
    }
    const auto partner = other.find(interval);
    if (partner == other.end()) {
      own[interval] = std::move(*set);
      return;
    }
    compare(event, interval, is_witness ? *set : partner->second,
            is_witness ? partner->second : *set);
    other.erase(partner);
  }

  void compare(const traces::Event& event, Interval interval, const traces::PageSet& changed,
               const traces::PageSet& reported) {
    ++intervals_;
    pages_ += changed.count();
    const traces::PageSet missed = changed.without(reported);
    if (missed.empty()) return;
    violate(event, std::to_string(missed.count()) +
                       " changed pages are missing from the set of round " +
                       std::to_string(interval.round) + ", the first is page " +
                       std::to_string(missed.runs().front().first));
  }

  void at_end(traces::Time end) override {
    // A host may die between the two events of one interval, so what is left over says nothing;
    // but a set of the log without any witness would mean that nobody looked.
    if (intervals_ == 0 && !reported_.empty()) {
      lack("no witness of changed pages is in the trace");
    }
  }

  bool needs_detail() const override { return true; }
  std::string measured() const override {
    return std::to_string(pages_) + " changed pages in " + std::to_string(intervals_) +
           " intervals";
  }

  Sets written_;
  Sets reported_;
  std::uint64_t intervals_ = 0;
  std::uint64_t pages_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_mi2() { return std::make_unique<DirtyLog>(); }

}  // namespace checkers
