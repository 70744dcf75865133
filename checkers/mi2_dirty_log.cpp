// MI-2 (spec I.10): the dirty log misses nothing. Every page whose content changed in an interval,
// by the witness that compares contents, is in the set that the log reported for that interval.
#include <map>
#include <optional>
#include <string>
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
                 {ev::MemoryWritten::kType, ev::MigrationDirtySet::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* written = event.as<ev::MemoryWritten>()) {
      take(event, {event.node.value, written->partition, written->interval}, written->set, written_,
           reported_, true);
    } else if (const auto* reported = event.as<ev::MigrationDirtySet>()) {
      take(event, {event.node.value, reported->partition, reported->round}, reported->set,
           reported_, written_, false);
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      // It may die between the two events of one interval.
      std::erase_if(written_, [&](const auto& entry) { return entry.first.of(event.node); });
      std::erase_if(reported_, [&](const auto& entry) { return entry.first.of(event.node); });
    }
  }

 private:
  struct Interval {
    std::uint32_t node;
    std::uint64_t partition;
    std::uint32_t round;
    bool of(traces::NodeId host) const { return node == host.value; }
    friend auto operator<=>(const Interval&, const Interval&) = default;
  };
  struct Entry {
    traces::PageSet pages;
    traces::Time time{};
  };
  using Entries = std::map<Interval, Entry>;

  void take(const traces::Event& event, Interval interval, traces::Bytes bytes, Entries& own,
            Entries& other, bool is_witness) {
    auto set = traces::PageSet::decode(bytes);
    if (!set) {
      violate(event, "a page set that cannot be read");
      return;
    }
    const auto partner = other.find(interval);
    // Both speak of one instant. A set of another time belongs to an earlier migration.
    if (partner == other.end() || partner->second.time != event.time) {
      own[interval] = Entry{std::move(*set), event.time};
      return;
    }
    compare(event, interval, is_witness ? *set : partner->second.pages,
            is_witness ? partner->second.pages : *set);
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
    for (const auto& [interval, changed] : written_) {
      if (changed.pages.empty()) continue;
      violate_at_end(end, std::to_string(changed.pages.count()) +
                              " changed pages and no set of the log for round " +
                              std::to_string(interval.round));
    }
    for (const auto& [interval, set] : reported_) {
      lack("no witness looked at the changed pages of round " + std::to_string(interval.round));
    }
  }

  bool needs_detail() const override { return true; }
  std::string measured() const override {
    return std::to_string(pages_) + " changed pages in " + std::to_string(intervals_) +
           " intervals";
  }

  Entries written_;
  Entries reported_;
  std::uint64_t intervals_ = 0;
  std::uint64_t pages_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_mi2() { return std::make_unique<DirtyLog>(); }

}  // namespace checkers
